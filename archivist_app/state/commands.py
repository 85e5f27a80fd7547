"""Undo: every change of a recipe is a command, and one gesture is one step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoCommand, QUndoGroup, QUndoStack

from archivist_app.state.document import Document
from engine.types import ProjectItem, Recipe, Scope

Values = dict[str, dict[str, Any]]  # by uuid: the fields of a ProjectItem that change, with their values
Apply = Callable[[Values, Values], None]  # what is to be, where it still is what the second tells
PAUSE = 0.5  # seconds without a change after which the next key press, wheel tick or call is a new gesture


@dataclass(frozen=True, slots=True)
class Edit:
    """A wish to change the recipe. Edits of the same `control` and `gesture` become one undo step."""

    recipe: Recipe
    text: str  # what the history shows
    control: str = ""
    gesture: int = 0


class Gesture:
    """Numbers gestures: from press to release is one; so are changes that follow each other closely."""

    def __init__(self) -> None:
        self._number = 0
        self._held = False
        self._last = 0.0

    def begin(self) -> None:
        """A press: what follows belongs together until `end`."""
        self._number += 1
        self._held = True

    def end(self) -> None:
        """The release."""
        self._held = False
        self._last = 0.0

    def resume(self) -> None:
        """A second press of a double click: the change it makes belongs to the first press."""
        self._last = time.monotonic()

    def number(self) -> int:
        """The gesture a change that happens now belongs to."""
        now = time.monotonic()
        if not self._held and now - self._last > PAUSE:
            self._number += 1
        self._last = now
        return self._number


@dataclass(frozen=True, slots=True)
class MaskFields:
    """The part of a recipe that a damage mask decides."""

    mask: str | None
    scope: Scope
    scale: int

    def put(self, recipe: Recipe) -> Recipe:
        """The recipe with these."""
        return replace(recipe, mask=self.mask, scope=self.scope, scale=self.scale)


def mask_fields(recipe: Recipe) -> MaskFields:
    """That part of a recipe."""
    return MaskFields(recipe.mask, recipe.scope, recipe.scale)


def put_back(now: Any, expected: Any, value: Any) -> Any:
    """`value` in the place of `expected`, or `now` where that has become something else since. The damage mask of a
    recipe is not asked: it may just have got its name."""
    if now == expected:
        return value
    if isinstance(now, Recipe) and mask_fields(expected).put(now) == expected:
        return mask_fields(now).put(value)
    return now


class RecipeCommand(QUndoCommand):
    """From one recipe to another."""

    def __init__(self, document: Document, edit: Edit) -> None:
        super().__init__(edit.text)
        self._document = document
        self._before = document.recipe
        self._edit = edit

    def redo(self) -> None:
        """Apply the edit."""
        self._document.recipe = self._edit.recipe

    def undo(self) -> None:
        """Go back to the recipe before it."""
        self._document.recipe = self._before

    def id(self) -> int:
        """The same for all recipe commands: any two may be asked whether they merge."""
        return 1  # any two recipe commands may be asked whether they merge

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take in the next change of the same gesture."""
        if not isinstance(other, RecipeCommand):
            return False
        mine, theirs = self._edit, other._edit
        if not mine.control or (mine.control, mine.gesture) != (theirs.control, theirs.gesture):
            return False
        self._edit = theirs
        self.setText(theirs.text)
        self.setObsolete(theirs.recipe == self._before)
        return True

    def rebase(self, stale: MaskFields, fresh: MaskFields) -> None:
        """The mask of both recipes was about to change when this was done: what was not meant otherwise becomes it."""

        def moved(recipe: Recipe) -> Recipe:
            mask = fresh.mask if recipe.mask == stale.mask else recipe.mask
            scope = fresh.scope if recipe.scope == stale.scope else recipe.scope
            return replace(recipe, mask=mask, scope=scope, scale=1 if scope == "damage" else recipe.scale)

        self._before = moved(self._before)
        self._edit = replace(self._edit, recipe=moved(self._edit.recipe))


class ChangeCommand(QUndoCommand):
    """A step of which others know how it is done and taken back."""

    def __init__(self, text: str, do: Callable[[], None], take_back: Callable[[], None]) -> None:
        super().__init__(text)
        self._do, self._take_back = do, take_back

    def redo(self) -> None:
        """Do it."""
        self._do()

    def undo(self) -> None:
        """Take it back."""
        self._take_back()


class ItemsCommand(QUndoCommand):
    """What was decided about several images at once, from one set of values to another.

    It stands in the history of the image on screen. What was changed of the others since then stands in theirs, and
    stays as it is.
    """

    def __init__(self, apply: Apply, pairs: Iterable[tuple[ProjectItem, ProjectItem]], text: str) -> None:
        super().__init__(text)
        self._apply = apply
        self._before: Values = {}
        self._after: Values = {}
        for old, new in pairs:  # only what differs: the rest may be changed meanwhile, and stays as it then is
            names = [f.name for f in fields(ProjectItem) if getattr(old, f.name) != getattr(new, f.name)]
            self._before[old.uuid] = {name: getattr(old, name) for name in names}
            self._after[old.uuid] = {name: getattr(new, name) for name in names}

    def redo(self) -> None:
        """Decide it."""
        self._apply(self._after, self._before)

    def undo(self) -> None:
        """Go back to what was decided before."""
        self._apply(self._before, self._after)


class History(QUndoGroup):
    """One undo stack per image; the active one belongs to the image on screen."""

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._by_item: dict[str, QUndoStack] = {}
        self.late: list[RecipeCommand] | None = None  # gets the edits made while a mask's id is waited for

    def show_item(self, uuid: str) -> None:
        """Make the image's own history the active one."""
        if uuid not in self._by_item:
            self._by_item[uuid] = QUndoStack(self)
        self.setActiveStack(self._by_item[uuid])

    def push(self, edit: Edit) -> None:
        """Apply `edit` and remember how to take it back; an edit that changes nothing is no step."""
        stack = self.activeStack()
        if stack is not None and edit.recipe != self._document.recipe:
            command = RecipeCommand(self._document, edit)
            if self.late is not None:
                self.late.append(command)
            stack.push(command)

    def push_change(self, command: ItemsCommand | ChangeCommand) -> None:
        """Carry out a step, as a decision about several images; it is taken back on the image on screen now."""
        stack = self.activeStack()
        if stack is not None:
            stack.push(command)

    def forget(self) -> None:
        """Another project was opened: its histories start empty."""
        for stack in self._by_item.values():
            self.removeStack(stack)
            stack.deleteLater()
        self._by_item.clear()
