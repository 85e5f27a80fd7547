"""What an ICC profile says about itself: colour space, description, matrix and tone curves.

Only matrix and grey profiles are understood here (exactly, in float64); profiles with lookup tables are
recognised, and left to LittleCMS.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache

import imagecodecs
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CURVE_SIZE = 65536
_MAX_TAGS = 200
_PARAMETRIC = {0: "g", 1: "gab", 2: "gabc", 3: "gabcd", 4: "gabcdef"}


class ProfileError(ValueError):
    """The bytes are not a usable ICC profile."""


@dataclass(frozen=True)
class Curve:
    """A tone curve from device value to linear light, both 0..1: parametric (`table` None) or sampled."""

    gamma: float = 1.0
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    f: float = 0.0
    table: Floats | None = None

    def forward(self, device: Floats) -> Floats:
        """Linear light of device values; same shape, 0..1."""
        if self.table is not None:
            return np.interp(device, np.linspace(0.0, 1.0, len(self.table)), self.table)
        power = np.maximum(self.a * device + self.b, 0.0) ** self.gamma + self.e
        return np.clip(np.where(device >= self.d, power, self.c * device + self.f), 0.0, 1.0)

    def inverse(self, linear: Floats) -> Floats:
        """Device values of linear light; same shape, 0..1."""
        if self.table is not None:
            return np.interp(linear, self.table, np.linspace(0.0, 1.0, len(self.table)))
        power = (np.maximum(linear - self.e, 0.0) ** (1.0 / self.gamma) - self.b) / self.a
        if self.d > 0.0:
            knee = max(self.a * self.d + self.b, 0.0) ** self.gamma + self.e
            foot = (linear - self.f) / self.c if self.c > 0.0 else np.zeros_like(linear)
            power = np.where(linear >= knee, power, foot)
        return np.clip(power, 0.0, 1.0)

    def sampled(self, levels: int) -> Floats:
        """Linear light at `levels` equal steps of the device value."""
        return self.forward(np.linspace(0.0, 1.0, levels))


@dataclass(frozen=True)
class Profile:
    """The part of a profile that decides how pixels are converted.

    `matrix` (3, 3) takes linear device RGB to XYZ under D50; it and `curves` are None where only lookup tables tell.
    """

    space: str  # "GRAY", "RGB", "CMYK", ...
    description: str
    curves: tuple[Curve, ...] | None = None
    matrix: Floats | None = None


def parse(icc: bytes) -> Profile:
    """Read a profile; ProfileError where the bytes are none, or are damaged."""
    try:
        return _parse(icc)
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise ProfileError(str(error)) from error


def _parse(icc: bytes) -> Profile:
    if len(icc) < 132 or icc[36:40] != b"acsp":
        raise ProfileError("no ICC signature")
    tags = _tags(icc)
    space = icc[16:20].decode("ascii", "replace").strip()
    description = _text(tags.get(b"desc", b"")) or space
    if space not in ("GRAY", "RGB") or icc[20:24] != b"XYZ " or b"A2B0" in tags or b"D2B0" in tags:
        return Profile(space, description)
    names = (b"kTRC",) if space == "GRAY" else (b"rTRC", b"gTRC", b"bTRC")
    columns = () if space == "GRAY" else (b"rXYZ", b"gXYZ", b"bXYZ")
    if any(name not in tags for name in names + columns):
        return Profile(space, description)
    curves = tuple(_curve(tags[name]) for name in names)
    if not columns:
        return Profile(space, description, curves)
    matrix = np.array([struct.unpack_from(">3i", tags[name], 8) for name in columns]).T / 65536.0
    if abs(np.linalg.det(matrix)) < 1e-6:
        raise ProfileError("the primaries do not span a space")
    return Profile(space, description, curves, matrix)


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    tags = {}
    for index in range(min(count, _MAX_TAGS)):
        name, offset, size = struct.unpack_from(">4sII", icc, 132 + 12 * index)
        if offset + size > len(icc):
            raise ProfileError("a tag reaches beyond the profile's end")
        tags[name] = icc[offset : offset + size]
    return tags


def _curve(data: bytes) -> Curve:
    if data[:4] == b"para":
        (kind,) = struct.unpack_from(">H", data, 8)
        names = _PARAMETRIC.get(kind, "")
        values = [v / 65536.0 for v in struct.unpack_from(f">{len(names)}i", data, 12)]
        return _parametric(kind, dict(zip(names, values, strict=True)))
    if data[:4] != b"curv":
        raise ProfileError("unknown kind of tone curve")
    (count,) = struct.unpack_from(">I", data, 8)
    if count == 0:
        return Curve()
    if count == 1:
        return _checked(Curve(gamma=struct.unpack_from(">H", data, 12)[0] / 256.0))
    if count > _CURVE_SIZE:
        raise ProfileError("tone curve too long")
    table = np.frombuffer(data, ">u2", count, 12).astype(np.float64) / 65535.0
    # Falling stretches (noise of the profiling software) have no inverse: hold the highest value so far.
    table = np.maximum.accumulate(table)
    if table[-1] <= table[0]:
        raise ProfileError("flat tone curve")
    return Curve(table=table)


def _parametric(kind: int, p: dict[str, float]) -> Curve:
    if not p:
        raise ProfileError("unknown kind of parametric curve")
    if kind == 0:
        return _checked(Curve(gamma=p["g"]))
    if p["a"] == 0.0:
        raise ProfileError("degenerate tone curve")
    if kind in (1, 2):  # these two start where the power's base is 0, at a constant below
        offset = p.get("c", 0.0)
        return _checked(Curve(p["g"], p["a"], p["b"], 0.0, max(0.0, -p["b"] / p["a"]), offset, offset))
    return _checked(Curve(p["g"], p["a"], p["b"], p["c"], p["d"], p.get("e", 0.0), p.get("f", 0.0)))


def _checked(curve: Curve) -> Curve:
    samples = curve.sampled(256) if 0.01 <= curve.gamma <= 100.0 and curve.a > 0.0 else np.zeros(1)
    if not np.isfinite(samples).all() or samples[-1] <= samples[0] or (np.diff(samples) < -1e-3).any():
        raise ProfileError("tone curve out of range")
    return curve


def _text(data: bytes) -> str:
    if data[:4] == b"desc":
        (length,) = struct.unpack_from(">I", data, 8)
        text = data[12 : 12 + min(length, 1000)].decode("latin-1")
    elif data[:4] == b"mluc":
        length, offset = struct.unpack_from(">II", data, 20)
        text = data[offset : offset + min(length, 1000)].decode("utf-16-be", "replace")
    else:
        return ""
    return text.split("\0")[0].strip()


@cache
def srgb_profile() -> bytes:
    """A plain sRGB profile. Its date is fixed, so that equal exports have equal bytes."""
    icc = bytearray(imagecodecs.cms_profile("srgb"))
    icc[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    return bytes(icc)
