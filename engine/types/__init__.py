"""Frozen values that cross threads and the wall between engine and window.

Standard library only: importing this package must stay free of torch, numpy and Qt.
"""

from __future__ import annotations

from engine.types.cards import ModelCard, StyleCard
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
from engine.types.work import (
    Comparison,
    EngineReady,
    ExportOptions,
    Losses,
    NewModel,
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
    "MAP_SCALES",
    "MODERN",
    "PROTECTED",
    "SCALES",
    "SHIPPED_MODEL",
    "Comparison",
    "EngineReady",
    "ExportOptions",
    "Frame",
    "ImageInfo",
    "ImageRef",
    "Losses",
    "MapFrame",
    "MapKind",
    "MapRequest",
    "MapScale",
    "ModelCard",
    "NewModel",
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
]
