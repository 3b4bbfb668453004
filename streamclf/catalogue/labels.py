"""Label lists: one name a class, in the network's order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from streamclf.catalogue.card import LabelFormat
from streamclf.errors import CardError


def read_labels(path: Path, form: LabelFormat = "lines") -> tuple[str, ...]:
    """The labels of ``path`` (UTF-8; a byte order mark and blank lines at the end are tolerated).

    ``lines``: each line is a label. ``synset``: ``n01440764 tench, Tinca tinca``, of which the first synonym is taken.
    ``indexed``: ``0:tench`` or ``0 tench``, counting up by one.

    Raises:
        CardError: the file is missing, not text, has a blank line in between, or a line that is not of the format.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise CardError(f"{path}: there is no such label list") from error
    except OSError as error:
        raise CardError(f"{path}: the label list cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise CardError(f"{path}: the label list is not UTF-8 text (byte {error.start})") from error
    # Not splitlines(): it also breaks at characters that may stand inside a name, such as U+2028.
    lines = [line.strip() for line in text.rstrip().split("\n")]
    if lines == [""]:
        raise CardError(f"{path}: the label list is empty")
    return tuple(_labels(lines, form, path))


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
