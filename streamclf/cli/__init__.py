"""The command line: one file a command. It prints and exits; nothing else in streamclf does."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point: run the command line and leave with its exit code."""
    try:
        from streamclf.cli.main import app
        from streamclf.cli.terminal import guarded
    except KeyboardInterrupt:
        print("streamclf: stopped", file=sys.stderr)
        sys.exit(130)
    guarded(app)
