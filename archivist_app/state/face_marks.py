"""Faces that somebody marks on a picture, and what they say to each; no widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from PySide6.QtCore import QObject, Signal

from engine.types import SMALLEST_FACE, Consent, Face, Region, face_fault


@dataclass(frozen=True, slots=True)
class Mark:
    """A rectangle in pixels of the master, who decides about that face, and on what ground."""

    region: Region
    who: str = ""
    ground: str = ""

    @property
    def consented(self) -> bool:
        """Whether both have been said."""
        return bool(self.who.strip() and self.ground.strip())


class FaceMarks(QObject):
    """The marks of one picture, one of them chosen; every rectangle lies within the picture."""

    changed = Signal()  # rectangles: one more, one less, or one elsewhere
    told = Signal()  # somebody said more of a face
    chosen_changed = Signal()

    def __init__(self, width: int, height: int, parent: QObject | None = None) -> None:
        """For a picture of that size in pixels."""
        super().__init__(parent)
        self.bounds = Region(0, 0, width, height)
        self._marks: list[Mark] = []
        self._chosen = -1

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All of them, in the order in which they were made."""
        return tuple(self._marks)

    @property
    def chosen(self) -> int:
        """The number of the one that hands and keys mean; -1 where there is none."""
        return self._chosen

    def choose(self, number: int) -> None:
        """Mean another one; -1 for none."""
        number = number if 0 <= number < len(self._marks) else -1
        if number != self._chosen:
            self._chosen = number
            self.chosen_changed.emit()

    def add(self, region: Region) -> None:
        """One more face, moved into the picture and made large enough; it is the chosen one."""
        self._marks.append(Mark(self._fitted(region)))
        self._chosen = len(self._marks) - 1
        self.changed.emit()
        self.chosen_changed.emit()

    def add_in_the_middle(self) -> None:
        """One more face where nobody pointed: a quarter of the picture's shorter side, beside those already there."""
        side = max(SMALLEST_FACE, min(self.bounds.width, self.bounds.height) // 4)
        step = (len(self._marks) * side) // 2
        x, y = (self.bounds.width - side) // 2 + step, (self.bounds.height - side) // 2
        self.add(Region(x % max(1, self.bounds.width - side + 1), y, side, side))

    def put(self, number: int, region: Region) -> None:
        """A rectangle of another place or size, moved into the picture and made large enough."""
        fitted = self._fitted(region)
        if self._marks[number].region != fitted:
            self._marks[number] = replace(self._marks[number], region=fitted)
            self.changed.emit()

    def remove(self, number: int) -> None:
        """One face less; the one before it is chosen."""
        del self._marks[number]
        self._chosen = min(max(number - 1, 0), len(self._marks) - 1)
        self.changed.emit()
        self.chosen_changed.emit()

    def say(self, number: int, *, who: str | None = None, ground: str | None = None) -> None:
        """Who decides about a face, or on what ground."""
        mark = self._marks[number]
        self._marks[number] = replace(
            mark, who=mark.who if who is None else who, ground=mark.ground if ground is None else ground
        )
        self.told.emit()

    def fault(self) -> str:
        """What is still missing before faces can be restored, in a sentence; "" where nothing is."""
        if not self._marks:
            return "Draw a rectangle around each face that is to be restored, hair and chin included."
        found = face_fault([mark.region for mark in self._marks], self.bounds.width, self.bounds.height)
        if found:
            return found
        silent = [str(number) for number, mark in enumerate(self._marks, start=1) if not mark.consented]
        if silent:
            which = f"face {silent[0]}" if len(silent) == 1 else f"faces {', '.join(silent)}"
            return f"Say who decides about {which}, and on what ground."
        return ""

    def faces(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> tuple[Face, ...]:
        """The faces with their consents, given now. RecipeError where one is missing."""
        when = now().isoformat(timespec="seconds")
        return tuple(Face(mark.region, Consent(mark.who.strip(), mark.ground.strip(), when)) for mark in self._marks)

    def _fitted(self, region: Region) -> Region:
        width = min(max(region.width, SMALLEST_FACE), self.bounds.width)
        height = min(max(region.height, SMALLEST_FACE), self.bounds.height)
        x = min(max(region.x, 0), self.bounds.width - width)
        y = min(max(region.y, 0), self.bounds.height - height)
        return Region(x, y, width, height)
