"""The only reader and writer of weight files: safetensors, nothing in them can run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.errors import ModelError
from engine.models.catalog import header
from engine.models.features import TextureFeatures
from engine.models.generator import Backbone, Head
from engine.models.objective import Objective
from engine.models.style_encoder import StyleEncoder
from engine.models.tone import ToneStage


@dataclass(frozen=True, slots=True)
class Restorer:
    """The networks a restoration needs, in evaluation mode, on one device."""

    backbone: Backbone
    head: Head
    tone: ToneStage
    encoder: StyleEncoder

    @property
    def parts(self) -> dict[str, nn.Module]:
        return {"backbone": self.backbone, "head": self.head, "tone": self.tone, "encoder": self.encoder}


def load_restorer(path: Path, device: torch.device, dtype: torch.dtype) -> Restorer:
    """Reads a weight file. The backbone gets `dtype` and channels_last; head, tone and encoder stay float32,
    since the head is folded and the other two see thumbnails only. ModelError where something does not fit."""
    restorer = Restorer(Backbone(), Head(), ToneStage(), StyleEncoder())
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"The model “{path.name}” is missing or damaged; install Archivist again.") from error
    for name, part in restorer.parts.items():
        state = {k.removeprefix(name + "."): v.float() for k, v in tensors.items() if k.startswith(name + ".")}
        try:
            part.load_state_dict(state)
        except RuntimeError as error:
            raise ModelError(f"The model “{path.name}” belongs to another version of Archivist.") from error
        part.eval().requires_grad_(False).to(device)
    restorer.backbone.to(dtype=dtype)
    restorer.backbone.to(memory_format=torch.channels_last)
    return restorer


def load_objective(path: Path, device: torch.device) -> Objective:
    """The measure of content and style that a weight file carries, in float32.

    ModelError where the file is damaged or carries none, as those from before it was kept."""
    scales, features = header(path).get("scales"), TextureFeatures()
    if not isinstance(scales, dict) or not all(float(scales.get(name, 0)) > 0 for name in ("content", "style")):
        raise ModelError(f"The model “{path.name}” carries no measure of content and style; choose a newer one.")
    try:
        tensors = load_file(path)
        state = {k.removeprefix("features."): v.float() for k, v in tensors.items() if k.startswith("features.")}
        features.load_state_dict(state)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"The model “{path.name}” is missing or damaged; install Archivist again.") from error
    except RuntimeError as error:
        raise ModelError(
            f"The model “{path.name}” carries no measure of content and style; choose a newer one."
        ) from error
    features.eval().requires_grad_(False).to(device)
    features.to(memory_format=torch.channels_last)
    return Objective(features, float(scales["content"]), float(scales["style"]))


def save_restorer(path: Path, state: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Writes the tensors of `state` that belong to a Restorer, and the features it was measured with, in half
    precision, with the card inside; its "scales" are the sizes of content and style that training divided out."""
    parts = ("backbone.", "head.", "tone.", "encoder.", "features.")
    tensors = {k: v.detach().cpu().half().contiguous() for k, v in state.items() if k.startswith(parts)}
    save_file(tensors, path, metadata={"card": json.dumps(card, ensure_ascii=False)})
