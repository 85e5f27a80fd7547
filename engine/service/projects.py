"""Project folders."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from engine.runtime.worker import Lane
from engine.types import (
    Event,
    LoggedEvent,
    PackageFacts,
    Progress,
    Project,
    ProjectItem,
)

if TYPE_CHECKING:
    pass

from engine.service.core import EngineCore, in_sentences, steps_in_sentences


class Projects(EngineCore):
    """Opening, filling, saving and closing projects."""

    def open_project(self, folder: str) -> Future[Project]:
        """Opens a project folder."""
        return self._io.submit(in_sentences(lambda: self._desk.open(Path(folder))))

    def project_for(self, paths: Sequence[str], folder: str | None = None) -> Future[tuple[Project, tuple[str, ...]]]:
        """Joins the project that holds the first of these images, or makes one in the user's documents.

        The strings are one sentence a refused file.
        """
        files, where = [Path(path) for path in paths], Path(folder) if folder else None
        return self._io.submit(in_sentences(lambda: self._desk.join(files, where)))

    def home_of(self, path: str) -> Future[tuple[Project, ProjectItem] | None]:
        """The project among the user's own that holds an image, opened, and the image's item; None where none does.

        ImageError where the file is no image.
        """

        def look() -> tuple[Project, ProjectItem] | None:
            from engine.projects.project import find_project_for

            sha256, _ = self._admit(Path(path))
            folder = find_project_for(Path(path), sha256)
            if folder is None:
                return None
            project = self._desk.open(folder)
            return next(((project, item) for item in project.items if item.source.sha256 == sha256), None)

        return self._io.submit(in_sentences(look))

    def add_images(self, project: Project, paths: Sequence[str]) -> Future[tuple[Project, tuple[str, ...]]]:
        """Adds images to an open project."""
        return self._io.submit(in_sentences(lambda: self._desk.add(project, [Path(path) for path in paths])))

    def save_item(self, project: Project, item: ProjectItem) -> Future[Project]:
        """Writes what was decided about an image; its revision must have grown."""
        return self._io.submit(in_sentences(lambda: self._desk.save(project, item)))

    def set_rules(self, project: Project, package: PackageFacts, needs_approval: bool) -> Future[Project]:
        """Keeps what every package of a project tells, and whether an image must be approved before it is exported."""
        return self._io.submit(in_sentences(lambda: self._desk.set_rules(project, package, needs_approval)))

    def record(self, project: Project, event: Event) -> Future[LoggedEvent]:
        """Adds an event to a project's audit log, where it stays."""
        return self._io.submit(in_sentences(lambda: self._desk.record(project, event)))

    def events(self, project: Project) -> Future[tuple[LoggedEvent, ...]]:
        """What happened to a project and its files, oldest first."""
        return self._io.submit(in_sentences(lambda: self._desk.events(project)))

    def locate(self, project: Project, item: ProjectItem) -> str:
        """Absolute path of the item's master; ProjectError where it is gone."""
        return self._desk.locate(project, item)

    def close_project(self, project: Project) -> None:
        """Lets others write in the project."""
        self._desk.close(project)

    def demo_project(self, folder: str | None = None) -> Future[Project]:
        """A project of well-known photographs, aged by our own pipeline; made on first use."""

        def steps() -> Generator[Progress | None, None, Project]:
            from engine.evaluation.demo import demo_pictures
            from engine.projects.project import default_folder

            where = Path(folder) if folder else default_folder() / "Demo.archivist"
            project = self._desk.open_or_create(where)
            pictures = yield from demo_pictures(where)
            return self._desk.add(project, pictures)[0]

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(steps)).future

    def truth(self, project: Project, item: ProjectItem) -> str | None:
        """The photograph that an artificially aged master was made from, where the project keeps it (the demo does)."""
        stem = Path(item.source.path).stem.removesuffix("_aged")
        path = Path(project.folder) / "truth" / f"{stem}.png"
        return str(path) if path.is_file() else None
