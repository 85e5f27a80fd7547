"""An exported picture signed with Content Credentials; one whose signature does not hold is not kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.errors import WriteError
from engine.export import credentials, makers
from engine.export.metadata import MIME, Origin, software_version
from engine.export.orders import Pen
from engine.imaging.xmp import COMPOSITE, ENHANCED

READ_BACK = 256 << 20
"""Bytes of a file up to which its signature is read back: the library holds a file that it checks in memory."""


def check(pen: Pen) -> None:
    """EngineError, before the work, where the certificate that would sign cannot."""
    credentials.existing(pen.folder)


def sign(path: Path, name: str, made: Origin, master: Path, pen: Pen) -> tuple[str, ...]:
    """Signs the file at `path`, which will be called `name`, the last thing that is done to it; no pixel changes.

    Returns what a person has to read, as about a key that was made. WriteError where that fails or does not hold.
    """
    who = credentials.identity(pen.folder, pen.organization)
    sign_as(path, name, made, master, who)
    return who.notices


def sign_as(path: Path, name: str, made: Origin, master: Path, who: credentials.Identity) -> bool:
    """The same by a known identity; whether the signature was read back. WriteError where one does not hold."""
    facts: dict[str, Any] = {
        "recipe": made.settings,
        "masterSHA256": made.sha256,
        "changedPixelFraction": made.changed,
    }
    if made.maker is not None:
        facts["model"] = makers.facts(made.maker)
    # Faces that a network replaced, each with its consent, and that network's card.
    facts |= {key: json.loads(made.notes[key]) for key in ("faces", "faceModel") if key in made.notes}
    words = "Restored by a trained model" if made.generated else "Copied or enlarged by arithmetic"
    source_type = COMPOSITE if made.generated else ENHANCED
    claim = credentials.Claim(name, source_type, words, "Archivist", software_version(), facts)
    kind = MIME[Path(name).suffix.lower()]
    credentials.sign(path, claim, master, who, kind)
    if path.stat().st_size > READ_BACK:
        return False
    found = credentials.read(path, (who.root,), kind)
    if found.state != "trusted":
        raise WriteError(f"The signature of “{name}” does not hold: {found.words} Check the certificate.")
    return True
