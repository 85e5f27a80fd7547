"""Measuring and training."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import RecipeError
from engine.models.catalog import plain_name
from engine.runtime.worker import Lane, Work
from engine.styles.library import StyleLibrary
from engine.types import (
    Comparison,
    Progress,
    Trial,
)

if TYPE_CHECKING:
    from engine.evaluation.bench import Measurements
    from engine.evaluation.benchmark import Evaluation
    from engine.evaluation.judge import Judgement

from engine.service.core import EngineCore, Report, decode, in_sentences, preview, steps_in_sentences


class Measuring(EngineCore):
    """Figures of quality and speed, aged pictures, new networks."""

    def score(self, picture: str, truth: str) -> Future[float]:
        """PSNR in dB of a picture file against its truth, after the best gain and offset a channel."""

        def read() -> float:
            from engine.evaluation.benchmark import ANY_SIZE
            from engine.evaluation.metrics import score

            return score(preview(Path(picture), ANY_SIZE), preview(Path(truth), ANY_SIZE)).fitted_psnr

        return self._io.submit(in_sentences(read))

    def evaluate(self, comparison: Comparison, on_progress: Report) -> Work[Evaluation]:
        """Compares restorations with the truth: ours at three settings, the input, non-local means, the peers.

        Or enlargements: ours at five alphas, bicubic, the peers.
        """

        def steps() -> Generator[Progress | None, None, Evaluation]:
            from engine.evaluation import benchmark, ours, upscaling

            if comparison.scale > 1:
                return (yield from upscaling.compare(self._studio(), comparison))
            pairs = ours.pairs(comparison)
            candidates = ours.candidates(self._studio(), comparison.peers)
            return (yield from benchmark.evaluate(pairs, candidates, ours.measures(self._studio())))

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(steps), on_progress=on_progress)

    def judge(self, trial: Trial, on_progress: Report) -> Work[Judgement]:
        """Measures every figure wanted of a model, against its bounds. Takes minutes."""

        def steps() -> Generator[Progress | None, None, Judgement]:
            from engine.evaluation.judge import judge

            shipped = StyleLibrary().cards()  # figures that depended on a person's own would compare with no others
            return (yield from judge(self._studio(), trial, shipped))

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(steps), on_progress=on_progress)

    def bench(self, on_progress: Report) -> Work[Measurements]:
        """Measures this machine and how well the engine uses it; takes a minute or two and wants a quiet machine."""

        def steps() -> Generator[Progress | None, None, Measurements]:
            from engine.evaluation.bench import bench

            return (yield from bench(self._studio(), self._device))

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(steps), on_progress=on_progress)

    def age(self, source: str, output: str, *, seed: int, severity: float, mask: str | None) -> Future[None]:
        """Ages a clean photograph; `mask` also gets a picture of where the damage is."""

        def steps() -> Generator[Progress | None, None, None]:
            from engine.evaluation.demo import age_file

            opened = decode(Path(source))
            yield None
            age_file(opened, Path(output), seed=seed, severity=severity, mask=Path(mask) if mask else None)

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(steps)).future

    def train(self, preset: str, data: str, out: str, on_progress: Report) -> Work[str]:
        """Trains networks from a folder of clean photographs; the result is the path of the weight file."""

        def steps() -> Generator[Progress | None, None, str]:
            from engine.training.presets import PRESETS
            from engine.training.pretrain import Options, train
            from engine.training.publish import publish

            if preset not in PRESETS:
                raise RecipeError(f"There is no preset “{preset}”; these exist: {', '.join(PRESETS)}.")
            device = self._studio().ready.device
            run = yield from train(PRESETS[preset], Path(data), Path(out), Options(device=device))
            name = Path(out).absolute().name
            about = {"id": f"own-{plain_name(name)}", "title": f"{name} ({preset})"}
            return str(publish(run, Path(out) / "model.safetensors", about))

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(steps), on_progress=on_progress)
