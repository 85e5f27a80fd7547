"""Images and projects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.types import (
    FixityReport,
    OpenedImage,
    PackageFacts,
    Progress,
    Project,
    ProjectItem,
    Relocation,
)

if TYPE_CHECKING:
    from engine.service import EngineService as EngineService  # the rest of the window names the type from here

from archivist_app.bridge.base import BridgeBase
from archivist_app.bridge.handles import JobHandle


class Projects(BridgeBase):
    """Opening, saving, checking and closing."""

    def truth(self, project: Project, item: ProjectItem) -> str | None:
        """The photograph that an artificially aged master was made from, where the project keeps it."""
        return self._service.truth(project, item)

    def register(self, project: Project, item: ProjectItem) -> str:
        """Tell the engine where the item's master lives, and return that path. Raises EngineError."""
        path = self._service.locate(project, item)
        self._service.register(item.source, path)
        return path

    async def open_image(self, path: str, page: int = 0) -> OpenedImage:
        """Read what a file is, and hash it. Raises EngineError."""
        return await self._result(self._service.open_image(path, page))

    async def open_project(self, folder: str) -> Project:
        """Open a project folder. Raises EngineError."""
        return await self._result(self._service.open_project(folder))

    async def project_for(self, paths: Sequence[str]) -> tuple[Project, tuple[str, ...]]:
        """The project the images belong to, new if need be, and one sentence per refused file."""
        return await self._result(self._service.project_for(paths))

    async def add_images(self, project: Project, paths: Sequence[str]) -> tuple[Project, tuple[str, ...]]:
        """The project with more images, and one sentence per refused file."""
        return await self._result(self._service.add_images(project, paths))

    async def save_item(self, project: Project, item: ProjectItem) -> Project:
        """Write one item; its revision must be newer than the saved one."""
        return await self._result(self._service.save_item(project, item))

    async def set_rules(self, project: Project, package: PackageFacts, needs_approval: bool) -> Project:
        """Keep what packages of a project tell, and whether exports need a person's approval. Raises EngineError."""
        return await self._result(self._service.set_rules(project, package, needs_approval))

    async def journal(self, project: Project, items: Sequence[ProjectItem]) -> None:
        """Keep edits on the disk in case the program is killed before they are saved. Raises EngineError."""
        await self._result(self._service.journal(project, items))

    def beat(self) -> None:
        """Say that the open project is in use."""
        self._service.beat()

    async def note_open(self, project: Project | None) -> None:
        """If the program is killed, the next one knows that this project was open."""
        await self._result(self._service.note_open(project))

    async def left_open(self) -> tuple[str, ...]:
        """Folders of the projects that were open in programs that were killed; told once."""
        return await self._result(self._service.left_open())

    def check_masters(
        self, project: Project, items: Sequence[ProjectItem], on_progress: Callable[[Progress], None]
    ) -> JobHandle[tuple[tuple[str, FixityReport], ...]]:
        """Start reading masters, every byte; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return JobHandle(self._service.check_masters(project, items, progress), self._loop)

    def relocate(
        self, project: Project, folder: str | None, on_progress: Callable[[Progress], None]
    ) -> JobHandle[tuple[Project, tuple[Relocation, ...]]]:
        """Start looking for moved masters by their bytes; `on_progress` is called on Qt's thread."""

        def progress(step: Progress) -> None:  # called on the engine thread
            self._posted.emit(on_progress, step)

        return JobHandle(self._service.relocate(project, folder, progress), self._loop)

    async def acknowledge(self, project: Project, item: ProjectItem) -> Project:
        """Take the file that is now at a master's place for the master. Raises EngineError."""
        return await self._result(self._service.acknowledge(project, item))

    async def demo_project(self) -> Project:
        """The project of the demo, made on first use."""
        return await self._result(self._service.demo_project())

    def close_project(self, project: Project) -> None:
        """Let go of a project, so that others may open it."""
        self._service.close_project(project)
