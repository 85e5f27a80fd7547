"""TIFF and BigTIFF through tifffile, which reports damage that libtiff passes over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

from engine.errors import ImageError
from engine.imaging import exif
from engine.imaging.codestreams import jpeg2000_size, jpeg_size
from engine.imaging.metadata import Header, Metadata, bare_iptc, plausible_dpi
from engine.imaging.rasters import Chunked, Converted, Grid, MasterFile, Plain, Raster

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else Python prints its warnings on standard error

_MAX_PAGES = 10_000
_PHOTOMETRIC: dict[int, tuple[Literal["grey", "rgb", "cmyk"], int]] = {
    0: ("grey", 1), 1: ("grey", 1), 2: ("rgb", 3), 3: ("rgb", 1), 5: ("cmyk", 4), 6: ("rgb", 3),
}  # fmt: skip
_INCH = {2: 1.0, 3: 2.54}
_JPEG = (7, 33007, 34892)
_JPEG2000 = (33003, 33004, 33005, 34712)
_SUPPORTED = (1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000, 50001, *_JPEG, *_JPEG2000)
_STREAM_HEAD = 1 << 16
_PADDING = 64  # pixels by which some programs round a strip up
_WHITE_IS_ZERO, _PALETTE, _YCBCR = 0, 3, 6
_ASSOCIATED = 1
_MAX_RATIO_CODECS = (1, 5, 8, 32773, 32946)  # none, LZW, Deflate, PackBits, Deflate
_MAX_RATIO = 1400  # LZW, the best of them, packs at most 1340 equal bytes into one
_RATIO_SLACK = 1 << 16
_MAX_COPIES = 32
_LARGEST_COPY = 6_000  # pixels a side, beyond which decoding a copy is no quick look
_LARGEST_CHUNK = 64 << 20  # bytes of a strip or tile; beyond that the whole image is unpacked at once


def read_header(file: BinaryIO, name: str, page: int) -> Header:
    """The header of one page; ImageError in words for kinds of samples that are not supported."""
    file.seek(0)
    with tifffile.TiffFile(file, name=name) as tif:
        pages = _full_pages(tif, name)
        return _header(_page(pages, page, name), len(pages), file, name)


def check_complete(file: BinaryIO, name: str, page: int) -> int:
    """ImageError where strips or tiles of the page are missing; nothing is decoded.

    Returns the page's number among all directories of the file, reduced copies included.
    """
    file.seek(0)
    with tifffile.TiffFile(file, name=name) as tif:
        source = _page(_full_pages(tif, name), page, name)
        _check_complete(source, tif.filehandle.size, name)
        _check_streams(source, name)
        return int(source.index)


def decode(file: BinaryIO, name: str, page: int) -> NDArray[Any]:
    """The pixels of one page, (H, W, C) uint8 or uint16, as stored: not rotated, CMYK still CMYK."""
    file.seek(0)
    with tifffile.TiffFile(file, name=name) as tif:
        return _decoded(_page(_full_pages(tif, name), page, name), name)


def decode_copy(file: BinaryIO, name: str, page: int, size: int) -> NDArray[Any] | None:
    """The same of the smallest reduced copy of a page that the file holds, longest side at least `size`; None where
    there is none."""
    file.seek(0)
    with tifffile.TiffFile(file, name=name) as tif:
        pages = _full_pages(tif, name)
        source = _page(pages, page, name)
        copies = list(source.pages or ()) if source.subifds else []
        if len(pages) == 1:
            several: list[Any] = list(tif.pages[:_MAX_COPIES])
            copies += [copy for copy in several if copy.is_reduced]
        fitting = [copy for copy in copies[:_MAX_COPIES] if _is_copy(copy, source, size)]
        return _decoded(min(fitting, key=lambda copy: int(copy.imagewidth)), name) if fitting else None


def _is_copy(copy: Any, page: Any, size: int) -> bool:
    """Whether one directory holds the picture of another, smaller, in samples of the same kind."""
    alike = ("photometric", "samplesperpixel", "bitspersample", "extrasamples")
    if any(getattr(copy, name) != getattr(page, name) for name in alike):
        return False
    lengths = copy.imagelength * page.imagewidth, page.imagelength * copy.imagewidth
    sides = copy.imagelength, copy.imagewidth
    return size <= max(sides) < _LARGEST_COPY and bool(abs(lengths[0] - lengths[1]) <= 0.02 * lengths[1])


def _decoded(source: Any, name: str) -> NDArray[Any]:
    _check_complete(source, source.parent.filehandle.size, name)
    _check_streams(source, name)
    pixels = source.asarray(maxworkers=1)
    if source.planarconfig == 2 and source.samplesperpixel > 1:
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = pixels.reshape(source.imagelength, source.imagewidth, source.samplesperpixel)
    return _expander(source)(pixels)


def raster(path: Path, page: int) -> Raster:
    """The pixels of a page by regions, as `decode` has them; only where the header's `parts` says that this works."""
    master = MasterFile(path)
    with master.open() as file, tifffile.TiffFile(file, name=path.name) as tif:
        source = _page(_full_pages(tif, path.name), page, path.name)
        _check_complete(source, tif.filehandle.size, path.name)
        _check_streams(source, path.name)
        _, channels, bits = _kind(source, path.name)
        stored = _plain(source, master) if _parts(source) == "pixels" else _chunked(source, master)
        inverted, expand = int(source.photometric) == _WHITE_IS_ZERO, _expander(source)
    dtype = np.dtype(np.uint8 if bits == 8 else np.uint16)
    if not inverted and source.bitspersample >= 8 and stored.shape[2] == channels:
        return stored
    return Converted(stored, channels, dtype, expand)


def _plain(page: Any, file: MasterFile) -> Raster:
    """Samples that lie in the file as they are."""
    stored = np.dtype(np.uint8 if page.bitspersample == 8 else f"{page.parent.byteorder}u2")
    shape = (page.imagelength, page.imagewidth, page.samplesperpixel)
    return Plain(file, shape, stored, page.dataoffsets[0], page.planarconfig == 2)


def _chunked(page: Any, file: MasterFile) -> Raster:
    """Strips or tiles, decoded one by one."""
    planes = page.samplesperpixel if page.planarconfig == 2 else 1
    grid = Grid(page.imagelength, page.imagewidth, *_chunk_size(page), planes)
    dtype = np.dtype(np.uint16 if page.bitspersample == 16 else np.uint8)
    offsets, counts = tuple(page.dataoffsets), tuple(page.databytecounts)
    is_jpeg, decode_segment = int(page.compression) in _JPEG, page.decode
    options = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader} if is_jpeg else {}

    def decode(source: BinaryIO, number: int) -> NDArray[Any]:
        source.seek(offsets[number])
        part: NDArray[Any] = np.asarray(decode_segment(source.read(counts[number]), number, **options)[0], dtype)[0]
        return part

    return Chunked(file, (page.imagelength, page.imagewidth, page.samplesperpixel), dtype, grid, decode)


def _full_pages(tif: tifffile.TiffFile, name: str) -> list[Any]:
    """The images of the file, without the reduced copies that some programs store beside them."""
    pages: list[Any] = []
    seen: set[int] = set()
    for page in tif.pages:
        if page.offset in seen:  # a damaged chain that runs in a circle
            break
        seen.add(page.offset)
        pages.append(page)
        if len(pages) > _MAX_PAGES:
            raise ImageError(f"“{name}” has more than {_MAX_PAGES:,} pages; split it into smaller files.")
    return [page for page in pages if not page.is_reduced] or pages


def _page(pages: list[Any], page: int, name: str) -> Any:
    if not pages:
        raise ImageError(f"“{name}” is a TIFF without a picture in it; copy or scan it again.")
    if not 0 <= page < len(pages):
        raise ImageError(f"“{name}” has no page {page + 1}; its last page is {len(pages)}.")
    return pages[page]


def _header(page: Any, pages: int, file: BinaryIO, name: str) -> Header:
    space, channels, bits = _kind(page, name)
    premultiplied = any(int(sample) == _ASSOCIATED for sample in page.extrasamples)
    metadata = Metadata(
        exif=exif.from_tiff(file, page.offset, page.parent.byteorder, page.parent.is_bigtiff),
        xmp=_bytes(page, 700),
        iptc=bare_iptc(_bytes(page, 33723)),
        dpi=_dpi(page),
        alpha="premultiplied" if premultiplied else "straight",
    )
    orientation = _value(page, 274, 1)
    return Header(
        width=page.imagewidth,
        height=page.imagelength,
        channels=channels,
        bits=bits,
        format="TIFF",
        space=space,
        pages=pages,
        orientation=orientation if orientation in range(1, 9) else 1,
        icc=_bytes(page, 34675),
        parts=_parts(page),
        metadata=metadata,
    )


def _parts(page: Any) -> Literal["", "pixels", "strips", "tiles"]:
    """What of a page can be read without the rest."""
    if page.is_final and page.bitspersample in (8, 16):
        return "pixels"
    rows, columns = _chunk_size(page)
    planes = page.samplesperpixel if page.planarconfig == 2 else 1
    nbytes = rows * columns * (page.samplesperpixel // planes) * max(1, page.bitspersample // 8)
    if nbytes > _LARGEST_CHUNK or page.ndim not in (2, 3):
        return ""
    return "tiles" if page.is_tiled else "strips"


def _chunk_size(page: Any) -> tuple[int, int]:
    """Rows and columns of a strip or tile."""
    if page.is_tiled:
        return page.tilelength, page.tilewidth
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


def _kind(page: Any, name: str) -> tuple[Literal["grey", "rgb", "cmyk"], int, int]:
    """Colour space, channels and bits after expansion to whole bytes."""
    bits, photometric, samples = page.bitspersample, int(page.photometric or 0), page.samplesperpixel
    if isinstance(bits, tuple) or int(page.sampleformat) != 1 or bits not in (1, 2, 4, 8, 16):
        raise ImageError(f"“{name}” does not hold 8 or 16 bit integers a sample; convert it to one of these first.")
    if photometric not in _PHOTOMETRIC or page.imagedepth != 1:
        raise ImageError(f"“{name}” is in a colour space that is not supported; convert it to grey or RGB first.")
    if photometric == _YCBCR and int(page.compression) not in _JPEG:
        raise ImageError(f"“{name}” holds uncompressed YCbCr, which is not supported; convert it to RGB first.")
    if int(page.compression) not in _SUPPORTED:
        raise ImageError(f"“{name}” is compressed in a way that is not supported; save it with LZW or without.")
    space, needed = _PHOTOMETRIC[photometric]
    if not needed <= samples <= (needed if space == "cmyk" or photometric == _PALETTE else needed + 1):
        raise ImageError(f"“{name}” has {samples} channels, which is not supported; convert it to grey or RGB first.")
    if photometric == _PALETTE:
        return space, 3, 8
    return space, samples, max(8, bits)


def _check_streams(page: Any, name: str) -> None:
    """Every strip or tile must unpack into the size it should, but for padding: the decoders would believe it."""
    size_of = jpeg_size if int(page.compression) in _JPEG else jpeg2000_size
    if int(page.compression) not in _JPEG + _JPEG2000:
        return
    height, width = page.chunks[-3:-1] if page.planarconfig == 1 and page.samplesperpixel > 1 else page.chunks[-2:]
    file = page.parent.filehandle
    for offset in page.dataoffsets:
        file.seek(offset)
        claimed = size_of(file.read(_STREAM_HEAD))
        if claimed is None or not width <= claimed[0] <= width + _PADDING or claimed[1] > height + _PADDING:
            raise ImageError(f"“{name}” contradicts itself about its size; copy or scan it again.")


def _check_complete(page: Any, file_size: int, name: str) -> None:
    """Every strip or tile must lie inside the file: some decoders fill what is missing without a word."""
    offsets, counts = page.dataoffsets, page.databytecounts
    expected = int(np.prod(page.chunked))
    pixel_bytes = page.imagelength * page.imagewidth * page.samplesperpixel * page.bitspersample // 8
    beyond = int(page.compression) in _MAX_RATIO_CODECS and pixel_bytes > _MAX_RATIO * sum(counts) + _RATIO_SLACK
    if (
        beyond
        or min(len(offsets), len(counts)) < expected
        or any(
            count <= 0 or offset <= 0 or offset + count > file_size
            for offset, count in zip(offsets[:expected], counts[:expected], strict=True)
        )
    ):
        raise ImageError(f"“{name}” is incomplete: part of its pixels is missing; copy or scan it again.")


def _expander(page: Any) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Makes palette, bits and inverted grey (h, w, samples) plain 8 or 16 bit samples; works without the file."""
    bits, inverted, colours = page.bitspersample, int(page.photometric) == _WHITE_IS_ZERO, None
    if int(page.photometric) == _PALETTE:
        table = np.asarray(page.colormap, dtype=np.uint16)  # (3, 2 ** bits)
        colours = (table >> 8 if table.max() > 255 else table).astype(np.uint8).T

    def expand(pixels: NDArray[Any]) -> NDArray[Any]:
        if colours is not None:
            found: NDArray[Any] = colours[pixels[..., 0].astype(np.intp)]
            return found
        if bits < 8:
            pixels = pixels.astype(np.uint8) * np.uint8(255 // ((1 << bits) - 1))
        if inverted:
            grey = np.iinfo(pixels.dtype).max - pixels[..., :1]
            pixels = np.concatenate([grey, pixels[..., 1:]], axis=2)
        return pixels

    return expand


def _value(page: Any, code: int, default: Any) -> Any:
    tag = page.tags.get(code)
    return default if tag is None else tag.value


def _bytes(page: Any, code: int) -> bytes | None:
    value = _value(page, code, None)
    if isinstance(value, tuple) and value and isinstance(value[0], int):  # IPTC is often declared as LONGs
        order = page.parent.byteorder  # the bytes are meant, whatever number they were declared to be
        return np.array(value, dtype=f"{order}u4" if max(value) > 255 else np.uint8).tobytes()
    return value if isinstance(value, bytes) and value else None


def _dpi(page: Any) -> tuple[float, float] | None:
    unit = _INCH.get(int(_value(page, 296, 2)))
    x, y = _value(page, 282, None), _value(page, 283, None)
    if unit is None or not (isinstance(x, tuple) and isinstance(y, tuple)) or 0 in (x[1], y[1]):
        return None
    return plausible_dpi(x[0] / x[1] * unit, y[0] / y[1] * unit)
