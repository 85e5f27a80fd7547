"""From a run to what is shipped: a weight file with its card inside, and style cards.

python -m engine.training.publish weights RUN --out resources/models/archivist-1.safetensors --card card.json
python -m engine.training.publish upscaler CHECKPOINT --model resources/models/archivist-1.safetensors --card card.json
python -m engine.training.publish crisp CHECKPOINT --tail resources/models/archivist-1-upscale.safetensors --card CARD
python -m engine.training.publish longer CHECKPOINT --tail resources/models/archivist-1-upscale.safetensors --card CARD
python -m engine.training.publish carry TAIL --model resources/models/archivist-1.safetensors --card CARD
python -m engine.training.publish styles WEIGHTS --photos DIR --paintings DIR --out resources/styles/styles.json
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.models.catalog import header, read_card
from engine.models.generator import MULTIPLE_OF
from engine.models.weights import (
    carry_upscaler,
    load_restorer,
    save_crisp_upscaler,
    save_critic,
    save_longer_taught,
    save_restorer,
    save_upscaler,
)
from engine.projects.atomic import replacing
from engine.styles import processes
from engine.styles.encode import encode
from engine.styles.library import write_cards
from engine.training.dataset import PhotoSet
from engine.training.run import Run, checkpoint_facts
from engine.types import StyleCard

_Command = argparse.ArgumentParser
HALO = 112
_SURFACES = (  # a word in a title or file name; the texture and amount that such a work's card gets; the first counts
    ("pointillism", "dabs", 0.12),
    ("aquatint", "film", 0.03),
    ("photogravure", "film", 0.03),
    ("chromolith", "starch", 0.035),
    ("lithograph", "film", 0.02),
    ("wood engraving", "hatch", 0.7),
    ("etching", "hatch", 0.6),
    ("hand-coloured engraving", "hatch", 0.35),
    ("illustration", "hatch", 0.6),
    ("chromogenic", "film", 0.012),
    ("van gogh", "brush", 0.13),
    ("munch", "brush", 0.12),
    ("kirchner", "brush", 0.08),
    ("monet, water", "brush", 0.08),
    ("delaunay", "dabs", 0.08),
)
_SURFACE_OF = {"painting": ("canvas", 0.035)}  # of a group, where no word tells of another
_PRINTS = ("engraving", "etching", "aquatint", "lithograph", "woodcut", "woodblock", "chromolith", "print", "wave")


def publish(run: Run, out: Path, card: Mapping[str, Any]) -> Path:
    """Writes the averaged weights of a finished run as a model of its own. Raises WriteError."""
    with replacing(out) as temporary:
        save_restorer(temporary, run.average, {**_facts(run.scales), "steps": run.counters["total"], **card})
    return out


def publish_checkpoint(
    checkpoint: Path, out: Path, card: Mapping[str, Any], start: Path | None = None, share: float = 1.0
) -> None:
    """The same from a checkpoint's file; or what lies `share` of the way to it from the weights it began from, `start`
    (network interpolation: Wang et al., ESRGAN, 2018; of what was tuned with what it was tuned from: Wortsman et al.,
    "Robust fine-tuning of zero-shot models", CVPR 2022). ValueError where it lacks a layer of them."""
    average = _averages(checkpoint)
    if start is not None:
        begun = load_file(start)
        if lacking := [k for k in average if k.startswith(("backbone.", "head.")) and k not in begun]:
            raise ValueError(f"{start.name} lacks {lacking[0]}; name the weights that this run began from.")
        average |= {k: torch.lerp(v.float(), average[k], share) for k, v in begun.items() if k in average}
    save_restorer(out, average, {**_facts(checkpoint_facts(checkpoint)["scales"]), **card})


def _averages(checkpoint: Path) -> dict[str, Tensor]:
    """The averaged weights in a checkpoint's file, under the names of the networks' own."""
    return {k.removeprefix("average."): v for k, v in load_file(checkpoint).items() if k.startswith("average.")}


def publish_upscaler(checkpoint: Path, model: Path, card: Mapping[str, Any]) -> Path:
    """The upscaling tail of a checkpoint, beside the model on whose backbone and head it was taught.

    ValueError where it was taught on others.
    """
    out = model.with_name(f"{model.stem}-upscale{model.suffix}")
    save_upscaler(out, _averages(checkpoint), model, card)
    return out


def publish_longer_taught(checkpoint: Path, tail: Path, card: Mapping[str, Any], beyond: float = 0.0) -> None:
    """The tail of a checkpoint takes the place of the one in a tail's file that it went on from; the second set of
    weights there stays, `beyond` further from the former tail.

    ValueError where it was taught on other weights.
    """
    save_longer_taught(tail, _averages(checkpoint), card, beyond)


def publish_crisp(checkpoint: Path, tail: Path, card: Mapping[str, Any], share: float = 1.0) -> None:
    """Puts the tail of a checkpoint, trained against a critic, beside the one in a tail's file, for a low alpha; or
    what lies `share` of the way there.

    ValueError where it was taught on another backbone and head.
    """
    save_crisp_upscaler(tail, _averages(checkpoint), card, share)


def publish_card(model: Path, card: Mapping[str, Any]) -> None:
    """Puts another card into a weight file; what the old one tells beyond it stays, and so do the tensors."""
    state = load_file(model)
    save_restorer(model, state, {**header(model), **card})


def publish_critic(checkpoint: Path, model: Path) -> Path:
    """The discriminator of a checkpoint, beside the model that was trained against it; `--start` of a training reads
    both."""
    tensors = load_file(checkpoint)
    average = {k.removeprefix("average."): v for k, v in tensors.items() if k.startswith("average.critic.")}
    out = model.with_name(f"{model.stem}-critic{model.suffix}")
    own = read_card(model)
    about = (
        f"The discriminator that {own.title} was trained against. Restores nothing; further training starts from it."
    )
    save_critic(out, average, {"id": f"{own.id}-critic", "licence": own.licence, "description": about})
    return out


def _facts(scales: Mapping[str, float]) -> dict[str, Any]:
    """What the card tells of any of our generators; "scales" where the run has got as far as to measure them, which
    `weights.load_objective` needs."""
    facts: dict[str, Any] = {"scale": 1, "multiple_of": MULTIPLE_OF, "halo": HALO, "tile": 512}
    return facts | {"scales": {n: scales[n] for n in ("content", "style")}} if scales.get("measured") else facts


def style_cards(weights: Path, photos: Path, paintings: Path | None) -> list[StyleCard]:
    """A card a simulated process (its mean code over many photographs), and a card a painting or print."""
    encoder = load_restorer(weights, torch.device("cpu"), torch.float32).encoder
    pictures = PhotoSet(photos, pages=0).thumbnails(48, 256, 7)
    cards = []
    for process in processes.PROCESSES:
        prints = processes.as_print(process, pictures)
        with torch.inference_mode():
            code = tuple(encoder(prints).mean(0).tolist())
        card = StyleCard(process.id, process.title, "process", code, process.date)
        cards.append(
            replace(
                card,
                source="simulated from photographs of today",
                licence="MIT",
                grain=process.grain,
                texture=process.texture,
            )
        )
    for row in _sources(paintings) if paintings else ():
        assert paintings is not None
        picture = PhotoSet.decode(paintings / row["file"], 768).float()[None] / 255
        cards.append(_painting(row, encode(encoder, picture)))
    return cards


def _sources(folder: Path) -> list[dict[str, str]]:
    with (folder / "SOURCES.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if (folder / row["file"]).exists()]


def _painting(row: Mapping[str, str], code: tuple[float, ...]) -> StyleCard:
    stem = Path(row["file"]).stem
    title = row["title"] or stem.replace("_", " ")
    title = re.sub(r"\s*\((d|died|b)\.?[^)]*\)", "", title)
    year = re.search(r"\b1[4-9]\d\d\b", title)
    printed = any(word in f"{stem} {title}".lower() for word in _PRINTS)
    group = "process" if stem.startswith("process_") else "print" if printed else "painting"
    texture, amount = _surface(f"{stem} {title}".lower(), group)
    return StyleCard(
        stem.replace("_", "-"), title, group, code, year.group() if year else "", f"{row['repo']}: {row['path']}",
        row["licence"], amount, texture,
    )  # fmt: skip


def _surface(words: str, group: str) -> tuple[str, float]:
    for word, texture, amount in _SURFACES:
        if word in words:
            return texture, amount
    return _SURFACE_OF.get(group, ("", 0.0))


def _parser() -> argparse.ArgumentParser:
    """The commands; each tells what it does as `do`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, first: str, words: str, do: Callable[[argparse.Namespace], object]) -> _Command:
        made: _Command = commands.add_parser(name, help=words)
        made.add_argument(first, type=Path)
        made.set_defaults(do=do)
        return made

    _add_models(command)
    _add_tails(command)
    styles = command(
        "styles", "weights", "pictures become style cards",
        lambda a: write_cards(a.out, style_cards(a.weights, a.photos, a.paintings)),
    )  # fmt: skip
    styles.add_argument("--photos", type=Path, required=True)
    styles.add_argument("--paintings", type=Path)
    styles.add_argument("--out", type=Path, required=True)
    return parser


def _add_models(command: Callable[..., _Command]) -> None:
    weights = command(
        "weights", "checkpoint", "a checkpoint becomes a weight file",
        lambda a: publish_checkpoint(a.checkpoint, a.out, a.card, a.start, a.share),
    )  # fmt: skip
    weights.add_argument("--out", type=Path, required=True)
    weights.add_argument("--start", type=Path, help="the weights it began from, for a part of the way")
    weights.add_argument("--share", type=float, default=1.0, help="of the way from these to the checkpoint")
    facts = command("card", "model", "a weight file gets another card", lambda a: publish_card(a.model, a.card))
    critic = command(
        "critic", "checkpoint", "the discriminator in a checkpoint becomes a file beside its model",
        lambda a: publish_critic(a.checkpoint, a.model),
    )  # fmt: skip
    critic.add_argument("--model", type=Path, required=True, help="the weight file that was trained against it")
    for one in (weights, facts):
        one.add_argument("--card", type=_card, required=True, help="JSON with the facts of the card")


def _add_tails(command: Callable[..., _Command]) -> None:
    upscaler = command(
        "upscaler", "checkpoint", "the tail in a checkpoint becomes a file beside its model",
        lambda a: publish_upscaler(a.checkpoint, a.model, a.card),
    )  # fmt: skip
    upscaler.add_argument("--model", type=Path, required=True, help="the weight file it was taught on")
    crisp = command(
        "crisp", "checkpoint", "a tail gets the one in a checkpoint beside it, for a low alpha",
        lambda a: publish_crisp(a.checkpoint, a.tail, a.card, a.share),
    )  # fmt: skip
    crisp.add_argument("--share", type=float, default=1.0, help="of the way from the file's own tail to this one")
    longer = command(
        "longer", "checkpoint", "a tail that learned on takes its place; the crisp one beside it stays",
        lambda a: publish_longer_taught(a.checkpoint, a.tail, a.card, a.beyond),
    )  # fmt: skip
    longer.add_argument("--beyond", type=float, default=0.0, help="how much further the crisp one moves from it")
    carry = command(
        "carry", "tail", "a tail goes on to serve a model that took its model's place",
        lambda a: carry_upscaler(a.tail, a.model, a.card),
    )  # fmt: skip
    carry.add_argument("--model", type=Path, required=True, help="the weight file that it is to serve")
    for one in (crisp, longer):
        one.add_argument("--tail", type=Path, required=True, help="the file of the tail it went on from")
    for one in (upscaler, crisp, longer, carry):
        one.add_argument("--card", type=_card, required=True, help="JSON with what the card tells, or tells more")


def _card(path: str) -> dict[str, Any]:
    """The facts of a card from its JSON file."""
    facts: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return facts


def main() -> None:
    """The command: see `--help`."""
    arguments = _parser().parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
