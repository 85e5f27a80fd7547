"""Packages for archives, and checks of what was exported."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from engine.errors import ProjectError
from engine.runtime.worker import Lane, Work
from engine.service.core import EngineCore, Report, steps_in_sentences
from engine.types import (
    Approval,
    Event,
    EventObject,
    ExportOptions,
    ImageRef,
    Packaged,
    PackageFacts,
    Progress,
    Project,
    ProjectItem,
    Recipe,
)

if TYPE_CHECKING:
    from engine.export.renditions import Tools, Written
    from engine.export.single import Order


def credentials_folder() -> Path:
    """Where the signing key lies; an archive's own certificate goes into its folder `own`."""
    return user_data_path("Archivist", appauthor=False) / "credentials"


class Packaging(EngineCore):
    """One image as a BagIt package."""

    def package(
        self, image: ImageRef, recipe: Recipe, folder: str, facts: PackageFacts, on_progress: Report
    ) -> Work[Packaged]:
        """Packs one image that needs no project into the folder of that name, in the queue."""

        def steps() -> Generator[Progress | None, None, Packaged]:
            from engine.export.renditions import Tools
            from engine.export.single import Order

            self._allowed(image, recipe)
            source = yield from self._decoded(image)
            pipeline = self._pipeline(recipe)
            subject = self._subject(image, replace(recipe, weights=pipeline.card.sha256), source)
            notes = {"upscaler": pipeline.card.tail} if recipe.scale > 1 else {}
            order = Order(subject, self._place(image), ExportOptions(folder), self._studio().ready, notes)
            tools = Tools(pipeline, self._io, self._export_desk())
            return (yield from self._packed(order, tools, None, None, facts))[0]

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(self._enduring(steps)), on_progress=on_progress)

    def _packed(
        self,
        order: Order,
        tools: Tools,
        project: Project | None,
        item: ProjectItem | None,
        facts: PackageFacts | None = None,
    ) -> Generator[Progress | None, None, tuple[Packaged, Written]]:
        """One image of a job as a package; the project's audit log keeps that it was made."""
        from engine.export.package import Parcel, package, reference_of
        from engine.projects.events import EVENTS, user

        mask = order.subject.recipe.mask
        parcel = Parcel(
            facts=facts or (project.package if project else PackageFacts()),
            reference=reference_of(Path(order.options.target)),
            credentials=credentials_folder(),
            person=user(),
            approval=_approval(item, order.subject.recipe),
            events=Path(project.folder) / EVENTS if project else None,
            mask=self._masks.file(mask) if mask else None,
        )
        packaged, written = yield from package(order, parcel, tools)
        if item is not None:
            name = Path(packaged.folder).name
            event = Event("information package creation", f"The package {name} was made.", objects=(EventObject(name),))
            yield from self._record(item.source, event)
        return packaged, written

    def _allowed(self, image: ImageRef, recipe: Recipe) -> None:
        """ProjectError where an open project with this image exports only what a person approved, and nobody approved
        this recipe."""
        for project, item in self._desk.homes_of(image.sha256):
            if project.needs_approval and item.source.page == image.page:
                _must_be_approved(item, recipe)


def _must_be_approved(item: ProjectItem, recipe: Recipe) -> None:
    name = Path(item.source.path).name
    if item.decision != "approved":
        raise ProjectError(f"“{name}” was not approved; this project exports only what a person has approved.")
    if item.decided_recipe is None:
        raise ProjectError(f"It is not known who approved “{name}”; look at it and approve it again.")
    if not _is_same(item.decided_recipe, recipe):
        who = f" by {item.decided_by}" if item.decided_by else ""
        raise ProjectError(f"“{name}” was changed after it was approved{who}; look at it and approve it again.")


def _is_same(approved: Recipe, recipe: Recipe) -> bool:
    """Whether both ask for the same; the weights are resolved when a recipe is run."""
    known = approved.weights if approved.weights and recipe.weights else ""
    return replace(approved, weights=known) == replace(recipe, weights=recipe.weights if known else "")


def _approval(item: ProjectItem | None, recipe: Recipe) -> Approval | None:
    """Who approved this recipe and when; None where nobody did."""
    if item is None or item.decision != "approved" or item.decided_recipe is None:
        return None
    return Approval(item.decided_by, item.decided_at) if _is_same(item.decided_recipe, recipe) else None
