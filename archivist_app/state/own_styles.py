"""Styles of one's own: a picture's look becomes a style, and a style of one's own can be removed again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from archivist_app.async_tools import Tasks
from archivist_app.bridge import Bridge, StyleHandle
from archivist_app.state.intake import sort_paths
from archivist_app.state.jobs_model import JobsModel, State
from archivist_app.state.session import Session
from archivist_app.state.styles_model import StylesModel
from engine.errors import Cancelled, EngineError
from engine.types import StyleCard


class OwnStyles(QObject):
    """Adds in the background, a job row each; removes unasked, whoever wants it has been asked."""

    added = Signal(object)  # StyleCard, in the catalogue now
    noticed = Signal(str)
    failed = Signal(str)

    def __init__(self, session: Session, styles: StylesModel, bridge: Bridge, jobs: JobsModel, tasks: Tasks) -> None:
        super().__init__(session)
        self._session = session
        self._styles = styles
        self._bridge = bridge
        self._jobs = jobs
        self._tasks = tasks

    def add(self, paths: Sequence[str]) -> None:
        """Make each picture, and each picture in a folder, a style."""
        self._tasks.spawn(self._sort(tuple(paths)))

    def remove(self, card: StyleCard) -> None:
        """Forget a style of one's own; the image on screen leaves it then."""
        self._tasks.spawn(self._remove(card))

    async def _remove(self, card: StyleCard) -> None:
        try:
            await self._bridge.remove_style(card.id)
        except EngineError as error:
            self.failed.emit(str(error))
            return
        if self._session.document.recipe.style == card.id:
            self._session.choose_style(None)
        self._styles.set_favourite(card.id, False)
        self._styles.reload()
        self.noticed.emit(f"“{card.title}” was removed from your styles.")

    async def _sort(self, paths: tuple[str, ...]) -> None:
        intake = await sort_paths(paths)
        for text in intake.refused:
            self.failed.emit(text)
        if intake.projects:
            self.failed.emit("A project cannot become a style; drop pictures on the styles, projects on the viewer.")
        for path in intake.pictures:
            self._start(path)

    def _start(self, path: str) -> None:
        handle = self._bridge.add_style(path)
        number = self._jobs.add(f"Style from {Path(path).name}", handle.cancel)
        self._tasks.spawn(self._follow(number, handle))

    async def _follow(self, number: int, handle: StyleHandle) -> None:
        state: State = "cancelled"
        text = "Stopped; no style was added."
        try:
            card = await handle.result()
        except Cancelled:
            pass
        except EngineError as error:
            state, text = "failed", str(error)
        except Exception:
            state, text = "failed", "Stopped by an unforeseen fault; your styles are as they were."
            raise
        else:
            state, text = "done", ""
            self._styles.reload()
            self.added.emit(card)
            self.noticed.emit(f"“{card.title}” is now one of your styles.")
        finally:
            self._jobs.finish(number, state, text)
            if state == "done":
                self._jobs.remove(number)  # the style itself is seen; a row would only be in the way
