"""Faces of the image on screen, restored by a network for faces: which networks there are, and a job row each time."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge, JobHandle
from archivist_app.state.endings import endings
from archivist_app.state.exporting import Exporter
from archivist_app.state.jobs_model import JobsModel, Ways
from archivist_app.state.models import Models
from archivist_app.state.session import Session
from engine.types import ExportOptions, Face, FaceOrder, FacesRestored, ImageRef, ModelCard, Recipe, face_recipe_fault

NO_NETWORK = (
    "There is no network for faces here. Add one under Model, Add a model…, with its box for faces ticked; none comes "
    "with Archivist, since it puts a plausible face in the place of the one photographed."
)


class FaceJobs(QObject):
    """Starts restorations of faces and follows them; their files go into the project's exports."""

    networks_changed = Signal()

    def __init__(
        self, session: Session, exporter: Exporter, models: Models, bridge: Bridge, jobs: JobsModel, tasks: Tasks
    ) -> None:
        super().__init__(session)
        self._session = session
        self._exporter = exporter
        self._models = models
        self._bridge = bridge
        self._jobs = jobs
        self._tasks = tasks
        models.cards_changed.connect(lambda _: self.networks_changed.emit())

    @property
    def networks(self) -> tuple[ModelCard, ...]:
        """The networks for faces that are here."""
        return tuple(card for card in self._models.cards if card.faces)

    def fault(self) -> str:
        """Why no face of the image on screen can be restored now, in a sentence; "" where it can."""
        if not self.networks:
            return NO_NETWORK
        return face_recipe_fault(self._session.document.recipe)

    def start(self, image: ImageRef, recipe: Recipe, model: str, faces: tuple[Face, ...], strength: float) -> None:
        """Start a job for an image with its recipe; the file goes where exports of it go."""
        target = self._exporter.suggestion()
        if target is None or not self._exporter.make_folder(target):
            return
        options = ExportOptions(str(target), sign=True)
        self._start(image, recipe, FaceOrder(options, model, faces, strength))

    def _start(self, image: ImageRef, recipe: Recipe, wish: FaceOrder) -> None:
        ways = Ways(hold=lambda paused: handle.hold(paused), retry=lambda: self._start(image, recipe, wish))
        number = self._jobs.add(f"Faces of {Path(image.path).name}", lambda: handle.cancel(), ways)
        handle = self._bridge.restore_faces(image, recipe, wish, lambda progress: self._jobs.advance(number, progress))
        self._tasks.spawn(self._follow(number, handle))

    async def _follow(self, number: int, handle: JobHandle[FacesRestored]) -> None:
        with endings(self._jobs, number):
            done = await handle.result()
            self._jobs.finish(number, "done", _sentence(done), done.restored.output)


def _sentence(done: FacesRestored) -> str:
    folder, count = Path(done.restored.output).parent.name, len(done.faces)
    text = f"Saved in {folder}, {count} face{'' if count == 1 else 's'} replaced by a network; the file says so"
    return ". ".join((text, *done.restored.notices))
