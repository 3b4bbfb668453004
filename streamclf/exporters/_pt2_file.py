"""Looking through a ``.pt2`` file before PyTorch loads it: parts of one are Python, and PyTorch runs them.

``torch.export.load`` evaluates the sizes that are written as expressions, executes the guards, calls whatever operators are named,
and loads compiled programs that lie in the archive. So everything that reaches it is held to what an image classifier needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamclf.errors import ModelFileError

_MEMBER = re.compile(
    r"models/\w+\.json|data/(weights|constants)/((weight|tensor)_\d+|\w+_config\.json)|data/sample_inputs/\w+\.pt"
    r"|archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)"
)
_OPERATOR = re.compile(
    r"torch\.ops\.aten\.\w+\.\w+|_operator\.(add|sub|mul|floordiv|truediv|mod|pow|neg|getitem|eq|ne|ge|gt|le|lt)"
)
_WRITES_FILES = "torch.ops.aten.from_file."
_SYMBOL = re.compile(r"[a-z]+\d+")
_SIZE = re.compile(
    r"(?:\b(?:Symbol|Integer|Rational|Add|Mul|Mod|Max|Min|FloorDiv|CleanDiv|CeilDiv|PythonMod|positive|integer|nonnegative|True|False)\b"
    r"|'[a-z]+\d+'|\b\d+\b|[-+*/(),= ])*"
)
_GUARD = re.compile(r"(?:L\['\w+'\]\.size\(\)\[\d+\]|\b(?:and|or|not|Max|Min)\b|\b\d+\b|[-+*/%(),<>=! ])*")
_MOST_BYTES = 64 << 20


def check_program(path: Path) -> None:
    """Raise ModelFileError where ``path`` holds anything that could run a program when PyTorch loads it or the network runs."""
    from torch.export.pt2_archive._package import PT2ArchiveReader

    # PyTorch's own reader: what is looked through is what will be loaded, however the zip archive was put together.
    archive = PT2ArchiveReader(str(path))
    names = archive.get_file_names()
    for name in names:
        if not _MEMBER.fullmatch(name):
            raise _refused(path, f"the part {name!r}")
    for name in names:
        if name.startswith("models/"):
            text = archive.read_bytes(name)
            if len(text) > _MOST_BYTES:
                raise ModelFileError(
                    f"{path}: describes its network in {len(text) >> 20} MB; streamclf reads at most 64"
                )
            _check_description(json.loads(text), path)


def _check_description(description: Any, path: Path) -> None:
    for guard in description.get("guards_code") or ():
        if not _GUARD.fullmatch(guard):
            raise _refused(path, f"the condition {guard[:80]!r}")
    for symbol in description.get("range_constraints") or ():
        if not _SYMBOL.fullmatch(symbol):
            raise _refused(path, f"the size {symbol[:80]!r}")
    for part in _parts(description):
        size = part.get("expr_str", "")
        if not _SIZE.fullmatch(str(size)) or "**" in str(size):
            raise _refused(path, f"the size {str(size)[:80]!r}")
        operator = part.get("target") if "inputs" in part else part.get("as_operator")
        if operator is not None and (not _OPERATOR.fullmatch(str(operator)) or str(operator).startswith(_WRITES_FILES)):
            raise ModelFileError(
                f"{path}: uses {str(operator)[:80]}; streamclf takes PyTorch's own operators (torch.ops.aten) only, since others could "
                "run any program"
            )


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every table, anywhere."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _parts(each)


def _refused(path: Path, what: str) -> ModelFileError:
    return ModelFileError(
        f"{path}: holds {what}, which is none of a plain network's and could run any program; get it exported anew"
    )
