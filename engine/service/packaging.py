"""Packages for archives, and checks of what was exported."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from engine.errors import ProjectError, RecipeError
from engine.runtime.worker import Lane, Work
from engine.service.core import Report, decode, in_sentences, settled, steps_in_sentences
from engine.service.images import Images, read_mask
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
    Reproduced,
    Verified,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.export.making import Tools
    from engine.export.orders import Order, Pen
    from engine.export.renditions import Written
    from engine.export.told import Told
    from engine.rendering.pipeline import Pipeline
    from engine.rendering.source import Source


Home = tuple[Project, ProjectItem]
"""A project and the item that an image is in it."""


def credentials_folder() -> Path:
    """Where the signing key lies; an archive's own certificate goes into its folder `own`."""
    return user_data_path("Archivist", appauthor=False) / "credentials"


class Packaging(Images):
    """One image as a BagIt package; files, packages and projects checked; recipes in files run again."""

    def package(
        self, image: ImageRef, recipe: Recipe, folder: str, facts: PackageFacts, on_progress: Report
    ) -> Work[Packaged]:
        """Packs one image that needs no project into the folder of that name, in the queue."""

        homes = self._homes(image)

        def steps() -> Generator[Progress | None, None, Packaged]:
            from engine.export.orders import Order

            self._allowed(image, recipe, homes.result())
            source = yield from self._proven(image)
            pipeline = self._pipeline(recipe)
            subject = self._subject(image, replace(recipe, weights=pipeline.card.sha256), source)
            notes = {"upscaler": pipeline.card.tail} if recipe.scale > 1 else {}
            place, ready = self._place(image), self._studio().ready
            order = Order(subject, place, ExportOptions(folder), ready, notes, card=pipeline.card)
            return (yield from self._packed(order, self._tools(pipeline), None, None, facts))[0]

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(self._enduring(steps)), on_progress=on_progress)

    def verify(self, path: str, roots: Sequence[str], on_progress: Report) -> Work[Verified]:
        """Checks a file, package or project; nothing is written. `roots` are files of certificates to trust besides
        those that sign here."""

        def check(report: Report) -> Verified:
            from engine.export import credentials
            from engine.export.verify import verify

            known = credentials.anchors(credentials_folder())
            return verify(Path(path), (*known, *map(credentials.read_root, map(Path, roots))), report)

        return self._worker.submit(Lane.QUEUE, lambda: self._told(check), on_progress=on_progress)

    def reproduce(
        self, path: str, master: str | None, on_progress: Report, *, mask: str | None = None
    ) -> Work[Reproduced]:
        """Runs the recipe in an exported file again and compares; `master` and the damage `mask`, where it names one,
        are looked for beside it if not given."""

        def steps() -> Generator[Progress | None, None, Reproduced]:
            from engine.export import reproduce, told

            file = Path(path)
            said = yield from self._told(lambda _: reproduce.must_be_repeatable(file, told.read(file)))
            place = yield from self._told(lambda report: self._master_of(file, said, master, report))
            source = yield from settled(self._io.submit(in_sentences(lambda: decode(place, said.page))))
            pipeline = self._pipeline(said.recipe)
            self._check(said.recipe)
            marked = yield from self._told(lambda _: self._mask_of(file, said, mask, source))
            case = reproduce.Case(file, said, place, source, marked)
            return (yield from reproduce.reproduce(case, pipeline, self._studio().ready))

        return self._worker.submit(Lane.QUEUE, steps_in_sentences(self._enduring(steps)), on_progress=on_progress)

    def _master_of(self, file: Path, said: Told, master: str | None, report: Report) -> Path:
        """The master a file was made from, every byte of it. ImageError, RecipeError in a sentence."""
        from engine.export.verify import find_master
        from engine.runtime.io import sha256_of

        if master is None:
            found = find_master(file, said.master_name, said.master_sha256)
            if found is None:
                raise RecipeError(
                    f"The master “{said.master_name}” is not beside “{file.name}”; say with --master where it is. "
                    f"Its SHA-256 is {said.master_sha256}."
                )
            return found
        if sha256_of(master, report) != said.master_sha256:
            raise RecipeError(f"“{Path(master).name}” is not the master that “{file.name}” was made from.")
        return Path(master)

    def _mask_of(self, file: Path, said: Told, given: str | None, master: Source) -> NDArray[np.uint8] | None:
        """The damage mask of a file's recipe: the one that is given, or from beside it, an open project or the
        session. None where it was made without; RecipeError, in a sentence, where the mask is another or not here."""
        from engine.export.reproduce import find_mask

        wanted = said.recipe.mask
        if wanted is None:
            if given is not None:
                raise RecipeError(f"“{file.name}” was made without a damage mask; leave out --mask.")
            return None
        if given is not None:
            return self._same_mask(file, wanted, Path(given), master)
        encoded = find_mask(file, wanted)
        try:
            return self._masks.decode(encoded) if encoded else self._masks.get(wanted)
        except RecipeError as error:
            raise RecipeError(
                f"“{file.name}” was made with a damage mask that is not here; say with --mask where it is, or put its "
                "package’s “…_damagemask.png” beside it."
            ) from error

    def _same_mask(self, file: Path, wanted: str, given: Path, master: Source) -> NDArray[np.uint8]:
        """The pixels of a mask that is given. It is the one that is wanted where it is that very file, as packages and
        projects have it, or where `add_mask` would make the same of it, however it is stored."""
        from engine.runtime.io import sha256_of

        if sha256_of(given, self._io.check) == wanted:
            return self._masks.decode(given.read_bytes())
        pixels = read_mask(given, *master.size(0))
        if self._masks.keep(pixels, None) != wanted:
            raise RecipeError(f"“{given.name}” is not the damage mask that “{file.name}” was made with; give that one.")
        return pixels

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
        from engine.projects.events import EVENTS
        from engine.projects.processes import user

        mask = order.subject.recipe.mask
        # What is decided now: a job may be older than the decision.
        stored = (one for _, one in self._desk.homes_of(order.subject.sha256) if item and one.uuid == item.uuid)
        parcel = Parcel(
            facts=facts or (project.package if project else PackageFacts()),
            reference=reference_of(Path(order.options.target)),
            credentials=credentials_folder(),
            person=user(),
            approval=_approval(next(stored, item), order.subject.recipe),
            events=Path(project.folder) / EVENTS if project else None,
            mask=self._masks.file(mask) if mask else None,
        )
        packaged, written = yield from package(order, parcel, tools)
        if item is not None:
            name = Path(packaged.folder).name
            event = Event("information package creation", f"The package {name} was made.", objects=(EventObject(name),))
            yield from self._record(item.source, event)
        return packaged, written

    def _tools(self, pipeline: Pipeline) -> Tools:
        """What works on an image."""
        from engine.export.making import Tools

        return Tools(pipeline, self._io, self._export_desk())

    def _pen(self, organization: str) -> Generator[None, None, Pen]:
        """What signs exported pictures. EngineError, before the work, where the certificate that would cannot."""
        from engine.export.orders import Pen
        from engine.export.signing import check

        pen = Pen(credentials_folder(), organization)
        yield from settled(self._io.submit(in_sentences(lambda: check(pen))))
        return pen

    def _homes(self, image: ImageRef) -> Future[list[Home]]:
        """The projects with this image that are open now, when it is ordered: the engine thread looks next of all."""
        return self._worker.call(lambda: self._desk.homes_of(image.sha256))

    def _allowed(self, image: ImageRef, recipe: Recipe, ordered: Iterable[Home]) -> None:
        """ProjectError where a project with this image exports only what a person approved, and nobody approved this
        recipe. Those count that are open, as they are now, and those it was `ordered` in, also if closed meanwhile."""
        homes = {(project.folder, item.uuid): (project, item) for project, item in ordered}
        homes |= {(project.folder, item.uuid): (project, item) for project, item in self._desk.homes_of(image.sha256)}
        for project, item in homes.values():
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
