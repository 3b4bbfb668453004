"""The command line: one file a command. It prints and exits; nothing else in streamclf does."""

from __future__ import annotations


def main() -> None:
    """Entry point: run the command line and leave with its exit code."""
    from streamclf.cli.main import app
    from streamclf.cli.terminal import guarded

    guarded(app)
