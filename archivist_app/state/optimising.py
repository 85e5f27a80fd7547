"""Direct optimisation of the image on screen: a job row with its losses, the picture so far, a stop that keeps."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge, StoppableHandle
from archivist_app.state.endings import endings
from archivist_app.state.exporting import Exporter
from archivist_app.state.jobs_model import JobsModel, Ways
from archivist_app.state.session import Session
from engine.types import ExportOptions, Frame, ImageRef, Losses, Optimisation, Optimised, Recipe

PASSES = 100  # offered at first


class Optimiser(QObject):
    """Starts optimisations and follows them; what they reach is exported into the project."""

    previewed = Signal(object)  # Frame of the whole image so far, while its recipe is the one on screen
    ended = Signal()  # what is on screen may be a preview that nothing follows any more
    failed = Signal(str)

    def __init__(self, session: Session, exporter: Exporter, bridge: Bridge, jobs: JobsModel, tasks: Tasks) -> None:
        super().__init__(session)
        self._session = session
        self._exporter = exporter
        self._bridge = bridge
        self._jobs = jobs
        self._tasks = tasks

    def needs_picture(self) -> str:
        """The title of the chosen style where its picture must be named, since only 64 numbers of it are kept."""
        recipe = self._session.document.recipe
        if recipe.style is None or recipe.beta == 0:
            return ""
        card = next((card for card in self._bridge.styles() if card.id == recipe.style), None)
        return "" if card is None or card.simulated else card.title

    def start(self, passes: int = PASSES, reference: str = "") -> None:
        """Start a job for the image on screen as it stands; `reference` is the picture whose style is wanted."""
        document, target = self._session.document, self._exporter.suggestion()
        if document.image is None or target is None or not self._exporter.make_folder(target):
            return
        self._start(document.image, document.recipe, Optimisation(ExportOptions(str(target)), passes, reference))

    def _start(self, image: ImageRef, recipe: Recipe, order: Optimisation) -> None:
        ways = Ways(
            stop=lambda: handle.stop(),
            hold=lambda paused: handle.hold(paused),
            retry=lambda: self._start(image, recipe, order),
        )
        number = self._jobs.add(f"Optimise {Path(image.path).name}", lambda: handle.cancel(), ways)

        def told(losses: Losses, frame: Frame | None) -> None:
            self._jobs.tell_loss(number, losses.total)
            if frame is not None and self._on_screen(image, recipe):
                self.previewed.emit(frame)

        handle = self._bridge.optimise(
            image, recipe, order, lambda progress: self._jobs.advance(number, progress), told
        )
        self._tasks.spawn(self._follow(number, handle))

    def _on_screen(self, image: ImageRef, recipe: Recipe) -> bool:
        document = self._session.document
        return document.image == image and document.recipe == recipe

    async def _follow(self, number: int, handle: StoppableHandle[Optimised]) -> None:
        try:
            with endings(self._jobs, number):
                done = await handle.result()
                self._jobs.finish(number, "done", _sentence(done), done.restored.output)
        finally:
            self.ended.emit()


def _sentence(done: Optimised) -> str:
    folder = Path(done.restored.output).parent.name
    if not done.losses:
        return f"Saved in {folder}"
    first, last = done.losses[0], done.losses[-1]
    how = "stopped" if done.stopped else "optimised"
    return f"Saved in {folder}, {how} after {last.number} passes: loss {first.total:.3f} → {last.total:.3f}"
