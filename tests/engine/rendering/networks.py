"""Tiny networks of the architectures people use, with random weights that change a picture a little."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.NAFNet import NAFNet
from spandrel.architectures.RestoreFormer import RestoreFormer
from spandrel.architectures.SCUNet import SCUNet
from spandrel.architectures.SwinIR import SwinIR
from torch import nn


def compact(scale: int = 4) -> nn.Module:
    """Real-ESRGAN's small one: plain convolutions, and the picture itself enlarged."""
    made: nn.Module = Compact(num_feat=8, num_conv=2, upscale=scale)
    return made


def rrdb(scale: int = 4) -> nn.Module:
    """Real-ESRGAN's large one."""
    made: nn.Module = ESRGAN(num_filters=8, num_blocks=1, scale=scale)
    return made


def swinir() -> nn.Module:
    """Attention within shifted windows."""
    made: nn.Module = SwinIR(embed_dim=12, depths=[2], num_heads=[2], window_size=8, img_size=64)
    return made


def scunet() -> nn.Module:
    """Windows and convolutions, at four resolutions."""
    made: nn.Module = SCUNet(dim=64, config=[1, 1, 1, 1, 1, 1, 1])
    return made


def nafnet() -> nn.Module:
    """Channels weighed by means over the whole picture."""
    made: nn.Module = NAFNet(width=8, middle_blk_num=1, enc_blk_nums=[1, 1], dec_blk_nums=[1, 1])
    return made


def restoreformer() -> nn.Module:
    """A network for faces: six resolutions, a book of eight codes."""
    made: nn.Module = RestoreFormer(
        n_embed=8, embed_dim=8, ch=32, out_ch=3, ch_mult=(1, 1, 1, 1, 1, 1), num_res_blocks=1, attn_resolutions=(16,),
        dropout=0.0, in_channels=3, resolution=512, z_channels=8, double_z=False, enable_mid=True, head_size=8,
    )  # fmt: skip
    return made


def restormer() -> nn.Module:
    """Attention over channels; its licence forbids commercial use. Only where the restricted extra is installed."""
    from spandrel_extra_arches.architectures.Restormer import Restormer

    made: nn.Module = Restormer(
        dim=8, num_blocks=[1, 1, 1, 1], num_refinement_blocks=1, heads=[1, 2, 4, 8], LayerNorm_type="WithBias"
    )
    return made


KINDS: dict[str, Callable[[], nn.Module]] = {
    "compact": compact, "rrdb": rrdb, "swinir": swinir, "scunet": scunet, "nafnet": nafnet,
}  # fmt: skip


def state(make: Callable[[], nn.Module]) -> dict[str, torch.Tensor]:
    """The weights of a network, always the same ones."""
    random = torch.get_rng_state()
    torch.manual_seed(5)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # their constructors are not ours to mend
            weights = make().state_dict()
        for name, value in weights.items():
            if name.endswith((".beta", ".gamma")):  # zero to begin with, so that nothing would happen
                value.normal_(std=0.3)
    finally:
        torch.set_rng_state(random)
    return {name: value.clone() for name, value in weights.items()}


def saved(
    folder: Path, kind: str = "compact", ending: str = ".pth", make: Callable[[], nn.Module] | None = None
) -> Path:
    """A file with the weights of a tiny network, wrapped as Real-ESRGAN's are."""
    path = folder / f"{kind}{ending}"
    weights = state(make or KINDS[kind])
    if ending == ".safetensors":
        save_file(weights, path)
    else:
        torch.save({"params_ema": weights}, path)
    return path
