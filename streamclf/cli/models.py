"""``streamclf models``: the networks there are."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

app = typer.Typer(help="The networks streamclf knows.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="For a program.")]


@app.command("list", epilog="Example:  streamclf models list --json")
def list_command(as_json: AsJson = False) -> None:
    """All model cards that can be found, and whether their files are here."""
    from streamclf.catalogue.find import list_models

    rows = [
        {
            "name": entry.card.name,
            "task": entry.card.task,
            "framework": entry.card.framework,
            "size_mb": round(entry.card.size_bytes / 1e6, 1),
            "licence": entry.card.licence,
            "verified": entry.card.verified,
            "available": entry.available,
        }
        for entry in list_models()
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = [[name.replace("_", " ") for name in rows[0]], *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


@app.command("show", epilog="Example:  streamclf models show tiny-darknet")
def show_command(
    name: Annotated[str, typer.Argument(help="A model's name, or a folder with card.toml.")],
    as_json: AsJson = False,
) -> None:
    """One model card: where it comes from, how pictures are prepared for it, where its files are."""
    description = describe(name)
    if as_json:
        print(json.dumps(description, indent=2))
        return
    for line in _lines(description):
        print(line)


def describe(name: str) -> dict[str, Any]:
    """A card as plain data, with where its files are."""
    from streamclf.catalogue.find import cache_folder, find_card, find_file

    entry = find_card(name)
    description: dict[str, Any] = {
        **entry.card.model_dump(mode="json", by_alias=True),
        "folder": str(entry.folder),
        "cache": str(cache_folder()),
        "available": entry.available,
    }
    for shown, file in zip(description["files"], entry.card.files, strict=True):
        path = find_file(file, entry.folder)
        shown["found_at"] = None if path is None else str(path)
    return description


def _cell(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _lines(data: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in data.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for entry in value:
                lines += [f"{indent}{key}:", *_lines(entry, indent + "  ")]
        elif value is not None:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else _cell(value)
            lines.append(f"{indent}{key}: {shown}")
    return lines
