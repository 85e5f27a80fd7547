"""The only reader and writer of weight files: safetensors, nothing in them can run."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from engine.errors import ModelError
from engine.models.catalog import base_of, header
from engine.models.features import TextureFeatures
from engine.models.generator import Backbone, Head
from engine.models.low_rank import merged
from engine.models.objective import Objective
from engine.models.reverse import Reverse
from engine.models.style_encoder import StyleEncoder
from engine.models.tone import ToneStage
from engine.models.upscale import UPSCALES, Interpolated, Upscaler
from engine.types import ModelCard

_MISFIT = "The model “{name}” belongs to another version of Archivist."
_NO_MEASURE = "The model “{name}” carries no measure of content and style; choose a newer one."
_LARGEST_SIZE = 1e6  # of content or style, by which a measure is divided
_CRISP = "crisp."  # before the names of a tail's second set of weights


@dataclass(frozen=True, slots=True)
class Restorer:
    """The networks a restoration needs, in evaluation mode, on one device."""

    backbone: Backbone
    head: Head
    tone: ToneStage
    encoder: StyleEncoder
    slider: tuple[float, float] = (1.0, 0.0)  # slope and shift, see `heard`

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {"backbone": self.backbone, "head": self.head, "tone": self.tone, "encoder": self.encoder}

    def heard(self, alpha: float, beta: float = 0.0) -> float:
        """The loss weight that the head hears of where the sliders stand on alpha and beta.

        What a head makes of the two decades it was trained on need not be the range a person has a use for: a slope
        above 1 spreads more of it over the slider, a shift moves it, as another weight of the critic would have.
        With a style neither holds: style is weighed against content there, and a slope made it rise where it should
        fall. The further a style is taken, the less of the content's weight is heard instead, 0.44 at beta 0.1, a
        seventeenth in the end: in the game the head was trained in, texture that the critic asks for lies nearer to a
        print than none does, and a rising beta used to quieten it; too much of it leads past a calm print.
        """
        slope, shift = self.slider
        plain = (1 + 100 * beta) ** -2  # a quarter at the smallest beta, under a hundredth at 0.1
        at = math.log(alpha)
        return math.exp(at + plain * ((slope - 1) * at + shift) - 2.9 * beta / (beta + 0.25))


def load_restorer(path: Path, device: torch.device, dtype: torch.dtype) -> Restorer:
    """Reads a weight file. The backbone gets `dtype` and channels_last; head, tone and encoder stay float32,
    since the head is folded and the other two see thumbnails only. ModelError where something does not fit."""
    restorer = Restorer(Backbone(), Head(), ToneStage(), StyleEncoder(), _slider(path))
    tensors = restorer_tensors(path)
    for name, part in restorer.parts.items():
        _fill(part, {k.removeprefix(name + "."): v for k, v in tensors.items() if k.startswith(name + ".")}, path)
        part.eval().requires_grad_(False).to(device)
    restorer.backbone.to(dtype=dtype)
    restorer.backbone.to(memory_format=torch.channels_last)
    return restorer


def restorer_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a weight file; of a fine-tuned one, those of its base with what was learned added in.

    ModelError where a file is damaged, or the base is not the one it was tuned from.
    """
    tensors = _read(path)
    base = base_of(path)
    if base is None:
        return tensors
    try:
        return merged({k: v.float() for k, v in _read(base).items()}, tensors)
    except ValueError as error:
        raise ModelError(_MISFIT.format(name=path.name)) from error


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"The model “{path.name}” is missing or damaged; install Archivist again.") from error


def _fill(part: nn.Module, state: Mapping[str, Tensor], path: Path, misfit: str = _MISFIT) -> None:
    """Puts weights into a network, in its own format. ModelError, `misfit`, where they are another's; and where one of
    them is not finite: what is made with it would be black, without a word."""
    try:
        part.load_state_dict({key: value.float() for key, value in state.items()})
    except RuntimeError as error:
        raise ModelError(misfit.format(name=path.name)) from error
    for value in part.state_dict().values():  # least and greatest: a fifth of the time of looking at each
        if value.is_floating_point() and not torch.stack(value.aminmax()).isfinite().all():
            raise ModelError(
                f"The model “{path.name}” is damaged: some of its weights are no numbers; get it once more."
            )


def _slider(path: Path) -> tuple[float, float]:
    """Slope and shift of the file's card; those of a head that hears alpha as it is where it tells none."""
    found = header(path).get("slider", (1.0, 0.0))
    if not isinstance(found, list | tuple) or len(found) != 2 or not all(isinstance(n, int | float) for n in found):
        raise ModelError(f"The model “{path.name}” is missing or damaged; install Archivist again.")
    slope, shift = found
    if not (0.1 <= slope <= 10 and abs(shift) <= 10):  # also refuses NaN, and what is too long for a float
        raise ModelError(f"The model “{path.name}” is missing or damaged; install Archivist again.")
    return float(slope), float(shift)


def load_objective(path: Path, device: torch.device) -> Objective:
    """The measure of content and style that a weight file carries, in float32.

    ModelError where the file is damaged or carries none, as those from before it was kept."""
    scales, features = header(path).get("scales"), TextureFeatures()
    sizes = [scales.get(name) for name in ("content", "style")] if isinstance(scales, dict) else []
    sane = [float(size) for size in sizes if isinstance(size, int | float) and 0 < size <= _LARGEST_SIZE]
    if len(sane) != 2:
        raise ModelError(_NO_MEASURE.format(name=path.name))
    tensors, name = restorer_tensors(path), "features."
    state = {k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)}
    _fill(features, state, path, _NO_MEASURE)
    features.eval().requires_grad_(False).to(device)
    features.to(memory_format=torch.channels_last)
    return Objective(features, *sane)


def load_upscaler(path: Path, model: Path, device: torch.device) -> Upscaler | Interpolated:
    """Reads the upscaling tail of a model, float32, since it is folded; with a second set of weights for a low alpha
    where the file has one; for a tuned model, `model` is its base. ModelError where it is missing, damaged or was
    taught on another backbone and head than that model's."""
    tensors, own = _read(path), fingerprint(_read(model))
    if header(path).get("belongs_to") != own:
        raise ModelError(
            f"“{path.name}” was made for other weights than “{model.name}” holds; keep the size at 1 or install "
            "Archivist again."
        )
    parts: list[dict[str, Tensor]] = [{}, {}]
    for key, value in tensors.items():
        parts[key.startswith(_CRISP)][key.removeprefix(_CRISP)] = value
    tails = [Upscaler() for part in parts if part] or [Upscaler()]
    for tail, part in zip(tails, parts, strict=False):
        _fill(tail, part, path)
    tails = [tail.eval().requires_grad_(False).to(device) for tail in tails]
    return Interpolated(*tails) if len(tails) == 2 else tails[0]


def save_upscaler(path: Path, state: Mapping[str, Tensor], model: Path, card: Mapping[str, Any]) -> None:
    """Writes the tail in `state`, in half precision, with its card and what tells the weights it belongs to.

    ValueError where the backbone and head in `state`, on which it was taught, are not those of `model`.
    """
    own = fingerprint(load_file(model))
    if fingerprint({key: value.detach().cpu().half() for key, value in state.items()}) != own:
        raise ValueError(f"The tail was not taught on the weights of {model.name}.")
    part = "upscaler."
    tensors = {k.removeprefix(part): v.detach().cpu().half().contiguous() for k, v in state.items() if part in k}
    facts = {**card, "sizes": UPSCALES, "belongs_to": own}
    _write(path, tensors, facts)


def save_crisp_upscaler(path: Path, state: Mapping[str, Tensor], card: Mapping[str, Any], share: float = 1.0) -> None:
    """Puts the tail in `state`, trained against a critic, beside the one in the file, with what more the card tells;
    or weights `share` of the way from that one to it.

    ValueError where the backbone and head in `state` are not those the file belongs to.
    """
    about = _taught_on(path, state)
    tensors = {key: value for key, value in load_file(path).items() if not key.startswith(_CRISP)}
    ends = {key: (value.float(), state[f"upscaler.{key}"].detach().cpu()) for key, value in tensors.items()}
    tensors |= {_CRISP + key: torch.lerp(*pair, share).half() for key, pair in ends.items()}
    _write(path, tensors, {**about, **card})


def save_longer_taught(path: Path, state: Mapping[str, Tensor], card: Mapping[str, Any], beyond: float = 0.0) -> None:
    """Puts the tail in `state`, that of the file having learned on, in its place, with what more the card tells. The
    file's second set of weights stays, or moves `beyond` further from where the former tail was: what lies between the
    two is drawn nearer to a softer tail, and has to be as crisp as before.

    ValueError where the backbone and head in `state` are not those the file belongs to.
    """
    about, tensors = _taught_on(path, state), load_file(path)
    for key in [key for key in tensors if key.startswith(_CRISP)]:
        former, crisp = tensors[key.removeprefix(_CRISP)].float(), tensors[key].float()
        tensors[key] = torch.lerp(former, crisp, 1 + beyond).half()
    plain = [key for key in tensors if not key.startswith(_CRISP)]
    tensors |= {key: state[f"upscaler.{key}"].detach().cpu().half().contiguous() for key in plain}
    _write(path, tensors, {**about, **card})


def _taught_on(path: Path, state: Mapping[str, Tensor]) -> Mapping[str, Any]:
    """The card of a tail's file; ValueError where the backbone and head in `state` are not those it belongs to."""
    about = header(path)
    if fingerprint({key: value.detach().cpu().half() for key, value in state.items()}) != about.get("belongs_to"):
        raise ValueError(f"The tail was not taught on the weights that {path.name} belongs to.")
    return about


def carry_upscaler(path: Path, model: Path, card: Mapping[str, Any]) -> None:
    """Lets the tail in a file serve a model that has taken the place of the one it was taught on, with what its card
    tells more. It sees only what is restored; whether it still serves is for figures to say."""
    facts = {**header(path), **card, "belongs_to": fingerprint(load_file(model))}
    _write(path, load_file(path), facts)


def save_critic(path: Path, state: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Writes the discriminator in `state` in half precision, with its card: further training starts from it."""
    tensors = {k: v.detach().cpu().half().contiguous() for k, v in state.items() if k.startswith("critic.")}
    _write(path, tensors, card)


def save_reverse(path: Path, state: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Writes a way back (`reverse.py`) in half precision, with its card."""
    tensors = {k: v.detach().cpu().half().contiguous() for k, v in state.items()}
    _write(path, tensors, card)


def load_reverse(path: Path) -> Reverse:
    """Reads a way back, in float32. ModelError where it is missing, damaged or of another version."""
    reverse = Reverse()
    _fill(reverse, _read(path), path)
    return reverse


def save_tuned(
    path: Path, state: Mapping[str, Tensor], updates: Mapping[str, Tensor], base: ModelCard, card: Mapping[str, Any]
) -> None:
    """Writes what a fine-tuning learned: the head of `state` and the updates of the backbone of low rank, in half
    precision, with the card and the base they belong to. Without that base's file they are nothing; alpha sits where it
    does there."""
    tensors = {k: v for k, v in state.items() if k.startswith("head.")} | dict(updates)
    half = {k: v.detach().cpu().half().contiguous() for k, v in tensors.items()}
    facts = {"slider": base.slider, **card, "base": {"id": base.id, "sha256": base.sha256}}
    _write(path, half, facts)


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """What tells one backbone and head from another: SHA-256 of their half-precision weights, in the order of names."""
    digest = hashlib.sha256()
    for key in sorted(key for key in state if key.startswith(("backbone.", "head."))):
        digest.update(key.encode())
        digest.update(state[key].contiguous().flatten().view(torch.uint8).numpy().tobytes())  # numpy knows no bfloat16
    return digest.hexdigest()


def save_restorer(path: Path, state: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Writes the tensors of `state` that belong to a Restorer, and the features it was measured with, in half
    precision, with the card inside; its "scales" are the sizes of content and style that training divided out."""
    parts = ("backbone.", "head.", "tone.", "encoder.", "features.")
    tensors = {k: v.detach().cpu().half().contiguous() for k, v in state.items() if k.startswith(parts)}
    _write(path, tensors, card)


def _write(path: Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Not by `save_file`: what it makes is for its owner only, and it calls a full disk an error of the format."""
    path.unlink(missing_ok=True)  # tensors read from it lie in a map of it, and keep the former file that way
    path.write_bytes(save(dict(tensors), metadata={"card": json.dumps(card, ensure_ascii=False)}))
