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
    ProjectReport,
    RescueReport,
)
from engine.types.cards import ModelCard, StyleCard
from engine.types.pictures import ImageInfo, ImageRef, OpenedImage, Region
from engine.types.projects import Place, Project, ProjectItem, Relocation, Snapshot
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
from engine.types.tuning import TUNING_NAME, CollectionKind, Tuned, Tuning, TuningCheck
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
    UnfinishedExport,
)

__all__ = [
    "ALPHA_RANGE",
    "BETA_RANGE",
    "CONSERVATOR",
    "EVENT_TYPES",
    "EVENT_VOCABULARY",
    "MAP_SCALES",
    "MODERN",
    "PROTECTED",
    "SCALES",
    "SHIPPED_MODEL",
    "TUNING_NAME",
    "ChainReport",
    "CollectionKind",
    "Comparison",
    "EngineReady",
    "Event",
    "EventObject",
    "ExportOptions",
    "FixityReport",
    "Frame",
    "ImageInfo",
    "ImageRef",
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
    "Place",
    "Progress",
    "Project",
    "ProjectItem",
    "ProjectReport",
    "Quality",
    "Recipe",
    "Region",
    "Relocation",
    "RenderRequest",
    "RescueReport",
    "Restored",
    "Sample",
    "Scope",
    "Snapshot",
    "StyleCard",
    "Trial",
    "Tuned",
    "Tuning",
    "TuningCheck",
    "UnfinishedExport",
    "View",
]
