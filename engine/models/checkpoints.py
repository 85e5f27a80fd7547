"""The only reader of other people's weight files, which are hostile until read: nothing in them can run.

A `.pth` is a pickle, a little program; torch's restricted unpickler knows only the words for tensors and plain
containers. Before and after it the sizes are checked, so that a small file cannot ask for much memory.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.errors import ModelError

ENDINGS = (".safetensors", ".pth", ".pt", ".ckpt")
LARGEST = 4 << 30  # bytes of a file, and of what it holds
_LARGEST_PROGRAM = 32 << 20  # bytes of the pickle that describes the tensors
_MOST_TENSORS = 20_000
_LARGEST_NUMBER = 4_096  # in a tensor's name: how many layers one may claim to have
_LONGEST_NAME = 300
_DEEPEST = 4  # dictionaries around the one with the weights
_MOST_AXES = 6
_NO_WEIGHTS = "“{name}” is not a file of weights, whatever its name says; choose another file."
_DAMAGED = "“{name}” is damaged or not whole, so its weights cannot be read; get it once more."
_MORE = "“{name}” holds more than weights and is refused: nothing in it was run."
_DAMAGED_OR_MORE = "“{name}” is damaged, or holds more than weights and is refused: nothing in it was run."
_WRAPPERS = ("model_state_dict", "state_dict", "params_ema", "params-ema", "params", "model", "net", "g_ema")


def read(path: Path) -> dict[str, Tensor]:
    """The weights in a file by their names, on the processor, in the format they have there.

    ModelError, in a sentence, for a file that is missing, of another kind, damaged, or that tries anything.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ModelError(f"“{path.name}” is no weight file; choose one that ends in .safetensors or .pth.")
    try:
        length = path.stat().st_size
    except OSError as error:
        raise ModelError(f"“{path.name}” cannot be read ({error.strerror}); choose another file.") from error
    if not path.is_file() or not 0 < length <= LARGEST:
        raise ModelError(f"“{path.name}” is empty, no file or larger than 4 GB; choose another weight file.")
    state = _safetensors(path) if path.suffix.lower() == ".safetensors" else _pickle(path, length)
    _check(state, path)
    return state


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return {name: tensor.clone() for name, tensor in load_file(path).items()}  # a copy: the file may change
    except Exception as error:  # what is damaged fails in any way
        if not _begins_with_a_header(path):
            raise ModelError(_NO_WEIGHTS.format(name=path.name)) from error
        raise ModelError(_DAMAGED.format(name=path.name)) from error


def _begins_with_a_header(path: Path) -> bool:
    """Whether a file begins as safetensors do: with the length of some JSON, and that."""
    with path.open("rb") as file:
        start = file.read(9)
    return start[8:] == b"{" and int.from_bytes(start[:8], "little") < LARGEST


def _pickle(path: Path, length: int) -> dict[str, Tensor]:
    try:
        if zipfile.is_zipfile(path):
            _check_archive(path, length)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except Exception as error:  # down to failed assertions
        raise ModelError(_why_not(path, error).format(name=path.name)) from error
    return _tensors(content)


def _why_not(path: Path, error: Exception) -> str:
    """What a file is that torch's restricted unpickler did not read, from how it begins and what that said."""
    with path.open("rb") as file:
        start = file.read(4)
    if not start.startswith((b"PK\x03\x04", b"\x80")):
        return _NO_WEIGHTS
    is_archive = zipfile.is_zipfile(path)
    if is_archive:
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, ValueError, OSError):
            return _DAMAGED
        if not any(name.endswith("data.pkl") for name in names):
            return _NO_WEIGHTS
    if isinstance(error, pickle.UnpicklingError):
        return _DAMAGED_OR_MORE if "Unsupported operand" in str(error) else _MORE
    return _DAMAGED_OR_MORE if is_archive else _DAMAGED  # an archive is read from its end, so it was not cut off


def _check_archive(path: Path, length: int) -> None:
    """torch packs nothing: what is packed, or claims to be longer than its file, is a bomb."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    claimed = sum(entry.file_size for entry in entries)
    program = max((entry.file_size for entry in entries if entry.filename.endswith(".pkl")), default=0)
    if packed or claimed > length or program > _LARGEST_PROGRAM or len(entries) > 2 * _MOST_TENSORS:
        raise ModelError(f"“{path.name}” is not packed as weight files are, and is refused.")


def _tensors(content: Any) -> dict[str, Tensor]:
    """The weights among what a checkpoint holds, whatever they are wrapped in."""
    for _ in range(_DEEPEST):
        if not isinstance(content, Mapping):
            return {}
        inner = next((content[name] for name in _WRAPPERS if isinstance(content.get(name), Mapping)), None)
        if inner is None and len(content) == 1 and isinstance(only := next(iter(content.values())), Mapping):
            inner = only
        if inner is None:
            break
        content = inner
    if not isinstance(content, Mapping):
        return {}
    found = {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)}
    return {name: value.detach() for name, value in found.items()}


def _check(state: Mapping[str, Tensor], path: Path) -> None:
    """No tensor may claim more than it holds, nor a name more layers than a network has."""
    if not state:
        raise ModelError(f"“{path.name}” holds no weights of a network; choose another file.")
    strange = len(state) > _MOST_TENSORS or any(map(_is_strange, state)) or any(map(_is_unsound, state.values()))
    if strange or sum(value.numel() * value.element_size() for value in state.values()) > LARGEST:
        raise ModelError(f"“{path.name}” claims weights that no network has, and is refused.")


def _is_strange(name: str) -> bool:
    return len(name) > _LONGEST_NAME or any(
        len(digits) > 4 or int(digits) > _LARGEST_NUMBER for digits in re.findall(r"[0-9]+", name)
    )


def _is_unsound(value: Tensor) -> bool:
    if value.layout != torch.strided or value.is_quantized or value.is_complex() or value.dim() > _MOST_AXES:
        return True
    return value.numel() * value.element_size() > value.untyped_storage().nbytes()
