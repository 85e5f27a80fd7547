"""What a model's card says, in words: the same for the window and the command line. No Qt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.types import NO_GAIN, ModelCard

SLOW = 3.0  # seconds a megapixel from which people are told beforehand
_KINDS = {
    "shipped": "Comes with Archivist",
    "trained": "Trained with archivist train",
    "tuned": "Tuned on a collection",
    "imported": "Imported",
}
UNKNOWN = "unknown"
_TUNED = {  # of a tuned model, under "held_out_" and "before_": what it is, and its unit
    "own_10": ("PSNR of held-out pictures at alpha 10", " dB"),
    "own_1": ("PSNR of held-out pictures at alpha 1", " dB"),
    "general_10": ("PSNR of ordinary damage at alpha 10", " dB"),
    "texture_1": ("texture of held-out pictures at alpha 1, where their truth has 1", ""),
}


def facts(card: ModelCard) -> tuple[tuple[str, str], ...]:
    """What is known of a model, a name and a text each; "" is the name above once more."""
    return tuple((name, text) for name, text in _facts(card) if text)


def _facts(card: ModelCard) -> Iterator[tuple[str, str]]:
    yield "What it does", card.description
    yield "Gain", gain(card)
    yield "Kind", _kind(card)
    yield "Licence", card.licence or UNKNOWN
    yield "Training data", card.training_data or UNKNOWN
    yield "Source", card.source
    for number, sentence in enumerate(failures(card)):
        yield "" if number else "Known to fail", sentence
    yield "Figures", figures(card)
    if not card.faces:
        yield "Enlarges", _enlarging(card)
    yield "Speed", pace(card)
    yield "Memory", f"{card.memory / 1e6:.0f} MB a {'face' if card.faces else 'tile'}" if card.memory else ""
    yield "Tiles", _tiles(card)
    yield "Architecture", card.architecture
    yield "Version", card.version
    yield "Id", card.id
    yield "SHA-256", card.sha256
    yield "SHA-256, enlarging", card.tail
    yield "SHA-256, original", card.file_sha256


def gain(card: ModelCard) -> str:
    """What a model of a collection gained over the one it began from; "" of others."""
    before, after = (card.metrics.get(f"{when}_own_10") for when in ("before", "held_out"))
    if card.origin != "tuned" or before is None or after is None:
        return ""
    if after - before < NO_GAIN:
        return "none: on pictures that were held out it is no better than the model it began from"
    return f"{after - before:.1f} dB on pictures that were held out"


def failures(card: ModelCard) -> tuple[str, ...]:
    """Where it is known to fail, a sentence each."""
    return card.failures or ("Nobody has written down where it fails; look at 1:1 before relying on a detail.",)


def figures(card: ModelCard) -> str:
    """What was measured of it."""
    if not card.metrics:
        return "none; “archivist evaluate” measures it on pictures of yours"
    return "; ".join(_figures(card.metrics))


def _figures(metrics: Mapping[str, float]) -> Iterator[str]:
    """A figure each; of a tuned model with what it was before, under names a person knows."""
    told = {f"held_out_{key}": key for key in _TUNED} | {f"before_{key}": "" for key in _TUNED}
    for name, value in metrics.items():
        key = told.get(name)
        if key is None:
            yield f"{name.replace('_', ' ')}: {value:g}"
        elif key:
            words, unit = _TUNED[key]
            before = metrics.get(f"before_{key}")
            yield f"{words}: {value:.2f}{unit}" + (f" ({before:.2f}{unit} before)" if before is not None else "")


def pace(card: ModelCard) -> str:
    """How long it took where it was imported."""
    if card.faces and card.pace:
        return f"about {_rounded(card.pace * card.least**2 / 1e6)} s a face ({card.pace_on})"
    return f"about {_rounded(card.pace)} s a megapixel ({card.pace_on})" if card.pace else ""


def slowness(card: ModelCard) -> str:
    """What people are told of a slow model before they wait for it; "" of others."""
    return f"Needs about {_rounded(card.pace)} s a megapixel here." if card.pace >= SLOW and not card.faces else ""


def _kind(card: ModelCard) -> str:
    kind = _KINDS.get(card.origin, card.origin)
    if card.origin == "imported":
        kind += f" from “{card.file}” on {card.imported[:10]}"
    if card.base:
        kind += f"; it began from “{card.base.get('id', '')}”, SHA-256 {card.base.get('sha256', '')}"
    if card.faces:
        kind += "; a network for faces, used only on faces that a person marks and consents to"
    if card.restricted:
        kind += "; its architecture comes under terms that forbid some uses"
    return kind


def _enlarging(card: ModelCard) -> str:
    if card.scale == 1:
        return "not"
    base = ", with what the model it was tuned from has learned of it" if card.origin == "tuned" else ""
    return f"up to {card.scale} times{base}"


def _tiles(card: ModelCard) -> str:
    if card.faces:
        return f"none: it sees one face at a time, at {card.least} × {card.least} px"
    edges = f"; their edges fade over {2 * card.blend} px" if card.blend else ""
    return f"{card.tile} px, seeing {card.halo} px around them{edges}"


def _rounded(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}"
