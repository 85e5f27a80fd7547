"""The `archivist` command line; `window` is the short road of those who only want the window."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line (`argv` without the program's name) and returns the exit status."""
    from archivist_app.cli import root  # with typer and every command, which the window does without

    return root.main(argv)
