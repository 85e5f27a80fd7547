"""Style and model cards as tables, facts and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from archivist_app import cli_report
from engine.errors import RecipeError
from engine.types import ModelCard, StyleCard


def list_styles(cards: Sequence[StyleCard], as_json: bool) -> None:
    """One line a style."""
    if as_json:
        cli_report.emit({"styles": [_without_code(asdict(card)) for card in cards]})
    else:
        rows = [(card.id, card.title, card.group, card.date) for card in cards]
        cli_report.table(("id", "title", "group", "date"), rows)


def list_models(cards: Sequence[ModelCard], as_json: bool) -> None:
    """One line a network."""
    if as_json:
        cli_report.emit({"models": [asdict(card) for card in cards]})
    else:
        rows = [(card.id, card.title, str(card.scale), card.licence) for card in cards]
        cli_report.table(("id", "title", "scale", "licence"), rows)


def show(cards: Sequence[StyleCard] | Sequence[ModelCard], wanted: str, kind: str, as_json: bool) -> None:
    """Everything on the card `wanted`; `kind` is "style" or "model". Raises RecipeError where there is none."""
    card = next((card for card in cards if card.id == wanted), None)
    if card is None:
        raise RecipeError(f"There is no {kind} “{wanted}”; `archivist {kind}s` lists those there are.")
    facts = asdict(card)
    if as_json:
        cli_report.emit(facts)
        return
    for key, value in _without_code(facts).items():
        text = _words(value)
        if text:
            cli_report.say(f"{key}: {text}")


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {figure:g}" for name, figure in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


def _without_code(facts: dict[str, Any]) -> dict[str, Any]:
    """A style's 64 numbers mean nothing to a reader."""
    return {key: value for key, value in facts.items() if key != "code"}
