"""Whether a library survives reading a file: tried in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from streamclf.catalogue.card import FileRole, Framework
from streamclf.catalogue.formats import NetworkFiles
from streamclf.child import run_in_child


def crash_of(module: str, files: NetworkFiles, timeout_s: float) -> str | None:
    """How ``read_once`` of ``module`` ends in a child, where it does not come back; None where it does, with whatever answer."""
    code = f"import sys; from {module} import read_once; read_once(sys.argv[1:])"
    arguments = [files.framework, *(f"{role}={path}" for role, path in files.paths.items())]
    try:
        code_of_exit = run_in_child(code, arguments, timeout_s=timeout_s)
    except TimeoutError:
        return f"does not come back within {timeout_s:g} s"
    return None if code_of_exit in (0, 1) else f"crashes (with {code_of_exit})"


def files_of(arguments: Sequence[str]) -> NetworkFiles:
    """In the child: the files that ``crash_of`` was asked about."""
    framework = cast(Framework, arguments[0])
    paths = {cast(FileRole, role): Path(path) for role, _, path in (each.partition("=") for each in arguments[1:])}
    return NetworkFiles(framework, paths)
