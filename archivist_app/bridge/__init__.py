"""Where engine threads meet Qt's thread; in the window the only importer of the engine's door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archivist_app.bridge.base import make_service, sentence
from archivist_app.bridge.catalogue import Catalogue
from archivist_app.bridge.exports import Exports
from archivist_app.bridge.handles import JobHandle, StoppableHandle, StyleHandle
from archivist_app.bridge.projects import Projects
from archivist_app.bridge.rendering import Rendering

if TYPE_CHECKING:
    from archivist_app.bridge.base import EngineService as EngineService  # with the engine's door, which comes later

__all__ = ["Bridge", "JobHandle", "StoppableHandle", "StyleHandle", "make_service", "sentence"]


class Bridge(Rendering, Exports, Catalogue, Projects):
    """The engine as Qt sees it. Every signal is emitted, and every callback called, on Qt's thread."""
