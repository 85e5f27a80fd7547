"""From a master's colour space to the working space (sRGB-encoded float32) and back, without ever moving a pixel
that was not meant to change.

T below is master space -> working space. Untagged and sRGB masters need no conversion at all; grey and matrix
profiles are computed here in float64 (exactly invertible, neutral stays neutral); profiles with lookup tables go
through LittleCMS in float32.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.errors import ImageError
from engine.imaging.icc import Curve, Floats, Profile, ProfileError, parse, srgb_profile

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
Working = NDArray[np.float32]

_CHUNK = 1 << 17  # pixels converted at a time: the temporaries stay inside the processor's cache
_TABLE = 65536
_SRGB_TO_XYZ = np.array(  # IEC 61966-2-1 primaries, adapted to D50 (Bradford)
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
_SAME = 2e-3  # half an 8-bit level: the many profiles that mean sRGB differ by less, in curves and linear light


def srgb_encode(linear: Floats) -> Floats:
    """Linear light to the sRGB curve; values are clipped to 0..1 first."""
    x = np.clip(linear, 0.0, 1.0)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1.0 / 2.4) - 0.055)


def srgb_decode(encoded: Floats) -> Floats:
    """The sRGB curve to linear light; values are clipped to 0..1 first."""
    x = np.clip(encoded, 0.0, 1.0)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def luminance(values: NDArray[Any]) -> NDArray[Any]:
    """Rec. 709 weights over the last axis of (..., 3); exactly v for (v, v, v)."""
    green = values[..., 1]
    result: NDArray[Any] = green + 0.2126 * (values[..., 0] - green) + 0.0722 * (values[..., 2] - green)
    return result


class _Space(Protocol):
    """One kind of colour conversion, on flat lists of pixels without alpha."""

    def forward(self, device: Pixels) -> NDArray[Any]:
        """T: (N, C) integers to (N, 3), or (N, 1) for grey; 0..1."""

    def change(self, device: Pixels, delta: Working) -> NDArray[Any]:
        """T^-1(T(X) + delta) - T^-1(T(X)): (N, 3) to (N, C), in units of the full range."""


class _Identity:
    """The master's values are the working values."""

    def __init__(self, peak: int) -> None:
        self._scale = np.float32(1.0 / peak)

    def forward(self, device: Pixels) -> NDArray[Any]:
        return np.multiply(device, self._scale)

    def change(self, device: Pixels, delta: Working) -> NDArray[Any]:
        return delta if device.shape[1] == 3 else luminance(delta)[:, None]


class _Grey:
    """One tone curve. `table` (65536,) holds the working value of every 16-bit grey, rising."""

    def __init__(self, table: Floats, peak: int) -> None:
        self._table = table
        self._step = (_TABLE - 1) // peak
        self._grid = np.linspace(0.0, 1.0, _TABLE)
        self._home = np.interp(table, table, self._grid)  # T^-1(T(X)): X itself, except on level stretches

    def forward(self, device: Pixels) -> NDArray[Any]:
        return self._table[device.astype(np.intp) * self._step]

    def change(self, device: Pixels, delta: Working) -> NDArray[Any]:
        levels = device.astype(np.intp) * self._step
        moved = self._table[levels] + luminance(delta.astype(np.float64))[:, None]
        after: Floats = np.interp(np.clip(moved, 0.0, 1.0), self._table, self._grid)
        return after - self._home[levels]


class _Matrix:
    """Three tone curves and a matrix."""

    def __init__(self, curves: tuple[Curve, ...], matrix: Floats, peak: int) -> None:
        to_srgb = np.linalg.inv(_SRGB_TO_XYZ) @ matrix
        sums = to_srgb.sum(axis=1, keepdims=True)
        if np.abs(sums - 1.0).max() < 2e-3:
            to_srgb /= sums  # undo the profile's rounding, so that its greys are exactly ours
        self._curves = curves
        self._tables = [curve.sampled(peak + 1) for curve in curves]
        self._to_srgb = to_srgb
        self._from_srgb = np.asarray(np.linalg.inv(to_srgb), np.float64)

    def is_srgb(self) -> bool:
        """Whether this is sRGB but for rounding."""
        ramp = np.linspace(0.0, 1.0, 256)
        bend = max(float(np.abs(srgb_encode(curve.sampled(256)) - ramp).max()) for curve in self._curves)
        return bend < _SAME and float(np.abs(self._to_srgb - np.eye(3)).max()) < _SAME

    def forward(self, device: Pixels) -> NDArray[Any]:
        linear: Floats = np.stack([table[device[:, i]] for i, table in enumerate(self._tables)], axis=1)
        return srgb_encode(_mix(self._to_srgb, linear))

    def change(self, device: Pixels, delta: Working) -> NDArray[Any]:
        before = self.forward(device)
        return self._inverse(before + delta) - self._inverse(before)

    def _inverse(self, working: Floats) -> Floats:
        linear: Floats = np.clip(_mix(self._from_srgb, srgb_decode(working)), 0.0, 1.0)
        return np.stack([curve.inverse(linear[:, i]) for i, curve in enumerate(self._curves)], axis=1)


def _mix(matrix: Floats, values: NDArray[Any]) -> Floats:
    """(3, 3) times every row of (N, 3), written as base + differences: equal channels stay equal to the last bit
    where a row of the matrix sums to 1."""
    r, g, b = values[:, 0], values[:, 1], values[:, 2]
    rows = [row.sum() * g + row[0] * (r - g) + row[2] * (b - g) for row in matrix]
    return np.stack(rows, axis=1)


class _Table:
    """A profile with lookup tables, through LittleCMS."""

    def __init__(self, icc: bytes, peak: int) -> None:
        self._icc = icc
        self._scale = np.float32(1.0 / peak)
        self._invertible = self._can_invert()

    def forward(self, device: Pixels) -> NDArray[Any]:
        return self._to_working(device * self._scale)

    def change(self, device: Pixels, delta: Working) -> NDArray[Any]:
        start = device * self._scale
        before = self._to_working(start)
        target = np.clip(before + delta, 0.0, 1.0)
        if self._invertible:
            return self._to_device(target) - self._to_device(before)
        return self._solve(start, before, target) - start

    def _to_working(self, device: Working) -> Working:
        return np.clip(cms(device, self._icc, srgb_profile(), "rgb", "rgb"), 0.0, 1.0)

    def _to_device(self, working: Working) -> Working:
        return np.clip(cms(working, srgb_profile(), self._icc, "rgb", "rgb"), 0.0, 1.0)

    def _can_invert(self) -> bool:
        try:
            self._to_device(np.zeros((1, 3), np.float32))
        except imagecodecs.CmsError:
            return False
        return True

    def _solve(self, start: Working, before: Working, target: Working) -> Working:
        """Device values whose working values are `target`: a few Newton steps from `start` on one Jacobian.

        Scanner profiles often tell only the way out of the device. (N, 3) each.
        """
        step = np.where(start < 0.5, 1.0, -1.0).astype(np.float32) / 64.0
        columns = []
        for axis in range(3):
            moved = start.copy()
            moved[:, axis] += step[:, axis]
            columns.append((self._to_working(moved) - before) / step[:, axis : axis + 1])
        jacobian = np.stack(columns, axis=2).astype(np.float64)  # (N, 3 working, 3 device)
        transposed = jacobian.transpose(0, 2, 1)
        # Damped: where clipping makes the Jacobian singular, the step stays small instead of exploding.
        solver = np.linalg.solve(transposed @ jacobian + 1e-5 * np.eye(3), transposed)
        device, reached = start, before
        for _ in range(4):
            move = (solver @ (target - reached)[:, :, None])[:, :, 0]
            device = np.clip(device + move, 0.0, 1.0).astype(np.float32)
            reached = self._to_working(device)
        return device


def cms(values: NDArray[Any], source: bytes, target: bytes, space: str, out_space: str) -> Working:
    """(N, C) in `source` to (N, C') float32 in `target`, relative colorimetric, unclipped; C 1 comes as (N,)."""
    result = imagecodecs.cms_transform(
        values[None],
        source,
        target,
        colorspace=space,
        outcolorspace=out_space,
        outdtype=np.float32,
        intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
        flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE | imagecodecs.CMS.FLAGS.NOCACHE,
    )
    return np.asarray(result[0], dtype=np.float32)


class WorkingSpace:
    """The conversion between one master's pixels and the working space, and the way back for a residual.

    `icc` None means sRGB; a grey master may carry a grey or an RGB profile. `channels` 1..4 counts alpha, `bits`
    is 8 or 16. Raises ImageError where the profile is damaged or made for another kind of pixels.
    """

    def __init__(self, icc: bytes | None, channels: int, bits: int) -> None:
        if channels not in (1, 2, 3, 4) or bits not in (8, 16):
            raise ValueError(f"no master has {channels} channels of {bits} bits")
        self.channels = channels
        self.bits = bits
        self._peak = (1 << bits) - 1
        self._colours = 1 if channels < 3 else 3
        self._dtype: type[np.unsignedinteger[Any]] = np.uint8 if bits == 8 else np.uint16
        self._space = _make_space(icc, self._colours, self._peak)

    @property
    def is_identity(self) -> bool:
        """Whether the master's values are working values already (no profile, or sRGB)."""
        return isinstance(self._space, _Identity)

    def to_working(self, pixels: Pixels) -> Working:
        """(H, W, C) master pixels to (H, W, 3) float32, sRGB-encoded, 0..1; alpha is left out, grey repeated."""
        flat = self._colour_list(pixels)
        out = np.empty((len(flat), 3), np.float32)
        for part in _chunks(len(flat)):
            out[part] = self._space.forward(flat[part])
        return out.reshape(*pixels.shape[:2], 3)

    def add_residual(self, pixels: Pixels, delta: Working) -> Pixels:
        """X + [T^-1(T(X) + delta) - T^-1(T(X))] as new pixels of the same dtype and shape.

        `delta` is (H, W, 3), working units. A pixel whose delta is 0 keeps every bit; alpha always does. Grey takes
        the luminance of delta. Rounded to the nearest level, clipped to the range.
        """
        if delta.shape != (*pixels.shape[:2], 3):
            raise ValueError(f"delta {delta.shape} does not fit pixels {pixels.shape}")
        result = pixels.copy()
        flat_delta = delta.reshape(-1, 3)
        flat = self._colour_list(pixels)
        target = result.reshape(-1, self.channels)
        for part in _chunks(len(flat)):
            changed: slice | NDArray[np.intp] = part
            if not self.is_identity:  # there a zero changes nothing by itself, and picking pixels costs more
                changed = part.start + np.flatnonzero(flat_delta[part].any(axis=1))
            device = flat[changed]
            if not device.size:
                continue
            moved = self._space.change(device, flat_delta[changed]) * np.float32(self._peak)
            moved += device
            np.rint(moved, out=moved)
            target[changed, : self._colours] = np.clip(moved, 0, self._peak, out=moved).astype(self._dtype)
        return result

    def to_display(self, pixels: Pixels) -> NDArray[np.uint8]:
        """(H, W, C) master pixels to (H, W, 4) uint8 in BGRX order, sRGB, X = 255; alpha is left out."""
        out = np.empty((*pixels.shape[:2], 4), np.uint8)
        out[..., 3] = 255
        if self._colours == 1:
            out[..., :3] = self._grey_display[pixels[..., :1]]
        elif self.is_identity:
            for i in range(3):
                out[..., 2 - i] = to_eight_bits(pixels[..., i])
        else:
            flat, target = self._colour_list(pixels), out.reshape(-1, 4)
            for part in _chunks(len(flat)):
                target[part, 2::-1] = np.rint(self._space.forward(flat[part]) * 255.0)
        return out

    @cached_property
    def _grey_display(self) -> NDArray[np.uint8]:
        levels = np.arange(self._peak + 1).astype(self._dtype)
        return np.rint(self._space.forward(levels[:, None])[:, 0] * 255.0).astype(np.uint8)

    def _colour_list(self, pixels: Pixels) -> Pixels:
        if pixels.ndim != 3 or pixels.shape[2] != self.channels or pixels.dtype != self._dtype:
            raise ValueError(
                f"{pixels.dtype} pixels {pixels.shape} are not {self.channels} channels of {self.bits} bits"
            )
        return pixels.reshape(-1, self.channels)[:, : self._colours]


def to_eight_bits(values: Pixels) -> NDArray[np.uint8]:
    """8 bit as they are; 16 bit rounded to the nearest of 256 levels."""
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    out = np.empty(values.shape, np.uint8)
    rows = max(1, 3 * _CHUNK // max(1, values[0].size))
    for start in range(0, len(values), rows):
        part = slice(start, start + rows)
        out[part] = (values[part].astype(np.uint32) * 255 + 32895) >> 16
    return out


def _chunks(count: int) -> list[slice]:
    return [slice(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]


def _make_space(icc: bytes | None, colours: int, peak: int) -> _Space:
    if icc is None:
        return _Identity(peak)
    try:
        profile = parse(icc)
        return _grey_space(icc, profile, peak) if colours == 1 else _rgb_space(icc, profile, peak)
    except (ProfileError, imagecodecs.CmsError) as error:
        raise ImageError(
            "The embedded colour profile is damaged or does not fit the image; assign a valid one and open it again."
        ) from error


def _rgb_space(icc: bytes, profile: Profile, peak: int) -> _Space:
    if profile.space != "RGB":
        raise ProfileError(f"a {profile.space} profile on RGB pixels")
    if profile.curves is None or profile.matrix is None:
        space = _Table(icc, peak)
        space.forward(np.zeros((1, 3), np.uint8))
        return space
    matrix = _Matrix(profile.curves, profile.matrix, peak)
    return _Identity(peak) if matrix.is_srgb() else matrix


def _grey_space(icc: bytes, profile: Profile, peak: int) -> _Space:
    if profile.space not in ("GRAY", "RGB"):
        raise ProfileError(f"a {profile.space} profile on grey pixels")
    if profile.curves is not None:  # of an RGB profile, the green curve speaks for its neutral axis
        table = srgb_encode(profile.curves[len(profile.curves) // 2].sampled(_TABLE))
    else:
        ramp = np.arange(_TABLE, dtype=np.uint16)
        values = ramp if profile.space == "GRAY" else np.repeat(ramp[:, None], 3, axis=1)
        colours = cms(values, icc, srgb_profile(), profile.space.lower(), "rgb")
        table = np.maximum.accumulate(luminance(np.clip(colours.astype(np.float64), 0.0, 1.0)))
    if np.abs(table - np.linspace(0.0, 1.0, _TABLE)).max() < _SAME:
        return _Identity(peak)
    return _Grey(table, peak)
