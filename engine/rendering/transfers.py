"""Pictures on their way between main memory and a device: on a CUDA card beside the computation, elsewhere at once.

A copy can only run beside the card's work from memory that the system may not move (pinned), and on a stream of its
own; each order waits in the stream that needs its result, and the processor waits for nothing but finished results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.rendering.tensors import Floats, to_tensor

Sent = Callable[[], Tensor]
"""Called where the tensor is needed: what is computed after it waits for its arrival."""
Fetched = Callable[[], NDArray[Any]]
"""Called where the values are needed: waits until they are there."""


class Transfers:
    """The way to one device and back."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self.lag = 0 if self._stream is None else 1
        """How many results may stay on their way while the next are begun."""

    def send(self, picture: Floats) -> Sent:
        """Begins to copy (H, W, 3) float32 to the device; the answer is (1, 3, H, W)."""
        if self._stream is None:
            batch = to_tensor(picture, self._device)
            return lambda: batch
        pinned = torch.from_numpy(np.ascontiguousarray(picture)).pin_memory()
        with torch.cuda.stream(self._stream):
            moved = pinned.to(self._device, non_blocking=True)
        arrived = self._stream.record_event()

        def take() -> Tensor:
            stream = torch.cuda.current_stream(self._device)
            stream.wait_event(arrived)
            moved.record_stream(stream)  # else its memory could be given away while this stream still reads it
            return moved.permute(2, 0, 1)[None]

        return take

    def fetch(self, values: Tensor) -> Fetched:
        """Begins to copy a tensor of any shape to main memory, once what computes it is done."""
        if self._stream is None:
            array = values.cpu().numpy()
            return lambda: array
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            host.copy_(values, non_blocking=True)
            values.record_stream(self._stream)
        arrived = self._stream.record_event()

        def take() -> NDArray[Any]:
            arrived.synchronize()
            return host.numpy()

        return take
