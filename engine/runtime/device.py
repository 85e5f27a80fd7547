"""Where the networks run: which device, in which precision, with how many threads, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

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
    if wish in ("auto", "cuda") and torch.cuda.is_available():
        half = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        return Device(torch.device("cuda"), half, f"a graphics card is present: {torch.cuda.get_device_name()}")
    if wish in ("auto", "mps") and torch.backends.mps.is_available():
        return Device(torch.device("mps"), torch.float16, "an Apple graphics processor is present")
    if wish in ("cuda", "mps"):
        raise EngineError(f"There is no usable {wish} device here; use “--device auto” or “--device cpu”.")
    reason = "no graphics card was found" if wish == "auto" else "the processor was asked for"
    if _native_bfloat16():
        return Device(torch.device("cpu"), torch.bfloat16, f"{reason}; this processor multiplies bfloat16")
    return Device(torch.device("cpu"), torch.float32, reason)


def _native_bfloat16() -> bool:
    """Emulated bfloat16 is slower than float32, so ask for the instructions themselves."""
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
