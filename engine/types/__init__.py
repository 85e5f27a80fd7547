"""Frozen values that cross threads and the wall between engine and window.

Standard library only: importing this package must stay free of torch, numpy and Qt.
"""

from __future__ import annotations

from engine.types.audit import (
    EVENT_TYPES,
    EVENT_VOCABULARY,
    ChainReport,
    Event,
    EventObject,
    FixityReport,
    LoggedEvent,
)
from engine.types.cards import ModelCard, StyleCard
from engine.types.exporting import (
    EXPORT_PRESETS,
    TEMPLATE_FIELDS,
    ExportBatch,
    ExportEstimate,
    ExportOutcome,
    ExportPreset,
    ExportReport,
    ExportSettings,
    InterruptedExport,
    export_preset,
)
from engine.types.pictures import ImageInfo, ImageRef, OpenedImage, Region
from engine.types.projects import Project, ProjectItem, Snapshot
from engine.types.recipe import (
    ALPHA_RANGE,
    BETA_RANGE,
    CONSERVATOR,
    MODERN,
    PROTECTED,
    SCALES,
    SHIPPED_MODEL,
    Recipe,
    Scope,
)
from engine.types.rendering import (
    MAP_SCALES,
    Frame,
    MapFrame,
    MapKind,
    MapRequest,
    MapScale,
    Quality,
    RenderRequest,
    Sample,
    View,
)
from engine.types.words import recipe_in_words
from engine.types.work import (
    Comparison,
    EngineReady,
    ExportOptions,
    Losses,
    Optimisation,
    Optimised,
    Progress,
    Restored,
    Trial,
)

__all__ = [
    "ALPHA_RANGE",
    "BETA_RANGE",
    "CONSERVATOR",
    "EVENT_TYPES",
    "EVENT_VOCABULARY",
    "EXPORT_PRESETS",
    "MAP_SCALES",
    "MODERN",
    "PROTECTED",
    "SCALES",
    "SHIPPED_MODEL",
    "TEMPLATE_FIELDS",
    "ChainReport",
    "Comparison",
    "EngineReady",
    "Event",
    "EventObject",
    "ExportBatch",
    "ExportEstimate",
    "ExportOptions",
    "ExportOutcome",
    "ExportPreset",
    "ExportReport",
    "ExportSettings",
    "FixityReport",
    "Frame",
    "ImageInfo",
    "ImageRef",
    "InterruptedExport",
    "LoggedEvent",
    "Losses",
    "MapFrame",
    "MapKind",
    "MapRequest",
    "MapScale",
    "ModelCard",
    "OpenedImage",
    "Optimisation",
    "Optimised",
    "Progress",
    "Project",
    "ProjectItem",
    "Quality",
    "Recipe",
    "Region",
    "RenderRequest",
    "Restored",
    "Sample",
    "Scope",
    "Snapshot",
    "StyleCard",
    "Trial",
    "View",
    "export_preset",
    "recipe_in_words",
]
