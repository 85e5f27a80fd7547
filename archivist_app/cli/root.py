"""The `archivist` command. Without a subcommand it opens the window.

Importing this module loads neither torch nor Qt: `archivist --help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from archivist_app.cli import (
    catalog,
    checking,
    checkup,
    exporting,
    faces,
    measuring,
    project,
    report,
    restoring,
    sheets,
    tuning,
)
from archivist_app.cli.report import DONE, FAILED, INTERRUPTED, WRONG_USAGE
from archivist_app.cli.window import is_picture_or_project, open_window
from engine.errors import EngineError, RecipeError

_OPEN = "open-window"


class _Commands(TyperGroup):
    """A first word that is no subcommand is an image or a project to open."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0]
        if word not in self.commands and is_picture_or_project(word):
            args = [_OPEN, *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Commands,
    name="archivist",
    help="Restores scans of old photographs. Without a command: opens the window, with the images and projects named.",
    invoke_without_command=True,
    subcommand_metavar="[IMAGE|PROJECT]... | COMMAND [ARGS]...",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(restoring.commands)
app.add_typer(faces.commands)
app.add_typer(exporting.commands)
app.add_typer(sheets.commands)
app.add_typer(checking.commands)
app.add_typer(measuring.commands)
app.add_typer(tuning.commands)
app.add_typer(catalog.styles_app, name="styles")
app.add_typer(catalog.models_app, name="models")
app.add_typer(project.project_app, name="project")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line (`argv` without the program's name) and returns the exit status."""
    report.forgiving_streams()
    with report.quiet_libraries():
        status = _run(None if argv is None else list(argv))
    if status == INTERRUPTED:
        report.stopped()
    return status


def _run(argv: list[str] | None) -> int:
    command = typer.main.get_command(app)
    try:
        status = command.main(args=argv, prog_name="archivist", standalone_mode=False)
        return status if isinstance(status, int) else DONE
    except EngineError as error:
        report.complain(str(error))
        return WRONG_USAGE if isinstance(error, RecipeError) else FAILED
    except (KeyboardInterrupt, typer.Abort):  # some versions of typer return this status themselves
        return INTERRUPTED
    except BrokenPipeError:
        report.drop_output()
        return FAILED
    except Exception as error:
        return _explain(error)


def _explain(error: Exception) -> int:
    # typer carries its own copy of click from some version on; its UsageError has no public name but this one.
    if isinstance(error, typer.BadParameter.__base__ or typer.BadParameter):
        told: str = error.format_message()  # type: ignore[attr-defined]
        report.complain(told.replace("Value error, ", ""))  # a word of the library's, which helps nobody
        return WRONG_USAGE
    report.explain(error)
    return FAILED


def _show_version(wanted: bool) -> None:
    if wanted:
        report.say(f"archivist {checkup.version()}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> int:
    return open_window([]) if ctx.invoked_subcommand is None else DONE


@app.command(_OPEN, hidden=True)
def _open(paths: Annotated[list[str], typer.Argument(metavar="IMAGE|PROJECT")]) -> int:
    return open_window(paths)


if __name__ == "__main__":
    sys.exit(main())
