from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.imaging import exif
from engine.imaging.metadata import bare_iptc, photoshop_block, plausible_dpi


def block(order: str = "<", orientation: int = 6) -> bytes:
    """One directory: Make (inline), Orientation, a rational behind it; and a thumbnail's directory after it."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entries = [
        struct.pack(order + "HHI4s", 271, 2, 4, b"Abc\0"),
        struct.pack(order + "HHIHH", 274, 3, 1, orientation, 0),
        struct.pack(order + "HHII", 282, 5, 1, 62),
    ]
    head = mark + struct.pack(order + "IH", 8, 3) + b"".join(entries) + struct.pack(order + "I", 50)
    return head.ljust(62, b"\0") + struct.pack(order + "II", 300, 1)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("mark", [b"", b"Exif\0\0"])
def test_upright_resets_only_the_orientation_and_the_thumbnail(order: str, mark: bytes) -> None:
    before = block(order)
    after = exif.upright(mark + before)
    assert after is not None
    assert (exif.orientation(mark + before), exif.orientation(after)) == (6, 1)
    assert after[46:50] == bytes(4)
    changed = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    assert set(changed) <= {*range(22, 34), *range(46, 50)}


@pytest.mark.parametrize("order", ["<", ">"])
def test_values_come_out_in_one_byte_order(order: str) -> None:
    main, _, _ = exif.read_block(block(order))
    assert main[271].data == b"Abc\0"
    assert struct.unpack("<II", main[282].data) == (300, 1)


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_enlarged_block_tells_of_the_new_pixels(order: str) -> None:
    inside = struct.pack(order + "H", 1) + struct.pack(order + "HHIHH", 40962, 3, 1, 40000, 0) + bytes(4)
    whole = bytearray(block(order) + inside)
    struct.pack_into(order + "HHII", whole, 10, 34665, 4, 1, 70)  # in place of Make
    after = exif.enlarged(bytes(whole), 4)
    main, camera, _ = exif.read_block(after)
    assert struct.unpack("<II", main[282].data) == (1200, 1)
    assert camera[40962].number == 160_000
    assert main[274].number == 6


@pytest.mark.parametrize("junk", [None, b"", b"II*", b"no exif", block()[:20]])
def test_what_is_no_block_stays_what_it_is_when_enlarged(junk: bytes | None) -> None:
    assert exif.enlarged(junk, 2) == junk


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_a_senseless_orientation_is_upright(value: int) -> None:
    assert exif.orientation(block("<", value)) == 1


@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_never_raise(junk: bytes, marked: bool) -> None:
    data = (b"II*\0\x08\0\0\0" if marked else b"") + junk
    assert exif.orientation(data) in range(1, 9)
    after = exif.upright(data)
    assert after is None or len(after) == len(data.removeprefix(b"Exif\0\0"))
    exif.from_tiff(io.BytesIO(data), 8, "<", False)
    exif.from_tiff(io.BytesIO(data), 8, ">", True)


@given(
    st.dictionaries(st.integers(1, 65535), st.binary(min_size=1, max_size=30), max_size=8),
    st.booleans(),
    st.integers(8, 99),
)
def test_a_written_directory_reads_back(values: dict[int, bytes], big: bool, offset: int) -> None:
    entries = {tag: exif.Entry(tag, 7, len(data), data) for tag, data in values.items()}
    written = bytes(offset) + exif.write_directory(entries.values(), offset, big)
    assert exif.read_directory(io.BytesIO(written), offset, "<", big) == entries


def test_pillow_reads_the_block_made_from_a_tiff() -> None:
    file = io.BytesIO(block(">"))
    made = exif.from_tiff(file, 8, ">", False)
    assert made is not None
    found = Image.Exif()
    found.load(b"Exif\0\0" + made)
    assert dict(found) == {271: "Abc"}


@pytest.mark.parametrize("iptc", [b"\x1c\x02\x78\0\x04Inge", b"\x1c\x02\x78\0\x03Ada"])
def test_iptc_goes_in_and_out_of_its_wrapping(iptc: bytes) -> None:
    assert bare_iptc(photoshop_block(iptc)) == iptc
    assert bare_iptc(iptc) == iptc


@given(st.binary(max_size=100))
def test_a_damaged_wrapping_never_raises(junk: bytes) -> None:
    found = bare_iptc(b"Photoshop 3.0\08BIM" + junk)
    assert found is None or found in junk


@pytest.mark.parametrize("dpi", [(0.0, 300.0), (300.0, float("inf")), (float("nan"), 1.0), (-1.0, -1.0)])
def test_an_implausible_resolution_is_none(dpi: tuple[float, float]) -> None:
    assert plausible_dpi(*dpi) is None


def test_a_block_of_a_scanner_is_completed_and_one_with_maker_notes_left_alone() -> None:
    made = exif.Entry(36867, 2, 20, b"1954:05:01 10:00:00\0")
    sparse = exif._assembled({}, {exif.EXIF_IFD: {36867: made}})
    main, part, _ = exif.read_block(exif.completed_block(sparse, 60, 40, (300.0, 150.0)))
    assert part[36867] == made
    assert part[36864].data == b"0232"
    assert (part[40962].number, part[40963].number) == (60, 40)
    assert struct.unpack("<II", main[282].data) == (30_000, 100)
    assert struct.unpack("<II", main[283].data) == (15_000, 100)
    camera = exif._assembled({}, {exif.EXIF_IFD: {37500: exif.Entry(37500, 7, 4, b"MAKE")}})
    assert exif.completed_block(camera, 60, 40, None) == camera
    assert exif.completed_block(None, 60, 40, None) is None
    assert exif.for_tiff({}) == {}
    assert 40962 not in exif.for_tiff(part)
