"""Other people's networks, to be measured against: Real-ESRGAN's compact family, from files a person names.

Nothing in such a file can run: only tensors are read (torch's restricted unpickler). None is shipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import ModelError
from engine.evaluation.benchmark import Candidate, Pixels
from engine.rendering.tensors import to_array, to_tensor

_TILE, _HALO = 512, 36  # pixels; 34 convolutions of 3 x 3 look that far
_STRANGE = "“{name}” is not a network of Real-ESRGAN's compact family; those are the ones that can be compared with."


class Compact(nn.Module):
    """SRVGGNetCompact (Wang et al., Real-ESRGAN, 2021): plain 3x3 convolutions with PReLU, a shuffle, a skip.

    x (N, 3, H, W) in 0..1 -> (N, 3, scale * H, scale * W).
    """

    def __init__(self, width: int, depth: int, scale: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.PReLU(width)]
        for _ in range(depth):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.PReLU(width)]
        self.body = nn.Sequential(*layers, nn.Conv2d(width, 3 * scale * scale, 3, padding=1))
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = F.pixel_shuffle(self.body(x), self.scale)
        return y + F.interpolate(x, scale_factor=self.scale, mode="nearest")


def load(path: Path, device: torch.device, dtype: torch.dtype) -> Compact:
    """A network from its file, its size read off the tensors. ModelError where it is of another kind, or no network."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"There is no file “{path}”; name a network to compare with.") from error
    except Exception as error:  # what is no checkpoint fails in any way, down to failed assertions
        raise ModelError(f"“{path.name}” cannot be read as a network; name another file.") from error
    state = _tensors(content)
    try:
        convolutions = [key for key in state if re.fullmatch(r"body\.\d+\.weight", key) and state[key].dim() == 4]
        width, channels = state["body.0.weight"].shape[0], state[convolutions[-1]].shape[0]
        net = Compact(width, len(convolutions) - 2, round((channels / 3) ** 0.5))
        net.load_state_dict(state)
    except (KeyError, IndexError, RuntimeError) as error:
        raise ModelError(_STRANGE.format(name=path.name)) from error
    return net.eval().requires_grad_(False).to(device, dtype).to(memory_format=torch.channels_last)


def _tensors(content: Any) -> dict[str, Tensor]:
    """The state a checkpoint holds, whatever it is wrapped in."""
    for name in ("params_ema", "params"):
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    if not isinstance(content, Mapping):
        return {}
    return {key: value.float() for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}


def candidate(net: Compact) -> Candidate:
    """The network as a rival in restoring: what it enlarges is shrunk back to the size it was given."""

    def restore(aged: Pixels) -> Pixels:
        large = enlarge(net, to_tensor(aged.astype(np.float32) / np.float32(255), next(net.parameters()).device))
        small = F.avg_pool2d(large, net.scale).clamp(0, 1)
        return np.asarray(np.rint(to_array(small) * 255), dtype=np.uint8)

    return restore


@torch.inference_mode()
def enlarge(net: Compact, x: Tensor) -> Tensor:
    """x (1, 3, H, W) in 0..1 -> (1, 3, scale * H, scale * W) float32, in tiles whose borders do not show."""
    weight = next(net.parameters())
    height, width = x.shape[2:]
    out = torch.empty(1, 3, height * net.scale, width * net.scale, device=x.device)
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            bottom, right = min(height, top + _TILE), min(width, left + _TILE)
            y0, x0 = max(0, top - _HALO), max(0, left - _HALO)
            part = x[:, :, y0 : bottom + _HALO, x0 : right + _HALO]
            large = net(part.to(weight.dtype).contiguous(memory_format=torch.channels_last)).float()
            s = net.scale
            inner = large[:, :, (top - y0) * s : (bottom - y0) * s, (left - x0) * s : (right - x0) * s]
            out[:, :, top * s : bottom * s, left * s : right * s] = inner
    return out
