"""The only door to the engine. Cheap to import and to make: torch is loaded on the engine thread, by `warm()`, and
numpy and the codecs by the first image, so that the window is on screen before any of them.

Futures are `concurrent.futures.Future`; callbacks run on engine or io threads; failures are `EngineError`s.
"""

from __future__ import annotations

from engine.service.catalogue import Catalogue
from engine.service.core import Stoppable
from engine.service.exports import Exports
from engine.service.faces import Faces
from engine.service.measuring import Measuring
from engine.service.projects import Projects
from engine.service.rendering import Rendering
from engine.service.tuning import FineTunings

__all__ = ["EngineService", "Stoppable"]


class EngineService(Exports, Faces, Rendering, Catalogue, Projects, Measuring, FineTunings):
    """Everything the window and the command line may ask of the engine. Usable from any thread."""
