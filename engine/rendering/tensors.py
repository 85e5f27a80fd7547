"""Between numpy pictures (H, W, 3) and torch batches (1, 3, H, W)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

Floats = NDArray[np.float32]
T = TypeVar("T")


def inferred(steps: Iterator[T | None]) -> Generator[None, None, T]:
    """What short steps end with, the first item that is not None; each of them is without gradients, the rests between
    them are the others'."""
    while True:
        with torch.inference_mode():
            result = next(steps)
        if result is not None:
            return result
        yield None


def to_tensor(picture: Floats, device: torch.device) -> Tensor:
    """(H, W, 3) float32 -> (1, 3, H, W) on the device; channels_last, since that is how the memory lies already."""
    return torch.from_numpy(np.ascontiguousarray(picture)).to(device).permute(2, 0, 1)[None]


def to_array(batch: Tensor) -> Floats:
    """(1, 3, H, W) -> (H, W, 3) float32 in main memory."""
    array: Floats = to_rows(batch).cpu().numpy()
    return array


def to_rows(batch: Tensor) -> Tensor:
    """(1, 3, H, W) -> (H, W, 3) float32 where it is; a copy only where the memory lies otherwise."""
    return batch[0].permute(1, 2, 0).float().contiguous()


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Repeats the last row and column until both sides of x (1, C, H, W) are multiples of `multiple`; x itself where
    they are."""
    right, bottom = -x.shape[3] % multiple, -x.shape[2] % multiple
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if right or bottom else x


def halved(x: Tensor) -> Tensor:
    """x (1, C, H, W) by 2 x 2 averages; where a side is odd, the last row or column is repeated.

    Sums of strided values take a fifth of the time of pooling.
    """
    x = pad_to_multiple(x, 2)
    rows = x[:, :, ::2] + x[:, :, 1::2]
    return (rows[..., ::2] + rows[..., 1::2]) * 0.25


def box_sum(x: Tensor, reach: int) -> Tensor:
    """The sum over the square of `reach` pixels around each pixel of x (N, C, H, W), nothing beyond its edges.

    Sums of two, four, eight neighbours, by columns and then by rows: pooling takes twenty times as long.
    """
    wanted = 2 * reach + 1
    for axis, pads in ((2, (0, 0, reach, reach)), (3, (reach, reach, 0, 0))):
        length, widths = x.shape[axis], {1: F.pad(x, pads)}
        while 2 * (width := max(widths)) <= wanted:
            kept = widths[width].shape[axis] - width
            widths[2 * width] = widths[width].narrow(axis, 0, kept) + widths[width].narrow(axis, width, kept)
        at, total = 0, None
        for width in reversed(widths):
            if wanted & width:
                part = widths[width].narrow(axis, at, length)
                total, at = part if total is None else total + part, at + width
        assert total is not None
        x = total
    return x
