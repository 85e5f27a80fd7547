"""The report of a job: what was done to each image, for a person as HTML in one file, for a table as CSV."""

from __future__ import annotations

import base64
import csv
import getpass
import html
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from engine.export.metadata import software
from engine.projects.atomic import replacing
from engine.types import ExportBatch, ExportOutcome, export_preset, recipe_in_words

Pictures = Callable[[int, str], bytes]
"""A small JPEG by an image's place in the job and "before" or "after"; empty where there is none."""

COLUMNS = (
    "number", "state", "source", "output", "reason", "width", "height", "changed_percent", "damaged_percent", "seconds",
    "master_sha256", "model", "weights_sha256", "style", "alpha", "beta", "strength", "scope", "keep_tone", "grain",
    "scale", "mask_sha256", "seed", "device", "thorough",
)  # fmt: skip
_RULES = {"version": "a new version", "overwrite": "replaced", "skip": "left alone"}
_WORDS = {"written": "written", "unchanged": "unchanged", "skipped": "left alone", "failed": "failed"}


def write_report(
    batch: ExportBatch, outcomes: Sequence[ExportOutcome], picture: Pictures, now: datetime
) -> tuple[str, str]:
    """Writes both into the job's folder, where a report is wanted; their paths, or "" twice. WriteError."""
    if not batch.report:
        return "", ""
    folder = Path(batch.folder)
    with suppress(OSError):  # writing into it says what is wrong
        folder.mkdir(parents=True, exist_ok=True)
    page, table = _free(folder, f"export-report_{now:%Y-%m-%d_%H%M%S}")
    with replacing(page) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(_page(batch, outcomes, picture, now, folder))
    with replacing(table) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_MINIMAL)
        writer.writerow(COLUMNS)
        writer.writerows(_row(number, one, batch) for number, one in enumerate(outcomes))
    return str(page), str(table)


def _free(folder: Path, stem: str) -> tuple[Path, Path]:
    number, name = 1, stem
    while (folder / f"{name}.html").exists() or (folder / f"{name}.csv").exists():
        number += 1
        name = f"{stem}_{number}"
    return folder / f"{name}.html", folder / f"{name}.csv"


def _row(number: int, outcome: ExportOutcome, batch: ExportBatch) -> list[str]:
    item = batch.items[number] if number < len(batch.items) else None
    done = outcome.restored
    recipe = done.recipe if done else item.recipe if item else None
    ignored = done.ignored if done else ()
    row: list[object] = [number + 1, outcome.state, outcome.source, outcome.output, outcome.sentence]
    row += [done.width, done.height, f"{100 * done.changed:.4f}", f"{100 * done.damage:.4f}"] if done else [""] * 4
    row += [f"{done.seconds:.2f}" if done else "", item.source.sha256 if item else ""]
    if recipe is not None:
        style, alpha, beta = ("" if name in ignored else getattr(recipe, name) for name in ("style", "alpha", "beta"))
        row += [recipe.model, recipe.weights, style or "", alpha, beta, recipe.strength]
        row += [recipe.scope, recipe.keep_tone, recipe.grain, recipe.scale, recipe.mask or "", recipe.seed]
    else:
        row += [""] * 12
    row += [done.device if done else "", recipe.thorough if recipe is not None else ""]
    return [_cell(value) for value in row]


def _cell(value: object) -> str:
    """A text that no spreadsheet takes for a formula, whatever a file is called."""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t") else text


def _page(
    batch: ExportBatch, outcomes: Sequence[ExportOutcome], picture: Pictures, now: datetime, folder: Path
) -> Iterator[str]:
    preset = export_preset(batch.settings.preset)
    counts = {state: sum(one.state == state for one in outcomes) for state in _WORDS}
    title = f"Export report, {now:%Y-%m-%d %H:%M}"
    yield _HEAD.replace("{title}", html.escape(title))
    yield f"<header><h1>{html.escape(title)}</h1><p>{html.escape(preset.title)}: {html.escape(preset.explanation)}</p>"
    said = [f"{count} {_WORDS[state]}" for state, count in counts.items() if count]
    missing = len(batch.items) - len(outcomes)
    if missing:
        said.append(f"{missing} not reached: the export was stopped")
    yield f'<p class="counts">{html.escape(" · ".join(said) or "nothing was done")}</p></header>'
    yield _facts(batch)
    failures = [(number, one) for number, one in enumerate(outcomes) if one.state == "failed"]
    if failures:
        yield f"<section class='failures'><h2>What failed ({len(failures)})</h2><ul>"
        for _, one in failures:
            yield f"<li><b>{html.escape(Path(one.source).name)}</b> {html.escape(one.sentence)}</li>"
        yield "</ul></section>"
    yield "<section><h2>Images</h2>"
    for number, one in enumerate(outcomes):
        yield _card(number, one, batch, picture, folder)
    yield (
        "</section><footer>Restored images are derivatives: parts of them were generated by a trained model and are "
        "not evidence of the originals. The small pictures here are previews.</footer></main></body></html>\n"
    )


def _facts(batch: ExportBatch) -> str:
    settings, preset = batch.settings, export_preset(batch.settings.preset)
    rows = [
        ("Project", batch.project.name if batch.project else "none"),
        ("Folder", batch.folder),
        ("Names", settings.template),
        ("Where a name exists", _RULES[settings.conflict]),
        ("Exported by", _user()),
        ("Program", software()),
    ]
    shown = {
        "depth": ("Depth", "as the master" if settings.depth == "source" else f"{settings.depth} bit"),
        "profile": ("Profile", "the master’s" if settings.profile == "source" else "sRGB"),
        "compression": ("Compression", settings.compression),
        "quality": ("JPEG quality", str(settings.quality)),
        "longest": ("Longer side", f"at most {settings.longest} px" if settings.longest else "as it is"),
        "label": ("Label below the picture", "yes" if settings.label else "no"),
        "dpi": ("Resolution", f"{settings.dpi:g} dpi" if settings.dpi else "the master’s"),
        "tile": ("Tiles", f"{settings.tile} px"),
        "address": ("Address", settings.address),
        "sign": ("Signature", "Content Credentials (C2PA)" if settings.sign else "none"),
    }
    rows += [shown[name] for name in preset.options]
    cells = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows)
    return f"<section><h2>Settings</h2><dl>{cells}</dl></section>"


def _card(number: int, outcome: ExportOutcome, batch: ExportBatch, picture: Pictures, folder: Path) -> str:
    item = batch.items[number] if number < len(batch.items) else None
    recipe = outcome.restored.recipe if outcome.restored else item.recipe if item else None
    lines = []
    if outcome.output:
        lines.append(f"Saved as {_link(Path(outcome.output), folder)}")
    if outcome.sentence:
        lines.append(html.escape(outcome.sentence))
    if recipe is not None and outcome.state != "failed":
        ignored = outcome.restored.ignored if outcome.restored else ()
        lines.append(html.escape(". ".join(recipe_in_words(recipe, ignored=ignored)) + "."))
    if outcome.restored is not None:
        done = outcome.restored
        lines.append(
            f"{done.width} × {done.height} pixels; {100 * done.changed:.1f} % of them changed, "
            f"{100 * done.damage:.1f} % found damaged; {done.seconds:.1f} s on {html.escape(done.device or 'unknown')}"
        )
    if item is not None and item.source.sha256:
        lines.append(f"Master SHA-256 <code>{html.escape(item.source.sha256)}</code>")
    pictures = "".join(
        f'<figure><img alt="{which}" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
        f"<figcaption>{which.capitalize()}</figcaption></figure>"
        for which in ("before", "after")
        if (data := picture(number, which))
    )
    text = "".join(f"<p>{line}</p>" for line in lines)
    name, word = html.escape(Path(outcome.source).name), _WORDS[outcome.state]
    return (
        f'<article class="{outcome.state}"><div class="pictures">{pictures}</div>'
        f"<div><h3>{number + 1}. {name} <span>{word}</span></h3>{text}</div></article>"
    )


def _link(output: Path, folder: Path) -> str:
    try:
        place = Path(os.path.relpath(output, folder)).as_posix()
    except ValueError:  # another drive
        return html.escape(str(output))
    return f'<a href="{html.escape(quote(place))}">{html.escape(place)}</a>'


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title><style>
:root { color-scheme: light; --line: #d8d8d8; --muted: #5c5c5c; --fault: #9c2a1a; }
* { box-sizing: border-box; }
body { margin: 0; background: #f2f2f2; color: #1c1c1c; font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 28px; font-weight: 300; margin: 0 0 8px; }
h2 { font-size: 16px; font-weight: 600; margin: 32px 0 12px; }
h3 { font-size: 15px; font-weight: 600; margin: 0 0 6px; overflow-wrap: anywhere; }
h3 span { font-weight: 400; color: var(--muted); margin-left: 8px; }
p { margin: 0 0 4px; overflow-wrap: anywhere; }
header p, footer, article p { color: var(--muted); }
header .counts { color: inherit; font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 24px; margin: 0; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
article { display: flex; gap: 24px; background: #fff; border: 1px solid var(--line); border-radius: 4px; padding: 16px;
  margin-bottom: 12px; }
article > div:last-child { min-width: 0; flex: 1; }
.pictures { display: flex; gap: 8px; flex: none; }
.pictures:empty { display: none; }
figure { margin: 0; width: 168px; }
figure img { width: 100%; height: 168px; object-fit: contain; background: #808080; display: block; }
figcaption { font-size: 12px; color: var(--muted); margin-top: 4px; }
.failed { border-left: 4px solid var(--fault); } .failed h3 span, .failures b { color: var(--fault); }
code { font-size: 12px; } footer { margin-top: 32px; font-size: 13px; }
@media (max-width: 720px) { article { flex-direction: column; } }
@media print { body { background: #fff; } article { break-inside: avoid; } }
</style></head><body><main>
"""
