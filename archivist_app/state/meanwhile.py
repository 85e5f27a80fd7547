"""What becomes of an image edited here while others, or a slow answer, bring another state of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

from engine.types import ImageRef, ProjectItem, Recipe, Snapshot

_NOWHERE = ImageRef("", "", 0)


def newest(answer: ProjectItem, saved: ProjectItem | None) -> ProjectItem:
    """Which of the two was written later: an answer may have been long on its way."""
    return answer if saved is None or answer.revision >= saved.revision else saved


def is_foreign(now: ProjectItem, saved: ProjectItem, mine: ProjectItem) -> bool:
    """Whether somebody else decided what stands on the disk now: it is neither what we last saved nor what we have."""
    return _decided(now) not in (_decided(saved), _decided(mine))


def carried_on(mine: ProjectItem, now: ProjectItem) -> ProjectItem:
    """Unsaved edits on top of what stands on the disk now, which has the master's place and bytes."""
    return replace(mine, source=now.source, revision=max(mine.revision, now.revision + 1))


def set_aside(mine: ProjectItem, now: ProjectItem) -> ProjectItem:
    """What somebody else decided, with our own settings beside it as a snapshot: neither person's work is lost."""
    kept = snapshot_of(mine.recipe, now.snapshots, "Unsaved")
    return replace(now, snapshots=(*now.snapshots, kept), revision=max(mine.revision, now.revision + 1))


def snapshot_of(recipe: Recipe, others: Iterable[Snapshot], word: str) -> Snapshot:
    """A snapshot called `word` and the first number that none of the others has."""
    taken = {snapshot.name for snapshot in others}
    name = next(one for one in (f"{word} {number}" for number in count(1)) if one not in taken)
    return Snapshot(name, recipe, datetime.now(UTC).isoformat(timespec="seconds"))


def _decided(item: ProjectItem) -> ProjectItem:
    return replace(item, source=_NOWHERE, revision=0)
