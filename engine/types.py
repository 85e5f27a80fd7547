"""Frozen values that cross threads and the wall between engine and window.

Standard library only: importing this module must stay free of torch, numpy and Qt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import RecipeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Scope = Literal["whole", "damage"]
Quality = Literal["draft", "refine"]
MapKind = Literal["fidelity", "uncertainty"]

ALPHA_RANGE = (0.1, 10.0)
BETA_RANGE = (0.01, 10.0)  # or exactly 0, which switches the style off
SCALES = (1, 2, 4)
SHIPPED_MODEL = "archivist-1"


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in the pixels of the master, top-left origin."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def intersect(self, other: Region) -> Region:
        """The common part; width and height are 0 where there is none."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Region(left, top, max(0, right - left), max(0, bottom - top))


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One page of one master: where it is, and which bytes it was when it was added.

    `path` is relative to the project (POSIX, NFC) inside a project, absolute elsewhere.
    `size` is the file's length in bytes.
    """

    path: str
    sha256: str
    size: int
    page: int = 0


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a reader learns about an image before its pixels are needed (orientation already applied)."""

    path: str
    width: int
    height: int
    channels: int  # 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha
    bits: int  # 8 or 16 a sample
    format: str  # "JPEG", "PNG", "TIFF", ...
    pages: int = 1
    profile: str = ""  # description of the embedded ICC profile, "" where there is none
    dpi: tuple[float, float] | None = None

    @property
    def bounds(self) -> Region:
        return Region(0, 0, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that determines the output for a given master. SEMANTICS: `docs/semantics.md`."""

    model: str = SHIPPED_MODEL
    weights: str = ""  # sha256 of the weight file; "" until an engine has resolved it
    style: str | None = None  # id of a style card
    alpha: float = 1.0
    beta: float = 0.0
    strength: float = 1.0
    scope: Scope = "whole"
    mask: str | None = None  # sha256 of an edited damage mask; None: the detected one
    keep_tone: bool = True
    grain: float = 0.0
    scale: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        _within("alpha", self.alpha, *ALPHA_RANGE)
        if self.beta != 0.0:
            _within("beta", self.beta, *BETA_RANGE)
        _within("strength", self.strength, 0.0, 1.0)
        _within("grain", self.grain, 0.0, 1.0)
        if self.scope not in ("whole", "damage"):
            raise RecipeError(f"Scope is either “whole” or “damage”, not “{self.scope}”.")
        if self.scale not in SCALES:
            raise RecipeError(f"The enlargement is 1, 2 or 4, not {self.scale}.")
        if self.scale != 1 and self.scope == "damage":
            raise RecipeError("Repairing damage only leaves the size as it is; choose the whole picture or size 1.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recipe:
        """Keys this version does not know are left to the caller to keep."""
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in data.items() if k in known})


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise RecipeError(f"{name.capitalize()} must lie between {low:g} and {high:g}, not {value:g}.")


PROTECTED = 1  # the grey value of a damage mask where nothing is ever repaired; 0 is not repaired, 255 is
CONSERVATOR = Recipe(alpha=10.0, beta=0.0, scope="damage", grain=1.0)
MODERN = Recipe(keep_tone=False)


@dataclass(frozen=True, slots=True)
class View:
    """What part of the image is asked for, and at how many screen pixels a master pixel."""

    region: Region
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """One question to the engine. `generation` grows with every change, so a stale answer is known as such."""

    image: ImageRef
    recipe: Recipe
    view: View
    quality: Quality = "draft"
    generation: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The answer: `pixels` uint8 (H, W, 4) in BGRX order, covering `region` of the master.

    `before` holds the untouched pixels of the same region in the same layout. `exact` is true when the
    pixels are those an export would write (1:1, refined), false for a preview.
    """

    request: RenderRequest
    pixels: NDArray[np.uint8]
    before: NDArray[np.uint8]
    region: Region
    exact: bool = False


@dataclass(frozen=True, slots=True)
class MapScale:
    """One quantity that a map shows, in levels of 255, and its colour: (R, G, B), reached at `full` levels."""

    name: str
    meaning: str
    colour: tuple[int, int, int]
    full: float


MAP_SCALES: Mapping[MapKind, tuple[MapScale, ...]] = {
    "fidelity": (
        MapScale("Changed", "how far the result is from the scan", (58, 141, 255), 16.0),
        MapScale("Invented", "detail that the most faithful setting does not have", (255, 138, 20), 8.0),
    ),
    "uncertainty": (
        MapScale("Disagreement", "standard deviation over flips and half-pixel shifts", (255, 214, 64), 8.0),
    ),
}


@dataclass(frozen=True, slots=True)
class MapRequest:
    """Asks what a map shows of a view; at less than 1:1 it is measured on the preview of that size.

    A map is measured at the master's own size, whatever the recipe's.
    """

    kind: MapKind
    image: ImageRef
    recipe: Recipe
    view: View


@dataclass(frozen=True, slots=True, eq=False)
class MapFrame:
    """The answer over `region` of the master: `pixels` uint8 (H, W, 4) in BGRX order, ready to be shown, and
    `values` float16 (H, W, N) in levels of 255, one for each of the kind's `MAP_SCALES`."""

    request: MapRequest
    pixels: NDArray[np.uint8]
    values: NDArray[np.float16]
    region: Region


@dataclass(frozen=True, slots=True)
class Sample:
    """One pixel in the master's own values, a number a channel: as scanned, and as an export writes it.

    `after` is None until the place has been rendered at its full size, and where the recipe enlarges.
    """

    image: ImageRef
    recipe: Recipe
    x: int
    y: int
    before: tuple[int, ...]
    after: tuple[int, ...] | None
    bits: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: `done` of `total` steps, and what it is doing."""

    done: int
    total: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Facts about a network, as data: code asks the card, never the model's name."""

    id: str
    title: str
    sha256: str = ""
    scale: int = 1  # how many times it can enlarge
    tail: str = ""  # sha256 of the file it enlarges with
    multiple_of: int = 8
    halo: int = 64  # pixels around a tile that its result may depend on
    tile: int = 512
    controls: tuple[str, ...] = ("alpha", "beta", "strength", "keep_tone", "scope", "grain")
    licence: str = ""
    description: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StyleCard:
    """A style as 64 numbers, a name and a source; the reference picture is not needed."""

    id: str
    title: str
    group: str  # "process", "print", "painting", "own"
    code: tuple[float, ...]
    date: str = ""
    source: str = ""
    licence: str = ""
    grain: float = 0.0  # amplitude of the process's procedural texture at beta = 1, 0..1
    texture: str = ""  # "" or a name of engine/styles/textures.py

    @property
    def simulated(self) -> bool:
        """Whether it is a process that can be simulated on any picture, rather than 64 numbers of one picture."""
        return self.group == "process" and self.source.startswith("simulated")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A recipe that somebody gave a name."""

    name: str
    recipe: Recipe
    created: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class ProjectItem:
    """One image in a project, with what was decided about it."""

    uuid: str
    source: ImageRef
    recipe: Recipe = Recipe()
    snapshots: tuple[Snapshot, ...] = ()
    decision: str = ""  # "", "approved", "rejected"
    stars: int = 0
    note: str = ""
    revision: int = 0

    def with_recipe(self, recipe: Recipe) -> ProjectItem:
        return replace(self, recipe=recipe, revision=self.revision + 1)


@dataclass(frozen=True, slots=True)
class Project:
    """An open project folder, as a value."""

    folder: str  # absolute
    uuid: str
    name: str
    items: tuple[ProjectItem, ...] = ()
    writable: bool = True
    reason: str = ""  # why it is read-only, in a sentence
    schema_version: int = 1


@dataclass(frozen=True, slots=True)
class Restored:
    """What an export wrote."""

    source: str
    output: str
    width: int
    height: int
    seconds: float
    recipe: Recipe
    damage: float = 0.0  # share of the area found damaged, 0..1
    changed: float = 0.0  # share of the pixels that differ from the master, 0..1
    device: str = ""


@dataclass(frozen=True, slots=True)
class Losses:
    """How a direct optimisation stood when pass `number` began: both distances in units of their frozen scales."""

    number: int
    content: float
    style: float
    total: float  # alpha * content + beta * style


@dataclass(frozen=True, slots=True)
class Optimisation:
    """What a direct optimisation is asked for besides a recipe: how long, towards which picture, and where to."""

    export: ExportOptions
    passes: int = 100
    reference: str = ""  # path of the picture whose style is wanted; "": the style's simulated process

    def __post_init__(self) -> None:
        if not 1 <= self.passes <= 10_000:
            raise RecipeError(f"An optimisation takes between 1 and 10000 passes, not {self.passes}.")


@dataclass(frozen=True, slots=True)
class Optimised:
    """What a direct optimisation wrote, and its losses from pass to pass; it is never worse than the fast result."""

    restored: Restored
    losses: tuple[Losses, ...]
    stopped: bool  # somebody asked for what there was


@dataclass(frozen=True, slots=True)
class Comparison:
    """What restorations are measured on: a folder of clean photographs, and one of the same aged, or how to age them.

    With a `scale` of 2 or 4 the clean ones are shrunk as far, and what is measured is how they are enlarged again.
    `peers` are files of other people's networks to be measured beside ours.
    """

    clean: str
    aged: str = ""  # "": made from the clean ones with `seed` and `severity`
    seed: int = 0
    severity: float = 0.8
    peers: tuple[str, ...] = ()
    scale: int = 1

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise RecipeError(f"The enlargement is 1, 2 or 4, not {self.scale}.")
        if not 0.0 <= self.severity <= 1.0:
            raise RecipeError(f"Severity must lie between 0 and 1, not {self.severity:g}.")


@dataclass(frozen=True, slots=True)
class Trial:
    """What a model is judged on: folders of clean pictures, of the same aged, and of the same damaged but not faded."""

    clean: str
    aged: str = ""
    defects: str = ""
    peer: str = ""  # file of another network, for its time
    weights: str = ""  # a weight file that is not installed; "": the shipped model
    only: tuple[str, ...] = ()  # themes; none named: all
    pictures: int = 1_000  # at most so many of each folder


@dataclass(frozen=True, slots=True)
class OpenedImage:
    """A master the engine knows from now on; `ref.path` is absolute."""

    ref: ImageRef
    info: ImageInfo


@dataclass(frozen=True, slots=True)
class EngineReady:
    """What the engine runs on, once torch is loaded."""

    device: str
    device_reason: str
    dtype: str
    threads: int
    torch: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Where an export goes: `target` is a file or a folder."""

    target: str
    conflict: Literal["version", "overwrite", "skip"] = "version"
