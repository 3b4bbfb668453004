"""Label lists: one name a class, in the network's order."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from streamclf.catalogue.card import LabelFormat
from streamclf.errors import CardError


def read_labels(path: Path, form: LabelFormat = "lines") -> tuple[str, ...]:
    """The labels of ``path`` (UTF-8, or UTF-16 with its mark; blank lines at the end are tolerated).

    ``lines``: each line is a label. ``synset``: ``n01440764 tench, Tinca tinca``, of which the first synonym is taken.
    ``indexed``: ``0:tench`` or ``0 tench``, counting up by one.

    Raises:
        CardError: the file is missing, not text, has a blank line in between, or a line that is not of the format.
    """
    return tuple(_labels(_lines(path), form, path))


def recognise_format(path: Path) -> LabelFormat:
    """The format that every line of ``path`` has: "synset" or "indexed" where all have it, otherwise "lines".

    Raises CardError as ``read_labels`` does for a file that is no text.
    """
    lines = _lines(path)
    if all(re.match(r"n\d{8}\s+\S", line) for line in lines):
        return "synset"
    with suppress(CardError):
        tuple(_labels(lines, "indexed", path))
        return "indexed"
    return "lines"


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise CardError(f"{path}: there is no such label list") from error
    except OSError as error:
        raise CardError(f"{path}: the label list cannot be read ({error.strerror or error})") from error
    # Notepad's "Unicode"; its mark is what tells it
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        kind = "UTF-16" if is_utf16 else "UTF-8"
        raise CardError(f"{path}: the label list is not {kind} text (byte {error.start}); save it as UTF-8") from error
    if "\0" in text:
        raise CardError(
            f"{path}: the label list is not UTF-8 text (it holds zero bytes, as UTF-16 does); save it as UTF-8"
        )
    # Not splitlines(): it also breaks at characters that may stand inside a name, such as U+2028.
    lines = [line.strip() for line in re.sub("\r\n?", "\n", text).rstrip().split("\n")]
    if lines == [""]:
        raise CardError(f"{path}: the label list is empty")
    return lines


def _labels(lines: list[str], form: LabelFormat, path: Path) -> Iterator[str]:
    first_index = 0
    for number, line in enumerate(lines):
        if not line:
            raise CardError(f"{path}: line {number + 1} of the label list is blank")
        if form == "lines":
            yield line
            continue
        key, _, names = line.replace(":", " ", 1).partition(" ") if form == "indexed" else line.partition(" ")
        if not names.strip():
            raise CardError(f"{path}: line {number + 1} ({line!r}) is not of the format {form!r}")
        if form == "synset":
            yield names.split(",")[0].strip()
            continue
        if number == 0 and key.isdecimal():
            first_index = int(key)
        if key != str(first_index + number):
            raise CardError(f"{path}: line {number + 1} ({line!r}) should have the index {first_index + number}")
        yield names.strip()
