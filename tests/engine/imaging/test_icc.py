from __future__ import annotations

import struct

import numpy as np
import pytest

from engine.imaging.icc import Profile, ProfileError, parse, srgb_profile
from tests.engine.imaging.pictures import ADOBE, icc, press_profile, sampled_curve, scanner_profile, xyz


def parametric(kind: int, *values: float) -> bytes:
    return struct.pack(">4s4xHH", b"para", kind, 0) + struct.pack(
        f">{len(values)}i", *(round(v * 65536) for v in values)
    )


def grey(curve: bytes) -> Profile:
    return parse(icc(b"GRAY", {b"kTRC": curve}))


def formula(
    kind: int, x: float, g: float, a: float = 1, b: float = 0, c: float = 0, d: float = 0, e: float = 0
) -> float:
    """The five functions as the ICC specification writes them (kind 4's f is 0 here)."""
    if kind == 0:
        return float(x**g)
    if kind in (1, 2):
        return float((a * x + b) ** g + c if x >= -b / a else c)
    return float((a * x + b) ** g + e if x >= d else c * x)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (0, (2.2,)),
        (1, (2.0, 1.05, -0.05)),
        (2, (2.0, 0.95, -0.05, 0.1)),
        (3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)),
        (4, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0.0, 0.0)),
    ],
)
def test_parametric_curves_follow_the_specification_both_ways(kind: int, values: tuple[float, ...]) -> None:
    (curve,) = grey(parametric(kind, *values)).curves or ()
    x = np.linspace(0, 1, 401)
    expected = np.clip([formula(kind, v, *values[:6]) for v in x], 0, 1)
    np.testing.assert_allclose(curve.forward(x), expected, atol=2e-4)
    rising = np.gradient(expected) > 1e-4
    assert rising.sum() > 300
    np.testing.assert_allclose(curve.inverse(curve.forward(x))[rising], x[rising], atol=1e-9)


def test_a_sampled_curve_is_its_own_inverse() -> None:
    (curve,) = grey(sampled_curve(np.linspace(0, 1, 512) ** 2)).curves or ()
    x = np.linspace(0.02, 1, 99)
    np.testing.assert_allclose(curve.inverse(curve.forward(x)), x, atol=1e-9)


def test_a_curve_of_one_number_is_a_gamma() -> None:
    (curve,) = grey(struct.pack(">4s4xIH", b"curv", 1, 0x0233)).curves or ()
    assert curve.gamma == pytest.approx(2.19921875)


def test_an_empty_curve_is_linear() -> None:
    (curve,) = grey(struct.pack(">4s4xI", b"curv", 0)).curves or ()
    np.testing.assert_array_equal(curve.forward(np.array([0.0, 0.3, 1.0])), [0.0, 0.3, 1.0])


@pytest.mark.parametrize(
    "curve",
    [
        b"",
        b"curv",
        b"none" + bytes(20),
        struct.pack(">4s4xI", b"curv", 2**31),
        sampled_curve(np.zeros(64)),
        parametric(7, 1.0),
        parametric(0, 0.0),
        parametric(3, 2.4, 0.0, 0.0, 0.0, 0.0),
        parametric(0, -2.0),
    ],
)
def test_a_degenerate_curve_is_refused(curve: bytes) -> None:
    with pytest.raises(ProfileError):
        grey(curve)


def test_flat_primaries_are_refused() -> None:
    column, curve = xyz(0.3, 0.3, 0.3), sampled_curve(np.linspace(0, 1, 8))
    tags = dict.fromkeys((b"rXYZ", b"gXYZ", b"bXYZ"), column) | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    with pytest.raises(ProfileError):
        parse(icc(b"RGB ", tags))


def test_table_profiles_are_left_to_the_colour_engine() -> None:
    for profile, space in ((scanner_profile(), "RGB"), (press_profile(), "CMYK")):
        parsed = parse(profile)
        assert (parsed.space, parsed.curves, parsed.matrix) == (space, None, None)
        assert parsed.description == "test profile"


def test_names_of_version_2_and_4_are_read() -> None:
    assert parse(ADOBE).description == "Adobe RGB (compatible)"
    assert "sRGB" in parse(srgb_profile()).description


def test_our_srgb_profile_is_the_same_every_day() -> None:
    assert srgb_profile()[24:36] == struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
