"""Copies of one picture among those of a collection: of the same file, smaller, or as a JPEG of another quality."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

COPIED = 1.5  # levels by which the means of 8 x 8 fields of copies differ at most
TOLD = 3  # copies that are named

Named = tuple[str, Tensor]
"""A picture's name and its pixels, uint8 (3, H, W) in sRGB, longest side at most `collection.LONGEST`."""


def without_copies(pictures: Sequence[Named]) -> tuple[list[int], tuple[str, ...]]:
    """The indices of pictures that are no copies of an earlier one, and a sentence about the copies, if there are any.

    One that is learned from and held out as well would praise a model for what it knows by heart.
    """
    kept: dict[int, Tensor] = {}
    copies = []
    for number, (name, picture) in enumerate(pictures):
        look = _look(picture)
        first = next((other for other, known in kept.items() if _alike(look, known)), None)
        if first is None:
            kept[number] = look
        else:
            copies.append(f"“{name}” of “{pictures[first][0]}”")
    if not copies:
        return list(kept), ()
    are = "1 picture is a copy and was" if len(copies) == 1 else f"{len(copies)} pictures are copies and were"
    more = f", and {len(copies) - TOLD} more" if len(copies) > TOLD else ""
    return list(kept), (f"{are} left out: {', '.join(copies[:TOLD])}{more}.",)


def on_both(heap: Sequence[Named], others: Sequence[Named]) -> tuple[str, str] | None:
    """The names of a picture that is on two heaps; None where none is."""
    looks = [(name, _look(picture)) for name, picture in heap]
    for name, picture in others:
        look = _look(picture)
        for one, known in looks:
            if _alike(look, known):
                return one, name
    return None


def _look(picture: Tensor) -> Tensor:
    """What copies of one picture (3, H, W) have in common: the means of 8 x 8 fields, (192,) in levels."""
    return F.adaptive_avg_pool2d(picture.float(), 8).flatten()


def _alike(one: Tensor, other: Tensor) -> bool:
    return float((one - other).abs().amax()) < COPIED
