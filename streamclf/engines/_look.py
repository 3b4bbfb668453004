"""What every look into an undescribed network shares: whether the library survives reading it, tried in a process of its own."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from streamclf.catalogue.card import FileRole, Framework
from streamclf.catalogue.formats import NetworkFiles
from streamclf.child import run_in_child
from streamclf.errors import StreamclfError

MOST_SIDE = 4096
"""As in a card."""


def crash_of(module: str, files: NetworkFiles, timeout_s: float = 300.0) -> str | None:
    """How the library ends when the ``Look`` of ``module`` reads and runs the network, where it does not come back from that; None
    where it does, with whatever answer."""
    code = f"import sys; from {__name__} import read_once; read_once(sys.argv[1:])"
    arguments = [module, files.framework, *(f"{role}={path}" for role, path in files.paths.items())]
    try:
        code_of_exit = run_in_child(code, arguments, timeout_s=timeout_s)
    except TimeoutError:
        return f"does not come back within {timeout_s:g} s"
    return None if code_of_exit in (0, 1) else f"crashes (with {code_of_exit})"


def read_once(arguments: Sequence[str]) -> None:
    """For the child of ``crash_of``: read a network, and run it once if its input is known."""
    module, framework, *files = arguments
    paths = {cast(FileRole, role): Path(path) for role, _, path in (each.partition("=") for each in files)}
    look = importlib.import_module(module).Look
    with suppress(StreamclfError):  # which is told by who reads it next
        look(NetworkFiles(cast(Framework, framework), paths)).run_once()
