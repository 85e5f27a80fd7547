"""What is believed of the damage that the network claims; probabilities and masks are (1, 1, H, W).

A pixel's answer follows from fewer around it than the margin that a tile keeps.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.rendering.tensors import box_sum

SUSPECT = 0.25  # probability of damage from which an area counts as taken for it
CERTAIN_REACH = 12
_CERTAIN = 0.95  # probability that makes damage of what is more likely than not within so many pixels
_CLEAR = 0.75  # mean probability, within as many, that a compact claim needs besides
_CORE = 2  # a claim is compact where a square of 5 pixels fits into it,
_AROUND_CORE = 6  # and so many pixels around
_DOUBTED = 0.49  # what a probability is held at otherwise


def credible(damage: Tensor) -> Tensor:
    """The probability of damage, held below a half where nothing near is nearly certain, or what is compact is not
    clear as a whole.

    Most of what the network wrongly takes for damage in a sound picture it is unsure of all over, while holes and
    cracks have a core it is sure of; one certain pixel is enough for a scratch, in a pale patch it says little
    (`docs/experiments.md`).
    """
    believed = grow(damage >= _CERTAIN, CERTAIN_REACH)
    likely = damage > 0.5
    compact = grow(~grow(~likely, _CORE), _CORE + _AROUND_CORE)
    if bool(compact.any()):
        claims = likely.float()
        total, count = box_sum(damage * claims, CERTAIN_REACH), box_sum(claims, CERTAIN_REACH)
        believed &= ~compact | (total >= _CLEAR * count)
    return torch.where(believed, damage, damage.clamp(max=_DOUBTED))


def trust(damage: Tensor, reach: int = 4) -> Tensor:
    """0 on compact areas taken for damage, 1 elsewhere.

    A white collar looks like a hole in the paper, and filling it may take a face along. What is thicker than a scratch
    or a crack (a square of 9 px fits in, or of 2 `reach` + 1) is therefore left to a person's own mask. A pixel's trust
    follows from the 14 around it.
    """
    compact = ~grow(damage <= SUSPECT, reach)
    return 1 - feather(grow(compact, reach + 4).float())


def grow(mask: Tensor, reach: int) -> Tensor:
    """Bool: whether anything within `reach` pixels (a square) is set.

    Each step doubles the width that is seen, so a wide square costs hardly more than a narrow one; max-pooling floats
    took thirty times as long and was a sixth of a whole restoration.
    """
    for axis, pads in ((2, (0, 0, reach, reach)), (3, (reach, reach, 0, 0))):
        mask, width, wanted = F.pad(mask, pads), 1, 2 * reach + 1
        while width < wanted:
            step = min(width, wanted - width)
            kept = mask.shape[axis] - step
            mask, width = mask.narrow(axis, 0, kept) | mask.narrow(axis, step, kept), width + step
    return mask


def feather(mask: Tensor) -> Tensor:
    """A mask in 0..1, faded out over 2 px: a 5 x 5 mean, by columns and then by rows."""
    padded = F.pad(mask, (2, 2, 2, 2), mode="replicate")
    for axis in (2, 3):
        length = padded.shape[axis] - 4
        padded = sum((padded.narrow(axis, k, length) for k in range(1, 5)), padded.narrow(axis, 0, length))
    return padded / 25
