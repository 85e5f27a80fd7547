"""Other people's networks, as `spandrel` knows them: found by their weights alone, built, and run in short steps.

Imported only when such a network is asked for: with it come spandrel and torchvision, which take seconds.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Generator, Mapping
from typing import Any

import torch
from greenlet import GreenletExit, getcurrent, greenlet
from spandrel import (
    MAIN_REGISTRY,
    ArchRegistry,
    ImageModelDescriptor,
    MaskedImageModelDescriptor,
    canonicalize_state_dict,
)
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from engine.errors import ModelError

_STEP = 0.01  # seconds after which a pass pauses at the next layer
_FACES = frozenset(("GFPGAN", "RestoreFormer", "CodeFormer"))
_SIGNED = frozenset(("GFPGAN", "CodeFormer"))  # learned on -1..1, which spandrel leaves to whoever calls them
_FACE = 512  # pixels a side of the faces that all of them learned on; several answer nothing else
_ROOM = 8  # times its weights that a network may ask for while it is built, beside _LEAST_ROOM
_LEAST_ROOM = 256 << 20
_MAKERS = ("empty", "zeros", "ones", "full", "rand", "arange", "linspace", "eye", "new_", "expand", "repeat", "tril")

FACE_NET = (
    "“{name}” is a network for faces ({architecture}): it puts a plausible face in the place of the one that was "
    "photographed, so none is taken in unasked. If you want it for faces that you mark one by one, each with a "
    "recorded consent, import it with --faces, or tick the box for that in the window."
)
_INPAINTING = "“{name}” invents what a hole hides ({architecture}), which Archivist does not use; choose a restorer."
_CHANNELS = "“{name}” works on {n} channels, Archivist on grey or colour pictures; choose another network."
_UNKNOWN = (
    "“{name}” is a network of no architecture that Archivist knows; docs/models.md lists those, and the ones that come "
    "under restrictive terms and are asked for in words."
)
_MISFIT = "“{name}” looks like a network of the architecture {architecture}, but its weights do not fit it."


class Foreign:
    """A network of other people's on one device, in evaluation mode."""

    def __init__(self, descriptor: ImageModelDescriptor[nn.Module], device: torch.device, dtype: torch.dtype) -> None:
        """It stays in float32 where it does not support `dtype`."""
        supported = {torch.float16: descriptor.supports_half, torch.bfloat16: descriptor.supports_bfloat16}
        self.dtype = dtype if supported.get(dtype, False) else torch.float32
        self.descriptor = descriptor.eval().to(device=device, dtype=self.dtype)
        self.enlarges, self.channels = descriptor.scale, descriptor.input_channels
        self.architecture = descriptor.architecture.name
        self.for_faces = descriptor.purpose == "FaceSR"
        # Networks for faces read their maps as rows and have weights of five axes: neither works in channels_last.
        self._format = torch.contiguous_format if self.for_faces else torch.channels_last
        self.module = descriptor.model.requires_grad_(False)
        if not self.for_faces:
            self.module = self.module.to(memory_format=self._format)
        self._signed = descriptor.architecture.id in _SIGNED
        self.faltered = False  # whether it ever answered with no number
        self._pass: greenlet | None = None
        self._rested = 0.0
        for part in self.module.modules():
            if not list(part.children()):
                part.register_forward_hook(self._pause)

    @property
    def parameters(self) -> int:
        """How many numbers it learned."""
        return sum(weight.numel() for weight in self.module.parameters())

    @property
    def face(self) -> int:
        """Pixels a side of the square with one face that a network for faces is shown."""
        needs = self.descriptor.size_requirements
        side: int = -(-max(_FACE, needs.minimum) // needs.multiple_of) * needs.multiple_of
        return side

    def steps(self, x: Tensor) -> Generator[Tensor | None, None, None]:
        """x (1, 3, H, W) in 0..1 -> its picture (1, 3, n * H, n * W), float32 in 0..1, as the last item.

        It pauses between layers, so that no part holds the engine for long; step it within inference mode. Where the
        network answers with no number, the picture is x.
        """
        work = greenlet(self._run)
        answer: Any = None
        self._pass, outer = work, self._pass
        try:
            while True:
                self._pass, self._rested = work, time.perf_counter()
                answer = work.switch(x)
                if work.dead:
                    break
                yield None
            yield answer
        finally:
            if not work.dead:
                with torch.inference_mode():  # what the pass left open is closed in here, and so leaves no trace
                    work.throw(GreenletExit)
            self._pass = outer

    def __call__(self, x: Tensor) -> Tensor:
        """The same at once."""
        with torch.inference_mode():
            return self._run(x)

    def _pause(self, *_: object) -> None:
        work = self._pass
        if work is not None and getcurrent() is work and time.perf_counter() - self._rested > _STEP:
            work.parent.switch(None)
            self._rested = time.perf_counter()

    def _run(self, x: Tensor) -> Tensor:
        given = x if self.channels == 3 else x.transpose(0, 1)
        given = given.to(self.dtype).contiguous(memory_format=self._format)
        answer: Tensor = self._answer(given).float()
        answer = answer if self.channels == 3 else answer.transpose(0, 1)
        finite = answer.isfinite()
        if bool(finite.all()):
            return answer
        self.faltered = True
        plain = F.interpolate(x, scale_factor=self.enlarges, mode="nearest") if self.enlarges > 1 else x
        return torch.where(finite, answer, plain)

    def _answer(self, given: Tensor) -> Tensor:
        """The network's own picture of one in 0..1, in 0..1."""
        answer: Tensor = self.module(2 * given - 1)[0] if self._signed else self.descriptor(given)
        return ((answer + 1) / 2).clamp(0, 1) if self._signed else answer


def build(
    state: Mapping[str, Tensor],
    name: str,
    device: torch.device,
    dtype: torch.dtype,
    *,
    restricted: bool = False,
    faces: bool = False,
) -> Foreign:
    """The network these weights belong to. ModelError, in a sentence, where none is known or it cannot be used.

    `restricted` also looks among the architectures whose licences forbid some uses, `faces` takes networks for faces.
    """
    weights = canonicalize_state_dict(dict(state))
    registry = _registry(restricted)
    found = next((one.architecture for one in registry.architectures("detection") if _detects(one, weights)), None)
    if found is None:
        raise ModelError(_UNKNOWN.format(name=name))
    facts = {"name": name, "architecture": found.name}
    if found.id in _FACES and not faces:
        raise ModelError(FACE_NET.format(**facts))
    bytes_there = sum(value.numel() * 4 for value in weights.values())
    try:
        with _Bounds(_LEAST_ROOM + _ROOM * bytes_there), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constructors are not ours to mend
            descriptor = found.load(weights)
    except ModelError:
        raise
    except Exception as error:  # whatever a strange state dictionary makes of somebody's constructor
        raise ModelError(_MISFIT.format(**facts)) from error
    if isinstance(descriptor, MaskedImageModelDescriptor):
        raise ModelError(_INPAINTING.format(**facts))
    if descriptor.purpose == "FaceSR" and not faces:
        raise ModelError(FACE_NET.format(**facts))
    if descriptor.input_channels != descriptor.output_channels or descriptor.input_channels not in (1, 3):
        raise ModelError(_CHANNELS.format(n=descriptor.input_channels, **facts))
    return Foreign(descriptor, device, dtype)


def _detects(support: Any, weights: dict[str, Any]) -> bool:
    try:
        return bool(support.detect(weights))
    except Exception:  # a name that fits with a shape that does not
        return False


def _registry(restricted: bool) -> ArchRegistry:
    if not restricted:
        return MAIN_REGISTRY
    try:
        from spandrel_extra_arches import EXTRA_REGISTRY
    except ImportError as error:
        raise ModelError(
            "The architectures under restrictive terms are not installed; docs/models.md tells how to add them."
        ) from error
    registry = MAIN_REGISTRY.copy()
    registry.add(*EXTRA_REGISTRY)
    return registry


class _Bounds(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses to make tensors beyond a number of bytes: a small file may claim a layer as wide as the world."""

    def __init__(self, limit: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._left = limit

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name.startswith(_MAKERS):
            sizes = next((arg for arg in args if isinstance(arg, list | tuple)), None)
            count = math.prod(s for s in sizes if isinstance(s, int)) if sizes else _length(args)
            self._left -= 4 * count
            if self._left < 0:
                raise MemoryError("the network asks for more than its weights explain")
        return func(*args, **(kwargs or {}))


def _length(args: Any) -> int:
    return max((int(arg) for arg in args if isinstance(arg, int | float) and not isinstance(arg, bool)), default=0)
