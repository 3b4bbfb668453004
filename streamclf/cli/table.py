"""Rows of values as a table on standard output."""

from __future__ import annotations

from typing import Any


def print_table(rows: list[dict[str, Any]]) -> None:
    """Columns by the first row's keys, as wide as they need to be."""
    table = [[name.replace("_", " ") for name in rows[0]], *([cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        print("  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)).rstrip())


def cell(value: object) -> str:
    """One value for a person."""
    if value is None:
        return "?"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
