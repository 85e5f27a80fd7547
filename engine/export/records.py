"""The words of a package: recipe, PREMIS, what stands in bag-info.txt, and a README for somebody who has only that."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from engine.export import makers, premis
from engine.export.metadata import Origin, in_words, preset_of, software, software_version
from engine.types import MAP_SCALES, Approval, Event, EventObject, PackageFacts

TIFF = premis.Format("Tagged Image File Format", "fmt/353")
_JPEG_VERSIONS = {b"\1\0": "fmt/42", b"\1\1": "fmt/43", b"\1\2": "fmt/44"}
_PROGRAM = "agent:archivist"
_COLUMNS = 100  # of the README
_ABOUT: dict[premis.EventType, tuple[tuple[Literal["master", "restored"], Literal["source", "outcome"]], ...]] = {
    "fix": (("master", "source"),),
    "app": (("master", "source"),),
    "mod": (("master", "source"), ("restored", "outcome")),
    "dsg": (("restored", "outcome"),),
    "dig": (("restored", "source"),),
}
"""Which of the two files a step is about, and as what."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A file as it was packed, or as it lies outside; `name` is its place in the package, or its own name."""

    name: str
    sha256: str
    size: int
    format: premis.Format = TIFF


@dataclass(frozen=True, slots=True)
class Happened:
    """One step of making a package, for PREMIS and for the audit log alike."""

    type: premis.EventType
    when: str  # ISO 8601, UTC
    detail: str
    note: str  # what came of it, in a sentence
    outcome: str = "success"


@dataclass(frozen=True, slots=True)
class Account:
    """Everything a package tells: what was made of what, how, by whom, and what happened on the way."""

    made: Origin
    facts: PackageFacts
    master: Copy
    restored: Copy
    steps: tuple[Happened, ...]
    person: str
    approval: Approval | None = None


def format_of(path: Path) -> premis.Format:
    """What PRONOM calls a file of a kind that masters have, as far as its first bytes tell."""
    with path.open("rb") as file:
        head = file.read(32)
    if head[:4] in (b"II*\0", b"MM\0*"):
        return TIFF
    if head[:4] in (b"II+\0", b"MM\0+"):
        return premis.Format("BigTIFF")
    if head.startswith(b"\x89PNG"):
        return premis.Format("Portable Network Graphics", "fmt/13", "1.2")
    if head.startswith(b"\xff\xd8"):
        return premis.Format("JPEG", _JPEG_VERSIONS.get(head[11:13], "") if head[6:10] == b"JFIF" else "")
    if head[4:8] == b"jP  ":
        return premis.Format("JPEG 2000 Part 1 (JP2)", "x-fmt/392")
    return premis.Format("WebP" if head[8:12] == b"WEBP" else "unknown")


def premis_xml(account: Account) -> bytes:
    """The package's premis.xml: master and restoration, what happened to them, and who did it."""
    made, master, restored = account.made, account.master, account.restored
    created = next(step.when for step in account.steps if step.type == "mod")
    files = (
        premis.File(master.name, master.sha256, master.size, master.format, made.master),
        premis.File(
            restored.name,
            restored.sha256,
            restored.size,
            restored.format,
            software="Archivist",
            software_version=software_version(),
            created=created,
            source=master.name,
        ),
    )
    return premis.document(files, [_premis_event(account, step) for step in account.steps], _agents(account))


def recipe_json(made: Origin) -> str:
    """All that making the result again needs, besides the master and the weights."""
    data = {
        "format": "archivist-recipe",
        "version": 1,
        "master": {"name": made.master, "sha256": made.sha256, "page": made.page},
        "recipe": made.settings,
        "model": makers.facts(made.maker) if made.maker else None,
        "style": asdict(made.style) if made.style else None,
        "preset": preset_of(made.recipe),
        "changedPixelFraction": made.changed,
        "software": software(),
        "engine": {name: getattr(made.engine, name) for name in ("device", "dtype", "torch", "threads")},
        **made.notes,
    }
    return json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def bag_info(account: Account, today: str) -> dict[str, str]:
    """The fields of bag-info.txt; empty ones are left out."""
    facts = account.facts
    told = {
        "Source-Organization": facts.organization,
        "Contact-Name": facts.contact,
        "External-Identifier": facts.identifier or Path(account.made.master).stem,
        "External-Description": facts.description or f"Restoration of {account.made.master} with its provenance",
        "Bagging-Date": today,
        "Bag-Software-Agent": software(),
    }
    return {key: value for key, value in told.items() if value}


def events(account: Account) -> Iterable[Event]:
    """The steps as the audit log keeps them."""
    master, restored = replace(account.master, name=account.made.master), account.restored
    for step in account.steps:
        about = [(master if which == "master" else restored, role) for which, role in _ABOUT[step.type]]
        objects = tuple(EventObject(copy.name, copy.sha256, copy.size, role) for copy, role in about)
        yield Event(premis.EVENT_TYPES[step.type], step.note, objects=objects, details={"at": step.when})


def readme(account: Account, names: Iterable[str], reference: str) -> str:
    """What lies in the package, what it is worth, and how it is checked, for a reader in twenty years."""
    made = account.made
    full = MAP_SCALES["uncertainty"][0]
    told = {
        f"objects/{reference}_restored.tif": "the restoration, 16 bits a sample, in the colour profile of the original",
        f"objects/{reference}_access.jpg": "a copy for readers, in sRGB, with a label below the picture",
        f"objects/{reference}_aimask.png": "white where the restoration differs from the original, black where it is "
        "the original bit for bit" + (" (an enlargement differs everywhere)" if made.recipe.scale > 1 else ""),
        f"objects/{reference}_uncertainty.png": "how unsure the model is: its answers for the picture turned over and "
        f"moved by half a pixel differ; white is a standard deviation of {full.full:g} of 255 levels or more. Of "
        "a large picture it is a reduced one",
        f"objects/{reference}_damagemask.png": "the damage as a person marked it: white was repaired, 1 of 255 kept",
        "metadata/premis.xml": "PREMIS 3.0: both files, what happened to them, and who or what did it",
        "metadata/recipe.json": "every setting; with the original and the model’s weights the result can be made again",
        "metadata/events.jsonl": "the audit log: a line an event, each with the SHA-256 of the line before it",
        "metadata/c2pa-root.pem": "the certificate that the signatures in the pictures lead to",
    }
    here = [name.removeprefix("data/") for name in names]
    lines = [f"  {name}\n{_wrapped(told.get(name, _other(name)), 6)}" for name in here]
    return "\n".join(
        (
            f"{made.master}: a restoration and where it comes from",
            "",
            _wrapped(_worth(made)),
            _wrapped(f"Settings: {settings_of(made)}"),
            f"Made by {software()}.",
            f"SHA-256 of the original: {made.sha256}",
            "",
            *_about_model(made),
            "What lies here (in the folder “data”)",
            "",
            *lines,
            "",
            "How to check it without Archivist",
            "",
            "  The package:     python -m bagit --validate PACKAGE    or, in it:  sha256sum -c manifest-sha256.txt",
            "  PREMIS:          xmllint --noout --schema premis.xsd data/metadata/premis.xml",
            "                   (the schema: http://www.loc.gov/standards/premis/v3/premis.xsd)",
            "  The signatures:  c2patool PICTURE trust --trust_anchors data/metadata/c2pa-root.pem",
            "                   A root that comes with the files it vouches for proves only that they are unchanged:",
            "                   ask the archive for its own copy to know who signed.",
            "",
        )
    )


def _wrapped(text: str, indent: int = 0) -> str:
    return textwrap.fill(text, _COLUMNS, initial_indent=" " * indent, subsequent_indent=" " * indent)


def settings_of(made: Origin) -> str:
    """The recipe on one line, with the preset it is."""
    preset = preset_of(made.recipe)
    return f"{in_words(made.recipe, made.ignored)}." + (f" Preset: {preset}." if preset else "")


def _about_model(made: Origin) -> Iterable[str]:
    """What the card of the model says that made it, as lines of the README; nothing where none did."""
    if made.maker is None:
        return ()
    lines = (
        textwrap.fill(note, _COLUMNS, initial_indent="  ", subsequent_indent="    ")
        for note in makers.notes(made.maker)
    )
    return ("The model that made it", "", *lines, "")


def _worth(made: Origin) -> str:
    if not made.generated:
        return "No trained model changed this picture."
    changed = f"{100 * made.changed:.2f} % of its pixels differ from the original. " if made.changed is not None else ""
    return (
        f"Parts of the restoration were generated by a trained model. {changed}It is not evidence: "
        "look at the original, or at the AI mask, before relying on any detail."
    )


def _other(name: str) -> str:
    return "a byte copy of the original" if "_master." in name else "the signature of the picture of that name"


def _premis_event(account: Account, step: Happened) -> premis.Event:
    master, restored = account.master.name, account.restored.name
    agents = [(_PROGRAM, "executing program")]
    if step.type == "app":
        agents = [(f"person:{account.approval.by if account.approval else account.person}", "authorizer")]
    elif step.type == "mod":
        agents.append((f"person:{account.person}", "implementer"))
        if account.made.generated:
            agents.append((f"model:{account.made.recipe.model}", "executing program"))
    about = tuple((master if which == "master" else restored, role) for which, role in _ABOUT[step.type])
    return premis.Event(step.type, step.when, step.detail, step.outcome, step.note, tuple(agents), about)


def _agents(account: Account) -> tuple[premis.Agent, ...]:
    made = account.made
    people = dict.fromkeys((account.person, *((account.approval.by,) if account.approval else ())))
    agents = [premis.Agent(f"person:{name}", name, "per") for name in people]
    agents.append(premis.Agent(_PROGRAM, "Archivist", "sof", software_version(), (_ran_on(made),)))
    if made.generated:
        recipe = made.recipe
        notes = [f"Trained neural network; weights with the SHA-256 {recipe.weights}"]
        notes += makers.notes(made.maker) if made.maker else ()
        agents.append(premis.Agent(f"model:{recipe.model}", recipe.model, "sof", recipe.weights[:16], tuple(notes)))
    if account.facts.organization:
        name = account.facts.organization
        agents.append(premis.Agent(f"organization:{name}", name, "org"))
    return tuple(agents)


def _ran_on(made: Origin) -> str:
    engine = made.engine
    return f"torch {engine.torch} on {engine.device}, {engine.dtype}, {engine.threads} threads"
