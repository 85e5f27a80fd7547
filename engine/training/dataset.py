"""Clean pictures to learn from: a folder of photographs, and pages of text made here."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from engine.models.blocks import luma
from engine.training.documents import text_page

WRITTEN = 0.08  # share of pages of text among the pictures
NEGATIVES = 1 / 12  # share of varied pictures whose greys are turned round
APART = 500_000_003  # between seeds of draws that are to say nothing of each other
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}


class Pictures:
    """Pictures kept decoded as uint8 (3, H, W); a batch is random crops of them, some of them grey, some text."""

    def __init__(self, photos: Sequence[Tensor], pages: int = 0) -> None:
        self.photos = list(photos)
        self.pages = [text_page(seed) for seed in range(pages)]
        self._small: list[Tensor] = []  # for thumbnails, which need few of the pixels
        self._kept: Tensor | None = None

    def batch(self, count: int, size: int, seed: int, *, written: float = WRITTEN, varied: bool = False) -> Tensor:
        """(count, 3, size, size) in 0..1: half grey, a share of `written` pages of text; where `varied`, more shapes
        from as many photographs."""
        rng = random.Random(seed)
        crops = torch.stack([self._crop(rng, size, written, varied) for _ in range(count)]).float() / 255
        grey = torch.tensor([rng.random() < 0.5 for _ in range(count)])[:, None, None, None]
        return torch.where(grey, luma(crops).expand_as(crops), crops)

    def thumbnails(self, count: int, size: int, seed: int) -> Tensor:
        """(count, 3, size, size) in 0..1: large square parts of whole photographs, in colour; `size` at most 256."""
        rng = random.Random(seed)
        if not self._small:
            self._small = [_shrink(photo, 384) for photo in self.photos]
        parts = []
        for _ in range(count):
            photo = rng.choice(self._small)
            side = int(min(photo.shape[1:]) * rng.uniform(0.6, 1.0))
            top, left = rng.randint(0, photo.shape[1] - side), rng.randint(0, photo.shape[2] - side)
            part = photo[:, top : top + side, left : left + side].float()[None] / 255
            parts.append(F.interpolate(part, size=(size, size), mode="area")[0])
        return torch.stack(parts)

    def kept_thumbnails(self, count: int, size: int, seed: int) -> Tensor:
        """The same, drawn from 4,096 that are made once: shrinking would take longer than a step of a small network."""
        if self._kept is None or self._kept.shape[2] != size:
            several = [self.thumbnails(256, size, number) for number in range(16)]
            self._kept = (torch.cat(several) * 255).round().to(torch.uint8)
        drawn = torch.randint(len(self._kept), (count,), generator=torch.Generator().manual_seed(seed))
        return self._kept[drawn].float() / 255

    def _crop(self, rng: random.Random, size: int, written: float, varied: bool) -> Tensor:
        page = bool(self.pages) and rng.random() < written
        photo = rng.choice(self.pages) if page else rng.choice(self.photos)
        shrink = rng.choice((0.7, 1.0, 1.0, 1.5, 2.0, 2.3) if varied and not page else (1.0, 1.0, 1.0, 1.5, 2.0))
        side = min(int(size * shrink), *photo.shape[1:])
        top, left = rng.randint(0, photo.shape[1] - side), rng.randint(0, photo.shape[2] - side)
        crop = photo[:, top : top + side, left : left + side]
        if side != size:
            crop = F.interpolate(crop.float()[None], size=(size, size), mode="area")[0].round().to(torch.uint8)
        if rng.random() < 0.5:
            crop = crop.flip(2)
        if rng.random() < 0.25:
            crop = crop.transpose(1, 2)
        if varied and not page and rng.random() < 0.5:
            crop = crop.flip(1)
        if varied and rng.random() < NEGATIVES:
            crop = 255 - crop
        return crop


class PhotoSet(Pictures):
    """The pictures of a folder."""

    def __init__(self, folder: Path, *, longest: int = 1024, limit: int | None = None, pages: int = 48) -> None:
        """Raises ValueError where there is no such folder, no photographs in it, or one that cannot be used."""
        if not folder.is_dir():
            raise ValueError(f"“{folder}” is not a folder.")
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.name[0] != ".")[:limit]
        if not paths:
            raise ValueError(f"There are no photographs in {folder}.")
        super().__init__([self.decode(path, longest) for path in paths], pages)

    @staticmethod
    def decode(path: Path, longest: int) -> Tensor:
        """A photograph as uint8 (3, H, W), its longer side at most `longest` pixels. ValueError where it cannot be
        read, is too large, or in floating point, whose white nobody knows."""
        try:
            with Image.open(path) as file:
                if file.mode == "F":
                    raise ValueError(f"“{path.name}” is in floating point; save it with 8 or 16 bits.")
                image = _eight_bits(file).convert("RGB")
        except Image.DecompressionBombError as error:
            raise ValueError(f"“{path.name}” is too large to learn from; make it smaller.") from error
        except OSError as error:
            raise ValueError(f"“{path.name}” cannot be read; leave it out or save it anew.") from error
        image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
        return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).contiguous()


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey scaled to 8 bit, which Pillow's own conversion clips; anything else as it is."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.int64) // 257).clip(0, 255).astype(np.uint8))


def _shrink(photo: Tensor, shortest: int) -> Tensor:
    """uint8 (3, H, W) -> the same with its shorter side at most `shortest`."""
    share = shortest / min(photo.shape[1:])
    if share >= 1:
        return photo
    size = (round(photo.shape[1] * share), round(photo.shape[2] * share))
    return F.interpolate(photo.float()[None], size=size, mode="area")[0].round().to(torch.uint8)
