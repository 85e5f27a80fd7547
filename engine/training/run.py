"""A training run on disk: networks, optimisers, averages and counters, saved so that a kill costs little.

Everything is safetensors and JSON; nothing here can execute code when it is read back.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from engine.errors import ModelError
from engine.models.critic import Critic
from engine.models.features import TextureFeatures
from engine.models.generator import Backbone, Head
from engine.models.style_encoder import StyleEncoder
from engine.models.tone import ToneStage
from engine.models.upscale import Upscaler
from engine.models.weights import restorer_tensors
from engine.projects.atomic import replacing

AVERAGE_DECAY = 0.999


class Networks(nn.Module):
    """Everything a run trains; the first four are what a restoration needs."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.head = Head()
        self.tone = ToneStage()
        self.encoder = StyleEncoder()
        self.features = TextureFeatures()
        self.features_out = nn.Linear(128, 2)
        self.critic = Critic()
        self.upscaler = Upscaler()  # last: what was drawn for the others stays as it was


def averaged(modules: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in modules.state_dict().items()}


@dataclass(slots=True)
class Run:
    """`nets` in training, their running averages, one optimiser a group of networks, and where the run stands."""

    folder: Path
    nets: Networks
    average: dict[str, Tensor]
    optimisers: dict[str, torch.optim.Optimizer]
    counters: dict[str, Any] = field(default_factory=lambda: {"phase": 0, "step": 0, "total": 0, "seconds": 0.0})
    scales: dict[str, float] = field(default_factory=dict)  # frozen sizes of the loss terms
    best: dict[str, float] = field(default_factory=dict)  # best validation figure a phase kind
    changing: frozenset[str] | None = None  # names of the tensors that are saved; None: all
    echo: bool = False  # whether log lines are also shown

    def follow(self, *names: str) -> None:
        """Moves the running average of the named networks one step towards their weights."""
        decay = min(AVERAGE_DECAY, (1 + self.counters["step"]) / (10 + self.counters["step"]))
        with torch.no_grad():
            for name in names:
                for key, value in self.nets.get_submodule(name).state_dict().items():
                    self.average[f"{name}.{key}"].lerp_(value.to(torch.float32), 1 - decay)

    def adopt_average(self) -> None:
        """Puts the averaged weights in place of the trained ones: what one phase leaves the next starts from."""
        self.nets.load_state_dict(self.average)

    def begin_from(self, path: Path) -> None:
        """Takes over what a weight file, a tail's or another run's checkpoint holds (there: the averages) of these;
        a layer of another shape, from before a change of them, begins anew. The sizes of content and style that the
        file was trained with go on to hold. ModelError where it is none of these.
        """
        try:
            about = _about(path)
            tensors = restorer_tensors(path) if "base" in about else load_file(path)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"“{path}” is neither a model nor a checkpoint; name another file.") from error
        scales, found = about.get("scales", {}), 0
        for key in self.average:
            value = tensors.get(f"average.{key}", tensors.get(key, tensors.get(key.removeprefix("upscaler."))))
            if value is not None and value.shape == self.average[key].shape:
                self.average[key].copy_(value)
                found += 1
        if not found:
            raise ModelError(f"“{path}” holds no networks of this version of Archivist; name another file.")
        if "content" in scales and "style" in scales:
            self.scales |= {"content": scales["content"], "style": scales["style"], "measured": math.inf}
        self.adopt_average()

    def back_to(self, name: str) -> bool:
        """Takes the averaged weights of an earlier checkpoint and forgets the optimisers' momentum; counters and
        scales stay. False where there is no such checkpoint."""
        tensors = self._read(name)
        if tensors is None:
            return False
        for key, value in tensors.items():
            if key.startswith("average."):
                self.average[key.removeprefix("average.")].copy_(value)
        self.adopt_average()
        for optimiser in self.optimisers.values():
            optimiser.state.clear()
        return True

    def log(self, **values: Any) -> None:
        """Appends one JSON line to log.jsonl."""
        line = json.dumps({"time": round(time.time(), 1), **self.counters, **values})
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        if self.echo:
            print(line, flush=True)

    def save(self, name: str = "last") -> None:
        """Writes `<name>.safetensors`, whole or not at all; WriteError where it cannot."""
        whole = {"net": self.nets.state_dict(), "average": self.average}
        tensors = {
            f"{which}.{key}": value.contiguous()
            for which, state in whole.items()
            for key, value in state.items()
            if self.changing is None or key in self.changing
        }
        for group, optimiser in self.optimisers.items():
            for index, state in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{group}.{index}.{k}": torch.as_tensor(v).contiguous() for k, v in state.items()}
        about = {"counters": self.counters, "scales": self.scales, "best": self.best}
        with replacing(self.folder / f"{name}.safetensors") as temporary:
            temporary.write_bytes(save(tensors, metadata={"run": json.dumps(about)}))

    def load(self, name: str = "last") -> bool:
        """Goes back to a checkpoint; False where there is none that can be read."""
        tensors = self._read(name)
        if tensors is None:
            return False
        nets = {k.removeprefix("net."): v for k, v in tensors.items() if k.startswith("net.")}
        self.nets.load_state_dict(nets, strict=False)  # a checkpoint from before a network existed still serves
        for key, value in tensors.items():
            if key.startswith("average."):
                self.average[key.removeprefix("average.")].copy_(value)
        for group, optimiser in self.optimisers.items():
            _restore_optimiser(optimiser, f"optimiser.{group}.", tensors)
        about = checkpoint_facts(self.folder / f"{name}.safetensors")
        self.counters, self.scales, self.best = about["counters"], about["scales"], about["best"]
        return True

    def _read(self, name: str) -> dict[str, Tensor] | None:
        """The tensors of a checkpoint; None where there is none, or a damaged one, which the log then tells."""
        path = self.folder / f"{name}.safetensors"
        try:
            return load_file(path) if path.exists() else None
        except (OSError, SafetensorError):
            self.log(event="damaged", told=f"{path.name} cannot be read: it counts as not there")
            return None


def checkpoint_facts(path: Path) -> dict[str, Any]:
    """What a checkpoint tells besides its tensors: "counters", "scales" and "best"."""
    with safe_open(path, framework="pt") as file:
        facts: dict[str, Any] = json.loads(file.metadata()["run"])
    return facts


def _about(path: Path) -> dict[str, Any]:
    """What a checkpoint or the card of a weight file tells; nothing where it is neither."""
    with safe_open(path, framework="pt") as file:
        about = file.metadata() or {}
    facts: dict[str, Any] = json.loads(about.get("run") or about.get("card") or "{}")
    return facts


def _restore_optimiser(optimiser: torch.optim.Optimizer, prefix: str, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(prefix):
            index, name = key.removeprefix(prefix).split(".", 1)
            state.setdefault(int(index), {})[name] = value
    parameters = [p for g in optimiser.param_groups for p in g["params"]]
    if state and all(_fits(parameters, *one) for one in state.items()):  # else of other networks: it gathers anew
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _fits(parameters: list[Tensor], index: int, kept: dict[str, Tensor]) -> bool:
    """Whether what an optimiser kept of a parameter is of its shape; the number of steps has none."""
    return index < len(parameters) and all(not v.dim() or v.shape == parameters[index].shape for v in kept.values())
