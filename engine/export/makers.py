"""The model that made a result, as the result's provenance tells of it: what its card says, short enough for a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.types import ModelCard

UNKNOWN = "unknown"
NO_FIGURES = "none measured"
NO_FAILURES = "none written down"
_LONGEST = 500  # characters of one text: a card may be anybody’s, and a JPEG has room for 64 KB in all
_LONGEST_LIST = 3_000  # characters of a list as one text
_MOST = 50  # entries of a list


@dataclass(frozen=True, slots=True)
class Maker:
    """What a file tells of the model that made it; "" is what it does not tell."""

    id: str
    sha256: str
    title: str = ""
    version: str = ""
    licence: str = ""
    base: str = ""
    base_sha256: str = ""

    def sentence(self, what: str = "Made") -> str:
        """What it is; `what` was made by it."""
        named = f"“{self.title}” ({self.id})" if self.title else f"“{self.id}”"
        told = [f"version {self.version}"] if self.version else []
        told.append(f"licence: {self.licence}" if self.licence else "its licence is not told")
        told.append(f"SHA-256 of its weights: {self.sha256 or UNKNOWN}")
        if self.base:
            told.append(f"tuned from “{self.base}”, SHA-256: {self.base_sha256 or UNKNOWN}")
        return f"{what} by the model {named}; {'; '.join(told)}."


def facts(card: ModelCard) -> dict[str, Any]:
    """What a card says, for JSON. What nobody knows is said to be unknown."""
    told: dict[str, Any] = {
        "id": _short(card.id),
        "title": _short(card.title),
        "version": _short(card.version) or UNKNOWN,
        "sha256": card.sha256,
        "origin": card.origin,
        "licence": _short(card.licence) or UNKNOWN,
        "trainingData": _short(card.training_data) or UNKNOWN,
        "figures": dict(_figures(card.metrics)),
        "knownFailures": [_short(sentence) for sentence in card.failures[:_MOST]],
    }
    if base := _base(card):
        told["base"] = {"id": base[0], "sha256": base[1]}
    return told


def properties(card: ModelCard) -> dict[str, str]:
    """The same as texts, for XMP; the id and the hash of the weights are properties of every result already."""
    told = facts(card)
    texts = {
        "modelTitle": told["title"],
        "modelVersion": told["version"],
        "modelOrigin": told["origin"],
        "modelLicence": told["licence"],
        "modelTrainingData": told["trainingData"],
        "modelFigures": _figures_in_words(told),
        "modelFailures": _failures_in_words(told),
    }
    if "base" in told:
        texts |= {"modelBase": told["base"]["id"], "modelBaseSHA256": told["base"]["sha256"]}
    return texts


def notes(card: ModelCard) -> tuple[str, ...]:
    """The same in words, a line each, for a reader."""
    told = facts(card)
    lines = [
        f"Model: {told['title']} ({told['id']}), {told['origin']}",
        f"Version: {told['version']}",
        f"SHA-256 of its weights: {told['sha256']}",
        f"Licence: {told['licence']}",
        f"Training data: {told['trainingData']}",
    ]
    if "base" in told:
        lines.append(f"Tuned from: {told['base']['id']}, SHA-256 of its weights: {told['base']['sha256']}")
    return (*lines, f"Figures: {_figures_in_words(told)}", f"Known failures: {_failures_in_words(told)}")


def maker_of(model: str, weights: str, told: Mapping[str, str]) -> Maker:
    """The way back from XMP's properties, which may be anybody's, or of a version that told less."""

    def text(name: str) -> str:
        value = _short(told.get(name, ""))
        return "" if value == UNKNOWN and name == "modelVersion" else value

    return Maker(
        id=_short(model),
        sha256=_short(weights),
        title=text("modelTitle"),
        version=text("modelVersion"),
        licence=text("modelLicence"),
        base=text("modelBase"),
        base_sha256=text("modelBaseSHA256"),
    )


def maker_from(told: Any) -> Maker | None:
    """The way back from `facts`; None where these are none."""
    if not isinstance(told, Mapping) or not told.get("id"):
        return None
    base = told.get("base")
    texts = {name: _short(str(told.get(name, ""))) for name in ("id", "sha256", "title", "version", "licence")}
    if texts["version"] == UNKNOWN:
        texts["version"] = ""
    if isinstance(base, Mapping):
        texts |= {"base": _short(str(base.get("id", ""))), "base_sha256": _short(str(base.get("sha256", "")))}
    return Maker(**texts)


def _base(card: ModelCard) -> tuple[str, str] | None:
    """Id and hash of the model it was tuned from."""
    if not isinstance(card.base, Mapping) or not card.base.get("id"):
        return None
    return _short(str(card.base["id"])), _short(str(card.base.get("sha256", ""))) or UNKNOWN


def _figures(metrics: Mapping[str, Any]) -> list[tuple[str, float | str]]:
    """JSON knows neither infinity nor what is no number; a card from a file may hold either."""
    found: list[tuple[str, float | str]] = []
    for name, value in list(metrics.items())[:_MOST]:
        number = isinstance(value, int | float) and math.isfinite(value)
        found.append((_short(str(name)), value if number else _short(str(value))))
    return found


def _figures_in_words(told: Mapping[str, Any]) -> str:
    figures = [
        f"{name} {value:g}" if not isinstance(value, str) else f"{name} {value}"
        for name, value in told["figures"].items()
    ]
    return _short("; ".join(figures), _LONGEST_LIST) or NO_FIGURES


def _failures_in_words(told: Mapping[str, Any]) -> str:
    return _short(" ".join(told["knownFailures"]), _LONGEST_LIST) or NO_FAILURES


def _short(text: str, longest: int = _LONGEST) -> str:
    """One line, cut where it is too long."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
