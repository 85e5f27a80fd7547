"""Any picture -> the 64 numbers of its style."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.style_encoder import REFERENCE_SIZE, StyleEncoder

_CROPS = 3  # squares along the longer side


@torch.inference_mode()
def encode(encoder: StyleEncoder, picture: Tensor) -> tuple[float, ...]:
    """The mean code, to four places, of three squares along the longer side of a picture (1, 3, H, W) in 0..1."""
    height, width = picture.shape[-2:]
    side = min(height, width)
    spare = max(height, width) - side
    squares = []
    for number in range(_CROPS):
        start = spare * number // (_CROPS - 1)
        top, left = (start, 0) if height > width else (0, start)
        square = picture[:, :, top : top + side, left : left + side]
        squares.append(F.interpolate(square, size=(REFERENCE_SIZE, REFERENCE_SIZE), mode="area"))
    return tuple(round(number, 4) for number in encoder(torch.cat(squares)).mean(0).tolist())
