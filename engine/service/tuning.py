"""Fine-tuning on an archive's own pictures."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from engine.errors import EngineError, NameTakenError, RecipeError
from engine.models import catalog
from engine.projects.atomic import check_writable
from engine.runtime.steps import unless
from engine.runtime.worker import Lane
from engine.service.core import EngineCore, Report, Stoppable, in_sentences, preview, settled, steps_in_sentences
from engine.styles.library import collection_card
from engine.types import Progress, Tuned, Tuning, TuningCheck

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.training.collection import Collection
    from engine.training.copies import Named
    from engine.training.finetune import Order


class FineTunings(EngineCore):
    """Trainings that begin from an installed model, in the queue, beside an interactive window."""

    def finetune(
        self, wish: Tuning, on_progress: Report, on_check: Callable[[TuningCheck], None] = lambda _check: None
    ) -> Stoppable[Tuned]:
        """Teaches a model the grain, the process and the damage of a collection, and writes it into `wish.folder`.

        `on_check` is called on the engine thread at every measurement. A wish that was interrupted goes on where it
        stopped; `stop` writes the best so far. What is proposed is never worse, on held-out pictures, than the start;
        where it is no better, nothing is written and `Tuned.path` is empty. Cancelled where it is stopped before
        anything was measured.
        """
        stop = threading.Event()

        def steps() -> Generator[Progress | None, None, Tuned]:
            yield from settled(self._io.submit(in_sentences(partial(self._look_at, wish))))
            self._studio()  # torch comes in on this thread, as everywhere
            yield from settled(self._io.submit(_load))
            from engine.training.finetune import finetune
            from engine.training.tuned import forget_old

            yield from settled(self._io.submit(in_sentences(partial(forget_old, _runs()))))
            collection = yield from unless(stop.is_set, self._collection(wish))
            ordinary = yield from settled(self._io.submit(in_sentences(_photographs)))
            order = self._order(wish, ordinary)
            tuned = yield from finetune(collection, order, on_check, stop.is_set)
            if tuned.path:
                self._studio().forget(wish.name)  # an earlier one of that name
                tuned = self._with_style(wish.name, tuned)
            return tuned

        work = self._worker.submit(Lane.QUEUE, steps_in_sentences(self._enduring(steps)), on_progress=on_progress)
        return Stoppable(work, stop.set)

    def _with_style(self, name: str, tuned: Tuned) -> Tuned:
        """Keeps the collection's style. Where that cannot be, the model, which is written, is none the worse."""
        try:
            self._library.add(collection_card(name, tuned.style))
        except EngineError as error:
            return replace(tuned, told=(*tuned.told, f"The style of the collection was not kept: {error}"))
        return tuned

    def _look_at(self, wish: Tuning) -> None:
        """What is refused before a picture is read: a base that is not here, a folder that cannot be written, and a
        name under which the result could not be used, or would take the place of another file or another collection's
        model. Away from the engine's thread: files are hashed."""
        base, _ = catalog.find(wish.model)
        path, places = Path(wish.folder) / f"{wish.name}.safetensors", self._model_folders()
        for card in catalog.cards(places):
            if card.id == wish.name and card.origin != "tuned":
                raise RecipeError(
                    f"“{wish.name}” is the id of a model that is installed already; choose another name for yours."
                )
        if path.exists() and not catalog.is_tuned(path):
            raise RecipeError(f"“{path}” exists and is no fine-tuned model; choose another name or another folder.")
        for other in (path, *(folder / path.name for folder in places)):
            if not wish.overwrite and other.exists() and not _made_by(wish, base, other):
                raise NameTakenError(_taken(wish.name, other))
        check_writable(path)

    def _collection(self, wish: Tuning) -> Generator[None, None, Collection]:
        from engine.training import collection

        pictures = yield from self._pictures(wish.pictures)
        if wish.kind == "clean":
            return collection.clean_collection(pictures)
        if wish.kind == "pairs":
            return collection.paired_collection(pictures, (yield from self._pictures(wish.restored)))
        if wish.kind == "unpaired":
            return collection.unpaired_collection(pictures, (yield from self._pictures(wish.wanted)))
        backbone = self._studio().pipeline(wish.model).restorer.backbone
        return (yield from collection.damaged_collection(pictures, backbone))

    def _pictures(self, paths: Sequence[str]) -> Generator[None, None, list[Named]]:
        """Decoded on an io thread, one after the other: a hundred scans at once would not fit into memory."""
        import torch

        from engine.training.collection import LONGEST

        pictures: list[Named] = []
        for name in paths:
            path = Path(name)
            rgb = yield from settled(self._io.submit(in_sentences(partial(preview, path, LONGEST))))
            pictures.append((path.name, torch.from_numpy(rgb.copy()).permute(2, 0, 1).contiguous()))
        return pictures

    def _order(self, wish: Tuning, ordinary: Sequence[NDArray[np.uint8]]) -> Order:
        import torch

        from engine.training.finetune import Order

        base, _ = catalog.find(wish.model)
        critic, reverse = (base.with_name(f"{base.stem}-{what}{base.suffix}") for what in ("critic", "reverse"))
        key = _key(wish, catalog.sha256_of(base))
        device = self._studio().device.device.type
        order = Order(wish, base, critic if critic.exists() else None, _runs() / key, device, key=key)
        photographs = tuple(torch.from_numpy(photograph).permute(2, 0, 1).contiguous() for photograph in ordinary)
        return replace(order, ordinary=photographs, reverse=reverse if reverse.exists() else None)


def _runs() -> Path:
    return user_cache_path("Archivist", appauthor=False) / "tuning"


def _made_by(wish: Tuning, base: Path, path: Path) -> bool:
    """Whether a tuned model's file is what the same wish made before; False too where its pictures are gone."""
    try:
        return bool(catalog.header(path).get("order") == _key(wish, catalog.sha256_of(base)))
    except OSError:
        return False


def _taken(name: str, path: Path) -> str:
    """Why a name is refused that a tuned model has; nothing is replaced unasked."""
    return (
        f"There is a tuned model “{name}” in {path.parent} already, which was not taught by these pictures as they are "
        "now; choose another name, or have it replaced (“--overwrite” on the command line)."
    )


def _key(wish: Tuning, base: str) -> str:
    """What tells an interrupted run that may go on from others: the wish, the pictures as they are now, the SHA-256 of
    the base. Minutes are no part of it: who gives it more time goes on with what there is."""
    told = [wish.name, wish.kind, base, str(wish.seed)]
    for group in (wish.pictures, wish.restored, wish.wanted):
        told.append("")
        for name in group:
            facts = Path(name).stat()
            told.append(f"{name}\t{facts.st_size}\t{facts.st_mtime_ns}")
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def _load() -> None:
    """Brings in what a training needs beyond torch itself, away from the engine's thread: making the first optimiser,
    torch loads its compiler, which takes seconds."""
    import torch._dynamo  # noqa: F401

    import engine.training.finetune  # noqa: F401


def _photographs() -> list[NDArray[np.uint8]]:
    """Photographs that come with the program, (H, W, 3): what a model must not forget is seen on them."""
    from engine.evaluation.demo import PICTURES, photograph

    return [photograph(name) for name, *_ in PICTURES]
