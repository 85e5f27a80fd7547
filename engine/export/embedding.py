"""A C2PA manifest put into a finished TIFF where it lies: whatever its size, little of it is in memory.

The library's own way copies the file and holds one copy in memory. Its interface for C, which Python's wrapper declares
only in part, also signs a file whose manifest somebody else places: it tells how much room that takes, hashes the file
without that room as a stream, and gives the manifest, which is exactly as long.
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import c2pa
from c2pa import c2pa as wrapper

TAG = 0xCD41  # C2PA 2.1, A.3.6
_UNDEFINED = 7
_KIND = b"application/c2pa"  # the bare manifest store, as a TIFF holds it
_Bytes = ctypes.POINTER(ctypes.c_ubyte)


@dataclass(frozen=True, slots=True)
class _Form:
    """How a TIFF counts: classic or big, and in which order of bytes."""

    order: str  # "<" or ">"
    big: bool

    @property
    def pointer(self) -> int:
        """Where in the header the first directory's place stands."""
        return 8 if self.big else 4

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "L")

    @property
    def count(self) -> str:
        return self.order + ("Q" if self.big else "H")

    def entry(self, length: int, place: int) -> bytes:
        """The directory's entry of the manifest."""
        return struct.pack(self.order + ("HHQQ" if self.big else "HHLL"), TAG, _UNDEFINED, length, place)


def sign_in_place(builder: c2pa.Builder, signer: c2pa.Signer, path: Path) -> None:
    """Signs a TIFF of one page that carries no manifest; on failure it is as it was. c2pa.C2paError, OSError."""
    with path.open("r+b") as file, _undone(file):
        room = _room(builder, signer)
        start = _reserve(file, room)
        file.flush()
        manifest = _signed(builder, signer, path, (start, room))
        if len(manifest) != room:
            raise c2pa.C2paError(f"the manifest has {len(manifest)} bytes where {room} were reserved")
        file.seek(start)
        file.write(manifest)


@contextmanager
def _undone(file: BinaryIO) -> Iterator[None]:
    """What is appended and the header go back where the block fails."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16)
    try:
        yield
    except BaseException:
        file.seek(0)
        file.write(head)
        file.truncate(size)
        raise


def _reserve(file: BinaryIO, length: int) -> int:
    """Appends room for the manifest and a directory that names it, which becomes the file's; where the room begins."""
    form = _form(file)
    entries, following = _directory(file, form)
    start = _end(file)
    file.write(bytes(length))
    place = _end(file)
    entries = sorted(
        [*entries, form.entry(length, start)], key=lambda entry: struct.unpack_from(form.order + "H", entry)
    )
    if not form.big and place + 12 * len(entries) >= 1 << 32:
        raise c2pa.C2paError("the file has no room for a signature")
    file.write(struct.pack(form.count, len(entries)) + b"".join(entries) + following)
    file.seek(form.pointer)
    file.write(struct.pack(form.offset, place))
    return start


def _end(file: BinaryIO) -> int:
    """The end, at an even place, where parts of a TIFF begin."""
    end = file.seek(0, os.SEEK_END)
    return end + file.write(b"\0" * (end % 2))


def _form(file: BinaryIO) -> _Form:
    file.seek(0)
    head = file.read(4)
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
    version = struct.unpack(order + "H", head[2:])[0] if order else 0
    if version not in (42, 43):
        raise c2pa.C2paError("this is no TIFF")
    return _Form(order, version == 43)


def _directory(file: BinaryIO, form: _Form) -> tuple[list[bytes], bytes]:
    """The entries of the first directory, and the bytes that tell where the next one is."""
    file.seek(form.pointer)
    file.seek(_number(file, form.offset))
    size = 20 if form.big else 12
    entries = [file.read(size) for _ in range(_number(file, form.count))]
    return entries, file.read(struct.calcsize(form.offset))


def _number(file: BinaryIO, kind: str) -> int:
    number: int = struct.unpack(kind, file.read(struct.calcsize(kind)))[0]
    return number


# The interface for C, as declared in c2pa.h of the version this is pinned to


def _room(builder: c2pa.Builder, signer: c2pa.Signer) -> int:
    """Bytes that the manifest will take."""
    call = _declared("c2pa_builder_data_hashed_placeholder", wrapper.C2paBuilder, ctypes.c_size_t, ctypes.c_char_p)
    return len(_called(call, builder._handle, signer.reserve_size(), _KIND))


def _signed(builder: c2pa.Builder, signer: c2pa.Signer, path: Path, room: tuple[int, int]) -> bytes:
    """The manifest of a file that is hashed without `room`, its start and length."""
    hashed = {
        "exclusions": [{"start": room[0], "length": room[1]}],
        "name": "jumbf manifest",
        "alg": "sha256",
        "hash": "",
        "pad": "",
    }
    kinds = (wrapper.C2paBuilder, wrapper.C2paSigner, ctypes.c_char_p, ctypes.c_char_p, wrapper.C2paStream)
    call = _declared("c2pa_builder_sign_data_hashed_embeddable", *kinds)
    # The stream has to live until the library is done with it.
    with path.open("rb") as file, wrapper.Stream(file) as stream:
        return _called(call, builder._handle, signer._handle, json.dumps(hashed).encode(), _KIND, stream._stream)


def _declared(name: str, *kinds: Any) -> Any:
    """A function of the library's; structures are passed by their address, and the last argument takes the answer's."""
    call = getattr(wrapper._lib, name)
    structures = [ctypes.POINTER(kind) if issubclass(kind, ctypes.Structure) else kind for kind in kinds]
    call.argtypes = [*structures, ctypes.POINTER(_Bytes)]
    call.restype = ctypes.c_int64
    return call


def _called(call: Any, *arguments: Any) -> bytes:
    answer = _Bytes()
    length = call(*arguments, ctypes.byref(answer))
    if length < 0:
        raise c2pa.C2paError(wrapper._convert_to_py_string(wrapper._lib.c2pa_error()))
    try:
        return ctypes.string_at(answer, length)
    finally:
        wrapper._lib.c2pa_manifest_bytes_free(answer)
