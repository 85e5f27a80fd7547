"""What can go wrong, each in one sentence a curator understands and can act on."""

from __future__ import annotations


class EngineError(Exception):
    """A failure a person may read: one sentence that says what to do next."""


class ImageError(EngineError):
    """The file cannot be read as an image."""


class WriteError(EngineError):
    """The result could not be written; nothing half-written is left behind."""


class RecipeError(EngineError):
    """The settings ask for something that does not exist or is out of range."""


class ModelError(EngineError):
    """A weight file or a style card is missing, damaged or of another kind."""


class ProjectError(EngineError):
    """A project folder cannot be opened or saved."""


class Cancelled(Exception):
    """Somebody asked to stop. Not a failure: nothing is reported as one."""
