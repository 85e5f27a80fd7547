"""What can go wrong, each in one sentence a curator understands and can act on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager

_log = logging.getLogger(__name__)


class EngineError(Exception):
    """A failure a person may read: one sentence that says what to do next."""


class ImageError(EngineError):
    """The file cannot be read as an image."""


class MasterChangedError(ImageError):
    """A master is no longer the file that was added; nothing is made of it until somebody acknowledges that."""


class WriteError(EngineError):
    """The result could not be written; nothing half-written is left behind."""


class RecipeError(EngineError):
    """The settings ask for something that does not exist or is out of range."""


class NameTakenError(RecipeError):
    """Something else was taught under that name; it is replaced where that is asked for."""


class ModelError(EngineError):
    """A weight file or a style card is missing, damaged or of another kind."""


class ProjectError(EngineError):
    """A project folder cannot be opened or saved."""


class TrainingError(EngineError):
    """A training cannot begin, or has nothing to show for itself."""


class Cancelled(Exception):
    """Somebody asked to stop. Not a failure: nothing is reported as one."""


@contextmanager
def in_words() -> Iterator[None]:
    """Lets EngineErrors pass and makes one of everything else that fails inside, the details going into the log."""
    try:
        yield
    except (EngineError, Cancelled):
        raise
    except CancelledError as error:  # something this waited for was cancelled
        raise Cancelled from error
    except MemoryError as error:
        raise EngineError("There is not enough memory for this image; close other programs and try again.") from error
    except Exception as error:
        _log.exception("unforeseen")
        what = " ".join(str(error).split())[:200] or type(error).__name__
        raise EngineError(f"This failed in a way nobody foresaw ({what}); the log file has the details.") from error
