"""What a project tells of its archive and demands of its exports: changed in the window, step by step, undoably."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from archivist_app.async_tools import Tasks
from archivist_app.state.commands import ChangeCommand
from archivist_app.state.session import Session
from engine.errors import EngineError
from engine.types import PackageFacts, Project


@dataclass(frozen=True, slots=True)
class Rules:
    """As a project keeps them."""

    package: PackageFacts = field(default_factory=PackageFacts)
    needs_approval: bool = False


class ProjectRules(QObject):
    """The rules of the open project, as somebody last wanted them."""

    changed = Signal()
    failed = Signal(str)

    def __init__(self, session: Session, tasks: Tasks) -> None:
        super().__init__(session)
        self._session = session
        self._tasks = tasks
        self._saving = asyncio.Lock()
        self._uuid, self._rules = "", Rules()
        session.project_changed.connect(self._follow)

    @property
    def rules(self) -> Rules:
        """As they stand, saved or on the way."""
        return self._rules

    @property
    def hindrance(self) -> str:
        """Why they cannot be changed, in a sentence; "" where they can."""
        project = self._session.project
        if project is None:
            return "No project is open."
        return "" if project.writable else project.reason or "This project is open read-only."

    def edit(self, text: str, **changes: Any) -> None:
        """Change facts of the package, or `needs_approval`; `text` is what the history shows."""
        needed = changes.pop("needs_approval", self._rules.needs_approval)
        before, after = self._rules, Rules(replace(self._rules.package, **changes), needed)
        if after == before or self.hindrance:
            return
        uuid = self._uuid
        self._session.history.push_change(
            ChangeCommand(text, lambda: self._put(uuid, after), lambda: self._put(uuid, before))
        )

    def _put(self, uuid: str, rules: Rules) -> None:
        if uuid == self._uuid:
            self._rules = rules
            self.changed.emit()
            self._tasks.spawn(self._save(uuid))

    async def _save(self, uuid: str) -> None:
        async with self._saving:  # the last wish is written last
            if uuid != self._uuid:
                return
            try:
                await self._session.set_rules(self._rules.package, self._rules.needs_approval)
            except EngineError as error:
                self.failed.emit(str(error))
                self._take(self._session.project)

    def _follow(self, project: Project) -> None:
        if project.uuid != self._uuid:
            self._take(project)

    def _take(self, project: Project | None) -> None:
        if project is not None:
            self._uuid, self._rules = project.uuid, Rules(project.package, project.needs_approval)
        self.changed.emit()
