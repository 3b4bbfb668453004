"""Rows of values as a table on standard output."""

from __future__ import annotations

from typing import Any


def print_table(rows: list[dict[str, Any]]) -> None:
    """Columns by the first row's keys, as wide as they need to be."""
    for cells in _padded(rows):
        print("  ".join(cells).rstrip())


def print_markdown(rows: list[dict[str, Any]]) -> None:
    """The same as a Markdown table, which is as readable where nobody renders it."""
    head, *body = _padded([{name: cell(value).replace("|", "\\|") for name, value in row.items()} for row in rows])
    for cells in (head, ["-" * len(name) for name in head], *body):
        print(f"| {' | '.join(cells)} |")


def _padded(rows: list[dict[str, Any]]) -> list[list[str]]:
    """The names of the columns and the cells, each column's as wide as its widest."""
    table = [[name.replace("_", " ") for name in rows[0]], *([cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [[text.ljust(width) for text, width in zip(cells, widths, strict=True)] for cells in table]


def cell(value: object) -> str:
    """One value for a person."""
    if value is None:
        return "?"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
