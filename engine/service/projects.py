"""Project folders."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from engine.runtime.steps import quietly
from engine.runtime.worker import Lane, Work
from engine.service.core import EngineCore, Report, in_sentences, steps_in_sentences
from engine.types import (
    Event,
    FixityReport,
    LoggedEvent,
    PackageFacts,
    Place,
    Progress,
    Project,
    ProjectItem,
    ProjectReport,
    Relocation,
    RescueReport,
)


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

    def look_at_project(self, folder: str) -> Future[tuple[Project, tuple[Place, ...]]]:
        """A project and where its masters are, also while somebody else has it open; nothing is written."""

        def look() -> tuple[Project, tuple[Place, ...]]:
            from engine.projects.checking import look_at

            return look_at(Path(folder))

        return self._io.submit(in_sentences(look))

    def new_project(self, name: str, folder: str | None = None) -> Future[Project]:
        """Makes an empty project in a folder that is free, by default among the user's documents."""

        def make() -> Project:
            from engine.projects.project import new_project_folder

            return self._desk.create(Path(folder) if folder else new_project_folder(name), name)

        return self._io.submit(in_sentences(make))

    def add_images(
        self, project: Project, paths: Sequence[str], *, copy: bool = False, inspect: bool = False
    ) -> Future[tuple[Project, tuple[str, ...]]]:
        """Adds images to an open project, by reference or as copies that were read back.

        The strings are one sentence a refused file. A file's header is read, and every byte for its hash. With
        `inspect` the picture of a new one is decoded too; of a TIFF of more than 256 MB of pixels it is only checked,
        as where it is opened, that the file holds all strips or tiles.
        """
        files, look = [Path(path) for path in paths], self._inspect if inspect else None
        return self._io.submit(in_sentences(lambda: self._desk.add(project, files, copy=copy, inspect=look)))

    def _inspect(self, path: Path) -> None:
        """ImageError where the picture that a project would hold, a file's first, cannot be decoded."""
        from engine.imaging.reader import check_pixels

        for _ in check_pixels(path, sparing=True):
            self._io.check()

    def journal(self, project: Project, items: Sequence[ProjectItem]) -> Future[None]:
        """Keeps edits on the disk until `save_item` has written them, in case the program is killed before."""
        return self._io.submit(in_sentences(lambda: self._desk.journal(project, items)))

    def beat(self) -> Future[None]:
        """Says that the open projects are in use; to be called twice a minute."""
        return self._io.submit(self._desk.beat)

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

    def check_masters(
        self, project: Project, items: Sequence[ProjectItem], on_progress: Report
    ) -> Work[tuple[tuple[str, FixityReport], ...]]:
        """Reads masters, every byte, when nothing else waits; the audit log keeps each outcome."""

        def steps() -> Generator[Progress | None, None, tuple[tuple[str, FixityReport], ...]]:
            reports = []
            for number, item in enumerate(items):
                yield Progress(number, len(items), Path(item.source.path).name)
                reading = self._told(partial(self._desk.check, project, item))
                reports.append((item.uuid, (yield from quietly(reading))))
            return tuple(reports)

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(steps), on_progress=on_progress)

    def check_project(self, folder: str, on_progress: Report) -> Work[ProjectReport]:
        """Checks masters, audit log, masks and files of a project, open or not; nothing is written."""

        def check(report: Report) -> ProjectReport:
            from engine.projects.checking import check_project

            return check_project(Path(folder), report)

        return self._worker.submit(Lane.QUEUE, lambda: self._told(check), on_progress=on_progress)

    def log_check(self, project: Project, report: ProjectReport) -> Future[None]:
        """Keeps the outcome of `check_project` in the project's audit log."""
        return self._io.submit(in_sentences(lambda: self._desk.log_check(project, report)))

    def acknowledge(self, project: Project, item: ProjectItem) -> Future[Project]:
        """Takes the file that is now at a master's place for the master, as somebody decided."""
        return self._io.submit(in_sentences(lambda: self._desk.acknowledge(project, item)))

    def missing(self, project: Project) -> Future[tuple[ProjectItem, ...]]:
        """The items whose masters are at none of the known places."""
        return self._io.submit(in_sentences(lambda: self._desk.missing(project)))

    def relocate(
        self, project: Project, folder: str | None, on_progress: Report, *, only_look: bool = False
    ) -> Work[tuple[Project, tuple[Relocation, ...]]]:
        """Looks for moved masters by their bytes, in and below a folder, or without one where they may well be."""
        place = Path(folder) if folder is not None else None
        search = partial(self._desk.relocate, project, place, only_look=only_look)
        return self._worker.submit(Lane.QUEUE, lambda: self._told(search), on_progress=on_progress)

    def rescue_project(self, folder: str, on_progress: Report, *, only_look: bool = False) -> Work[RescueReport]:
        """Rebuilds what can be rebuilt of a damaged project, which must not be open; nothing is deleted."""

        def mend(report: Report) -> RescueReport:
            from engine.projects.rescue import rescue

            return rescue(Path(folder), report, only_look=only_look)

        return self._worker.submit(Lane.QUEUE, lambda: self._told(mend), on_progress=on_progress)

    def note_open(self, project: Project | None) -> Future[None]:
        """This program has a project open, or none; if it is killed, the next one knows."""
        folder = Path(project.folder) if project is not None else None
        return self._io.submit(self._note.note, folder)

    def left_open(self) -> Future[tuple[str, ...]]:
        """Folders of the projects that were open in programs that were killed; told once."""
        return self._io.submit(lambda: tuple(str(folder) for folder in self._note.take_left_open()))

    def read_log(self, folder: str) -> Future[tuple[LoggedEvent, ...]]:
        """The audit log of a project, also while somebody else has it open; nothing is written."""

        def read() -> tuple[LoggedEvent, ...]:
            from engine.projects.project import ProjectFolder

            with ProjectFolder.open(Path(folder), look_only=True) as opened:
                return opened.events()

        return self._io.submit(in_sentences(read))

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
