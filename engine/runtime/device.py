"""Where the networks run: which device, in which precision, with how many threads, and why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from engine.errors import EngineError


@dataclass(frozen=True, slots=True)
class Device:
    """A device with the precision that is fast and safe on it; `reason` is for a person."""

    device: torch.device
    dtype: torch.dtype
    reason: str

    @property
    def dtype_name(self) -> str:
        return str(self.dtype).removeprefix("torch.")


def choose(wish: str = "auto") -> Device:
    """`wish` is auto, cpu, cuda or mps. EngineError where the wished device is not there."""
    if wish not in ("auto", "cpu", "cuda", "mps"):
        raise EngineError(f"The device is auto, cpu, cuda or mps, not “{wish}”.")
    reason = "the processor was asked for" if wish == "cpu" else "no graphics card was found"
    for card in _cards(wish):
        failure = _trial(card)
        if not failure:
            return card
        reason = f"{card.reason}, but it does not work ({failure})"
    if wish in ("cuda", "mps"):
        raise EngineError(f"There is no usable {wish} device here; use “--device auto” or “--device cpu”.")
    return processor(reason)


def processor(reason: str) -> Device:
    """The processor, in the format it is fast in."""
    if multiplies_bfloat16("cpu"):
        return Device(torch.device("cpu"), torch.bfloat16, f"{reason}; this processor multiplies bfloat16")
    return Device(torch.device("cpu"), torch.float32, reason)


def _cards(wish: str) -> Iterator[Device]:
    """What torch claims to see. Half precision is safe: the network's values stay below 100, float16 ends at 65504."""
    if wish in ("auto", "cuda") and torch.cuda.is_available():
        half = torch.bfloat16 if multiplies_bfloat16("cuda") else torch.float16
        yield Device(torch.device("cuda"), half, f"a graphics card is present: {torch.cuda.get_device_name()}")
    if wish in ("auto", "mps") and torch.backends.mps.is_available():
        yield Device(torch.device("mps"), torch.float16, "an Apple graphics processor is present")


def _trial(card: Device) -> str:
    """Convolves once; "" where that works, else why not: a card may be too old for this torch, or taken by others."""
    try:
        x = torch.ones(1, 8, 16, 16, device=card.device, dtype=card.dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        sound = float(F.conv2d(x, torch.ones(8, 8, 3, 3, device=card.device, dtype=card.dtype))[0, 0, 0, 0]) == 72
    except (RuntimeError, NotImplementedError, AssertionError) as error:  # the last: a torch built without it
        return str(error).strip().split("\n")[0][:100] or type(error).__name__
    return "" if sound else "it computes wrongly"


def multiplies_bfloat16(kind: str) -> bool:
    """Whether a device of this kind (cpu, cuda, mps) has bfloat16 in its hardware.

    Emulated it is slower than float32, on a processor eight times, so ask for the instructions themselves.
    """
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind != "cpu":
        return False
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in checks)


def use_threads(interactive: bool) -> int:
    """Gives torch all cores, or all but one while a window is open: tiny operations wait for whole scheduler ticks
    where every core is taken. `ARCHIVIST_THREADS` decides where it is set. Returns the number."""
    wish = os.environ.get("ARCHIVIST_THREADS", "")
    if wish.isdecimal() and int(wish) > 0:
        torch.set_num_threads(int(wish))
        return int(wish)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = max(1, cores - 1) if interactive else cores
    torch.set_num_threads(threads)
    return threads
