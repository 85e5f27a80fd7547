"""What an exported file tells of itself, read back with care: it may be anybody's."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from engine.errors import EngineError, RecipeError
from engine.export.makers import Maker, maker_from, maker_of
from engine.imaging.reader import read_metadata
from engine.imaging.xmp import ENHANCED, own_properties
from engine.types import Recipe, StyleCard

_LARGEST = 1 << 20  # characters of one property
_HASH = re.compile(r"[0-9a-f]{64}")
_CODE = 64  # numbers of a style


@dataclass(frozen=True, slots=True)
class Told:
    """The provenance in a file. `changed` is None where it does not tell; `engine` is what it was made on.

    `maker` is the model that made it, None where none did. `ignored` are settings that this model does not have: the
    file does not tell them, and in the recipe they are as usual.
    """

    recipe: Recipe
    master_name: str
    master_sha256: str
    page: int = 0
    style: StyleCard | None = None
    changed: float | None = None
    optimised: bool = False
    faces: int = 0  # how many a network for faces replaced
    face_maker: Maker | None = None  # that network
    engine: dict[str, Any] | None = None
    maker: Maker | None = None
    ignored: frozenset[str] = frozenset()


def read(path: Path) -> Told | None:
    """What the file tells; None where it holds no recipe of ours. ImageError where it is no picture, RecipeError where
    what it tells cannot be true."""
    properties = own_properties(read_metadata(path).xmp)
    if "recipe" not in properties:
        return None
    try:
        if any(len(value) > _LARGEST for value in properties.values()):
            raise ValueError("a property is too long")
        return _told(properties)
    except EngineError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RecipeError(f"The recipe in “{path.name}” cannot be read; it was damaged or made by hand.") from error


def _told(properties: dict[str, str]) -> Told:
    sha256 = properties["masterSHA256"]
    if not _HASH.fullmatch(sha256):
        raise ValueError("no SHA-256")
    engine = json.loads(properties.get("engine", "null"))
    changed = properties.get("changedPixelFraction")
    settings = json.loads(properties["recipe"])
    recipe = _recipe(settings)
    by_arithmetic = properties.get("digitalSourceType") == ENHANCED
    return Told(
        recipe=recipe,
        master_name=Path(properties.get("masterName", "").replace("\\", "/")).name,
        master_sha256=sha256,
        page=int(properties.get("masterPage", "0")),
        style=_style(json.loads(properties["style"])) if "style" in properties else None,
        changed=None if changed is None else float(changed),
        optimised="optimised" in properties,
        faces=_count(json.loads(properties.get("faces", "[]"))),
        face_maker=maker_from(json.loads(properties.get("faceModel", "null"))),
        engine=engine if isinstance(engine, dict) else None,
        maker=None if by_arithmetic else maker_of(recipe.model, recipe.weights, properties),
        ignored=frozenset({"alpha", "beta", "style"} - settings.keys()),
    )


def _count(data: Any) -> int:
    if not isinstance(data, list):
        raise TypeError("no list")
    return len(data)


def _recipe(data: Any) -> Recipe:
    usual = Recipe().to_json()
    if not isinstance(data, dict):
        raise TypeError("no recipe")
    for name, value in data.items():
        allowed = (str, type(None)) if name in ("style", "mask") else _kind_of(usual.get(name))
        if name in usual and not isinstance(value, allowed):
            raise TypeError(name)
    return Recipe.from_json(data)


def _kind_of(value: Any) -> tuple[type, ...]:
    return (int, float) if isinstance(value, float) else (type(value),)


def _style(data: Any) -> StyleCard:
    names = {field.name for field in fields(StyleCard)}
    known = {name: value for name, value in data.items() if name in names}
    code = tuple(float(number) for number in known["code"])
    if len(code) != _CODE:
        raise ValueError("no style")
    return StyleCard(**(known | {"code": code}))
