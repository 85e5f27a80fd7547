"""A package that an archive can take in: one BagIt folder for one image, with all that vouches for it.

It is built in a hidden folder beside its target, sealed and read back, and only then takes its name.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.errors import Cancelled, WriteError
from engine.export import bag, credentials, objects, records, signing
from engine.export.making import Tools, in_steps
from engine.export.metadata import Origin
from engine.export.orders import Order, make_folder, origin
from engine.export.renditions import Written, render
from engine.projects.atomic import remove_leftovers, replacing_folder
from engine.projects.events import EVENTS, EventLog
from engine.projects.schema import portable
from engine.runtime.steps import retold
from engine.types import Approval, ExportOptions, ExportSettings, Packaged, PackageFacts, Progress

T = TypeVar("T")
_STEPS = 1000  # of progress, whatever an image takes
_RESTORED, _MAPPED = 300, 900  # of them: when the picture and its map are made


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes into a package besides what an order tells.

    `reference` begins every file's name. `credentials` is the folder of the signing key. `events` is a project's audit
    log, which may be missing; `mask` the file of the damage mask that a person made.
    """

    facts: PackageFacts
    reference: str
    credentials: Path
    person: str
    approval: Approval | None = None
    events: Path | None = None
    mask: bytes | None = None


def reference_of(target: Path) -> str:
    """What the files of a package of that name begin with: `box12_bag_v02` holds `box12_restored.tif`."""
    stem, mark, version = target.name.rpartition("_bag")
    return stem if mark and (not version or version.startswith("_v")) and stem else target.name


def package(order: Order, parcel: Parcel, tools: Tools) -> Generator[Progress | None, None, tuple[Packaged, Written]]:
    """Steps that restore the image of `order` and pack it into the folder `order.options.target`.

    A package of Archivist's that is there already is replaced, anything else is refused. Closed before their end, the
    steps leave nothing. WriteError before the work where the master is not what it was, or the target cannot be
    written.
    """
    target = Path(order.options.target)
    before = yield from in_steps(tools.io, lambda: _fixity(order, tools, "before it was restored"))
    yield from in_steps(tools.io, lambda: credentials.existing(parcel.credentials))  # fails now, not later
    make_folder(target.parent)
    remove_leftovers(target.parent)
    with tools.desk.hold(target, order.master), replacing_folder(target, bag.is_ours) as folder:
        names = _Names(folder, parcel.reference, order.master.suffix.lower())
        names.make_folders()
        options = ExportOptions(str(names.restored), "overwrite")
        picture = replace(order, options=options, identifier=parcel.facts.identifier, pen=None)  # signed last
        written = yield from _part(render(picture, ExportSettings(), tools), 0, _RESTORED)
        unsure = yield from _part(objects.uncertainty(tools.pipeline, order.subject), _RESTORED, _MAPPED)
        made = origin(picture, written.restored.changed)
        yield Progress(_MAPPED, _STEPS, "packing")
        work = _Packing(names, order, parcel, made, tools)
        who = yield from in_steps(tools.io, lambda: work.pack(before, unsure), work.stop)
    yield Progress(_STEPS, _STEPS, "packed")
    restored = replace(written.restored, output=str(target), notices=who.notices)
    return Packaged(str(target), restored), replace(written, restored=restored)


@dataclass(frozen=True, slots=True)
class _Names:
    """Where everything lies in a package."""

    folder: Path
    reference: str
    master_ending: str

    @property
    def objects(self) -> Path:
        return self.folder / bag.PAYLOAD / "objects"

    @property
    def metadata(self) -> Path:
        return self.folder / bag.PAYLOAD / "metadata"

    @property
    def restored(self) -> Path:
        return self.objects / f"{self.reference}_restored.tif"

    @property
    def access(self) -> Path:
        return self.objects / f"{self.reference}_access.jpg"

    @property
    def mask(self) -> Path:
        return self.objects / f"{self.reference}_aimask.png"

    @property
    def unsure(self) -> Path:
        return self.objects / f"{self.reference}_uncertainty.png"

    @property
    def damage(self) -> Path:
        return self.objects / f"{self.reference}_damagemask.png"

    @property
    def master(self) -> Path:
        return self.objects / f"{self.reference}_master{self.master_ending}"

    def make_folders(self) -> None:
        self.objects.mkdir(parents=True)
        self.metadata.mkdir()

    def within(self, path: Path) -> str:
        """A path as it is called inside the package."""
        return portable(path.relative_to(self.folder).as_posix())


class _Packing:
    """Everything after the pictures are computed, on an io thread; `stop` may be called from any other."""

    def __init__(self, names: _Names, order: Order, parcel: Parcel, made: Origin, tools: Tools) -> None:
        self._names, self._order, self._parcel, self._made, self._tools = names, order, parcel, made, tools
        self._abandoned = threading.Event()

    def stop(self) -> None:
        self._abandoned.set()

    def pack(self, before: records.Happened, unsure: NDArray[np.uint8]) -> credentials.Identity:
        """Writes and signs everything, and says who signed."""
        names, parcel, made, order = self._names, self._parcel, self._made, self._order
        when, source = _now(), order.subject.source
        objects.write_uncertainty(names.unsure, unsure, self._watch)
        objects.write_ai_mask(names.mask, names.restored, source, self._watch)
        objects.write_access_copy(names.access, names.restored, made, source, parcel.facts.longest, self._watch)
        if parcel.mask is not None:
            names.damage.write_bytes(parcel.mask)
        if parcel.facts.with_master:
            shutil.copyfile(order.master, names.master)
        who = credentials.identity(parcel.credentials, parcel.facts.organization)
        steps = [*self._approved(), before, self._modified(when), *self._signed(who)]
        steps.append(_fixity(order, self._tools, "after it was restored", self._check))
        (names.metadata / "c2pa-root.pem").write_bytes(who.root)
        self._write_records(self._account(tuple(steps)))
        return who

    def _write_records(self, account: records.Account) -> None:
        names = self._names
        (names.metadata / "premis.xml").write_bytes(records.premis_xml(account))
        _text(names.metadata / "recipe.json", records.recipe_json(self._made))
        self._write_events(account)
        readme = names.metadata / "README.txt"
        held = sorted(names.within(path) for path in (names.folder / bag.PAYLOAD).rglob("*") if path.is_file())
        _text(readme, records.readme(account, held, names.reference))
        bag.seal(names.folder, records.bag_info(account, datetime.now().date().isoformat()), self._check)

    def _write_events(self, account: records.Account) -> None:
        """The project's audit log as it stands, and the steps of this package behind it, in the same chain."""
        source = self._parcel.events
        if source is not None and source.is_file():
            shutil.copyfile(source, self._names.metadata / EVENTS)
        log = EventLog(self._names.metadata)
        for event in records.events(account):
            log.append(event)

    def _account(self, steps: tuple[records.Happened, ...]) -> records.Account:
        names, parcel, made, order = self._names, self._parcel, self._made, self._order
        held = names.master if parcel.facts.with_master else None
        master = records.Copy(
            names.within(held) if held else order.master.name,
            made.sha256,
            order.master.stat().st_size,
            records.format_of(order.master),
        )
        return records.Account(
            made=made,
            facts=parcel.facts,
            master=master,
            restored=self._copy(names.restored),
            steps=steps,
            person=parcel.person,
            approval=parcel.approval,
        )

    def _copy(self, path: Path) -> records.Copy:
        digest = bag.digests_of(path, ("sha256",), self._check)["sha256"]
        return records.Copy(self._names.within(path), digest, path.stat().st_size, records.format_of(path))

    def _approved(self) -> list[records.Happened]:
        approval = self._parcel.approval
        if approval is None:
            return []
        note = f"{approval.by} approved the image for export."
        return [records.Happened("app", approval.when, "Approval of the restoration by a person", note)]

    def _modified(self, when: str) -> records.Happened:
        share = f"{100 * (self._made.changed or 0):.4f} % of the pixels differ from the master."
        return records.Happened("mod", when, f"Restoration. {records.settings_of(self._made)}", share)

    def _signed(self, who: credentials.Identity) -> list[records.Happened]:
        """Signs both pictures and reads the signatures back. WriteError where one does not hold: then there is no
        package."""
        pictures, read_back = (self._names.restored, self._names.access), []
        for path in pictures:
            self._check(None)
            if signing.sign_as(path, path.name, self._made, self._order.master, who):
                read_back.append(path.name)
        by, when = f"by “{who.signer}”", _now()
        made = records.Happened("dsg", when, "C2PA signatures made", f"Both pictures carry a C2PA signature {by}.")
        if not read_back:
            return [made]
        which = "both pictures" if len(read_back) == len(pictures) else " and ".join(read_back)
        held = f"What {by} signed in {which} holds and leads to the root in the package."
        return [made, records.Happened("dig", when, "C2PA signatures read back after signing", held)]

    def _watch(self, rows: int, height: int) -> None:
        self._check(None)

    def _check(self, progress: Progress | None) -> None:
        if self._abandoned.is_set():
            raise Cancelled
        self._tools.io.check()


def _fixity(
    order: Order, tools: Tools, moment: str, check: Callable[[Progress | None], None] | None = None
) -> records.Happened:
    """Reads the master again. WriteError where it is not the file that was opened: what is made of it is worthless."""
    try:
        found = bag.digests_of(order.master, ("sha256",), check or tools.io.check)["sha256"]
    except OSError as error:
        raise WriteError(f"“{order.master.name}” cannot be read ({error.strerror}); bring it back.") from error
    if found != order.subject.sha256:
        raise WriteError(f"“{order.master.name}” is not the file that was opened; open it again, or find the original.")
    return records.Happened("fix", _now(), f"SHA-256 of the master, {moment}", f"The SHA-256 is {found}, as recorded.")


def _part(steps: Generator[Progress | None, None, T], start: int, end: int) -> Generator[Progress | None, None, T]:
    """Steps whose progress is a part of the whole."""

    def tell(step: Progress | None) -> Progress | None:
        if step is None or step.total <= 0:
            return None
        share = min(step.done / step.total, 1.0)
        return Progress(round(start + share * (end - start)), _STEPS, step.message)

    return retold(steps, tell)


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _now() -> str:
    return datetime.now(UTC).replace(microsecond=0).isoformat()
