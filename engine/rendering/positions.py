"""The eight positions of a picture: turned by quarters, and the same mirrored.

What a network makes of a picture should not depend on how it lies, but does a little. The mean over all positions is
nearer to the truth than any one of them (geometric self-ensemble: Timofte, Rothe & Van Gool, "Seven ways to improve
example-based single image super resolution", CVPR 2016; Lim et al., "Enhanced deep residual networks", CVPRW 2017).
"""

from __future__ import annotations

import torch
from torch import Tensor

POSITIONS = 8


def turned(x: Tensor, position: int) -> Tensor:
    """x (N, C, H, W) in one of the positions; 0 is as it lies. Height and width change places in every other one."""
    x = torch.rot90(x, position % 4, (2, 3))
    return x.flip(3) if position >= 4 else x


def turned_back(x: Tensor, position: int) -> Tensor:
    """What `turned` did, undone."""
    x = x.flip(3) if position >= 4 else x
    return torch.rot90(x, -(position % 4), (2, 3))
