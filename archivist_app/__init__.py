"""The desktop program and the `archivist` command."""
