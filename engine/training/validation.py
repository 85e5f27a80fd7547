"""What a run is measured by: fixed pictures, aged once with fixed seeds, never learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.models.generator import NOISE, Understanding, condition
from engine.models.upscale import UPSCALES, enlarge
from engine.training.aging import age
from engine.training.dataset import PhotoSet
from engine.training.presets import Kind, Preset
from engine.training.run import Run
from engine.training.upscaling import Pair, enlarged, shrink

SEED = 20_011


class Validation:
    """Holds the fixed batch; `measure` runs the averaged weights over it."""

    def __init__(self, photos: PhotoSet, preset: Preset, device: torch.device) -> None:
        clean = photos.batch(preset.validation_pictures, preset.validation_size, SEED).to(device)
        self.batch = age(clean, SEED, keep_clean=0.0)
        generator = torch.Generator().manual_seed(SEED)
        self.noisy = (clean + 25 / 255 * torch.randn(clean.shape, generator=generator).to(device)).clamp(0, 1)
        self.strip: list[Tensor] = []  # the pictures of the last measurement, aged to clean, for a person to look at

    @torch.no_grad()
    def measure(self, run: Run, kind: Kind) -> dict[str, float]:
        """Figures for the log; "score" is what the best checkpoint of this kind is chosen by."""
        kept = {name: value.clone() for name, value in run.nets.state_dict().items()}
        run.adopt_average()
        run.nets.eval()
        try:
            return _upscaling(run, kind, self.batch.clean) if kind.startswith("upscale") else self._figures(run, kind)
        finally:
            run.nets.load_state_dict(kept)
            run.nets.train()

    def _figures(self, run: Run, kind: Kind) -> dict[str, float]:
        b = self.batch
        seen = run.nets.backbone(b.aged)
        y = b.aged + seen.residual
        figures = {"psnr": fitted_psnr(y, b.toned), "input": fitted_psnr(b.aged, b.toned)}
        figures["f1"] = f1(seen.damage, b.mask)
        figures["noise"] = fitted_psnr(self.noisy + run.nets.backbone(self.noisy).residual, b.clean)
        figures["score"] = figures["psnr"]
        if kind in ("tone", "palette", "unfade"):
            small = [torch.nn.functional.adaptive_avg_pool2d(x, 64) for x in (b.toned, b.clean)]
            found = run.nets.tone.unfading(small[0]).apply(small[0])
            figures["tone"] = float((found - small[1]).abs().mean())
            figures["tone_input"] = float((small[0] - small[1]).abs().mean())
            figures["score"] = -figures["tone"]
        self.strip = [b.aged, y, b.toned]
        if kind in ("critic", "joint", "content_kept"):
            figures |= self._over_alpha(run, seen)
        if kind == "content_kept":
            figures["score"] = figures["psnr"] + figures["noise"]
        return figures

    def _over_alpha(self, run: Run, seen: Understanding) -> dict[str, float]:
        """Fidelity and texture along the slider, and what the watches look at: how far colours have moved between the
        ends of the slider, how far the outputs are spread over (alpha, beta)."""
        b = self.batch
        n, _, h, w = b.aged.shape
        noise = torch.rand(n, NOISE, h // 4, w // 4, generator=torch.Generator().manual_seed(SEED)).to(b.aged) * 2 - 1
        style = torch.randn(n, 64, generator=torch.Generator().manual_seed(SEED)).to(b.aged)

        def output(alpha: float, beta: float = 0.0) -> Tensor:
            z = condition(b.aged.new_full((n,), alpha), b.aged.new_full((n,), beta), style)
            restored: Tensor = b.aged + run.nets.head(seen, noise, z)
            return restored

        outputs = {alpha: output(alpha) for alpha in (0.1, 0.3, 1.0, 3.0, 10.0)}
        figures = {f"psnr_{alpha:g}": fitted_psnr(y, b.toned) for alpha, y in outputs.items()}
        figures |= {f"texture_{alpha:g}": texture(y, b.toned) for alpha, y in outputs.items()}
        figures["lab_shift"] = lab_distance(outputs[1.0], outputs[10.0])
        corners = torch.stack([outputs[0.1], outputs[10.0], output(1.0, 10.0)])
        figures["spread"] = float(corners.std(dim=0).mean())
        # As near to the truth as it gets at alpha 10, and about as crisp as the truth at the default.
        figures["score"] = figures["psnr_10"] + figures["psnr_1"] - 4 * abs(0.9 - figures["texture_1"])
        self.strip = [b.aged, outputs[10.0], outputs[1.0], outputs[0.1], b.toned]
        return figures


def _upscaling(run: Run, kind: Kind, clean: Tensor) -> dict[str, float]:
    """Clean pictures (N, 3, H, W), sides multiples of 64, shrunk bicubically and enlarged: PSNR in dB above bicubic
    enlargement ("gain") and fine detail over the truth's ("texture"), a size and alpha each."""
    figures: dict[str, float] = {}
    full, critical = torch.autocast(clean.device.type, enabled=False), kind in ("upscale_critic", "upscale_joint")
    for scale in UPSCALES:
        pair = Pair(shrink(clean, scale), clean, scale)
        plain = fitted_psnr(enlarge(pair.small, scale), clean)
        for alpha in (0.1, 1.0, 10.0):
            y = enlarged(
                run, pair, torch.full((len(clean),), alpha, device=clean.device), SEED, full, bound=float(critical)
            )
            figures[f"gain_{scale}_{alpha:g}"] = fitted_psnr(y, clean) - plain
            figures[f"texture_{scale}_{alpha:g}"] = texture(y, clean)
    figures["score"] = sum(figures[f"gain_{scale}_10"] for scale in UPSCALES) / len(UPSCALES)
    if critical:  # these serve at alpha 1 and below: near to the truth, and nearly as sharp
        figures["score"] = sum(
            figures[f"gain_{scale}_1"] - 4 * abs(0.9 - figures[f"texture_{scale}_1"]) for scale in UPSCALES
        )
    return figures


def fitted_psnr(x: Tensor, truth: Tensor) -> float:
    """Mean PSNR in dB after the best gain and offset a channel; x, truth (N, 3, H, W)."""
    a, b = x.clamp(0, 1).flatten(2), truth.flatten(2)
    ca, cb = a - a.mean(2, keepdim=True), b - b.mean(2, keepdim=True)
    gain = (ca * cb).mean(2, keepdim=True) / ca.square().mean(2, keepdim=True).clamp_min(1e-8)
    error = (gain * ca - cb).square().mean((1, 2)).clamp_min(1e-8)
    return float((-10 * error.log10()).mean())


def lab_distance(x: Tensor, y: Tensor) -> float:
    """Mean CIE Lab (D65) distance of the mean colours of 16 x 16 blocks: tone, not detail. x, y (N, 3, H, W) sRGB."""
    a, b = (lab(torch.nn.functional.avg_pool2d(p.clamp(0, 1), 16)) for p in (x, y))
    return float((a - b).norm(dim=1).mean())


def lab(x: Tensor) -> Tensor:
    """sRGB (N, 3, H, W) in 0..1 -> CIE Lab under D65 (IEC 61966-2-1, CIE 15). A server that trains has no colour
    library."""
    linear = torch.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    matrix = torch.tensor(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
        device=x.device,
    )
    white = torch.tensor([0.95047, 1.0, 1.08883], device=x.device)[:, None, None]
    t = torch.einsum("ij,njhw->nihw", matrix, linear) / white
    f = torch.where(t > (6 / 29) ** 3, t.clamp_min(1e-9) ** (1 / 3), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return torch.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def write_strip(pictures: list[Tensor], path: Path, rows: int = 4) -> None:
    """A PNG of the first `rows` pictures of every set (N, 3, H, W), sets side by side."""
    if not pictures:
        return
    joined = torch.cat([p[:rows].clamp(0, 1) for p in pictures], 3)
    pixels = (torch.cat(list(joined), 1).permute(1, 2, 0) * 255).round().to(torch.uint8).cpu().numpy()
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, compress_level=1)  # as small, in a third of the time


def texture(x: Tensor, truth: Tensor) -> float:
    """Root energy of the Laplacian of the grey picture, x over truth; the median, since a blank truth has none."""
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]], device=x.device)[None, None]
    energies = [
        torch.nn.functional.conv2d(p.clamp(0, 1).mean(1, keepdim=True), kernel).square().mean((1, 2, 3)).sqrt()
        for p in (x, truth)
    ]
    return float((energies[0] / energies[1].clamp_min(1e-4)).median())


def f1(logit: Tensor, mask: Tensor) -> float:
    """F1 of the detected damage (probability over a half) against the true mask (over a half)."""
    found, true = logit > 0, mask > 0.5
    hits = float((found & true).sum())
    return 2 * hits / max(1.0, float(found.sum() + true.sum()))
