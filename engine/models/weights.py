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
from engine.models.generator import Backbone, Head
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


def save_restorer(path: Path, state: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Writes the tensors of `state` that belong to a Restorer, in half precision, with the card inside."""
    parts = ("backbone.", "head.", "tone.", "encoder.")
    tensors = {k: v.detach().cpu().half().contiguous() for k, v in state.items() if k.startswith(parts)}
    save_file(tensors, path, metadata={"card": json.dumps(card, ensure_ascii=False)})
