"""An exported picture signed with Content Credentials, and read back: one whose signature does not hold is not kept."""

from __future__ import annotations

from pathlib import Path

from engine.errors import WriteError
from engine.export import credentials
from engine.export.metadata import MIME, Origin, software_version
from engine.export.orders import Pen
from engine.imaging.xmp import COMPOSITE, ENHANCED


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


def sign_as(path: Path, name: str, made: Origin, master: Path, who: credentials.Identity) -> None:
    """The same by a known identity."""
    facts = {"recipe": made.recipe.to_json(), "masterSHA256": made.sha256, "changedPixelFraction": made.changed}
    words = "Restored by a trained model" if made.generated else "Copied or enlarged by arithmetic"
    source_type = COMPOSITE if made.generated else ENHANCED
    claim = credentials.Claim(name, source_type, words, "Archivist", software_version(), facts)
    kind = MIME[Path(name).suffix.lower()]
    credentials.sign(path, claim, master, who, kind)
    found = credentials.read(path, (who.root,), kind)
    if found.state != "trusted":
        raise WriteError(f"The signature of “{name}” does not hold: {found.words} Check the certificate.")
