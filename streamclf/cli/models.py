"""``streamclf models``: the networks there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from streamclf.catalogue.card import Framework, Task
from streamclf.cli import add, pull, remove, verify
from streamclf.cli.table import cell, print_table
from streamclf.cli.terminal import say
from streamclf.errors import UsageError
from streamclf.wording import shown

if TYPE_CHECKING:
    from streamclf.catalogue.find import ModelEntry

app = typer.Typer(help="The networks streamclf knows.", no_args_is_help=True)

TASKS: tuple[str, ...] = get_args(Task)
FRAMEWORKS: tuple[str, ...] = get_args(Framework)

AsJson = Annotated[bool, typer.Option("--json", help="For a program.")]

LIST_EXAMPLES = """
Examples:

  streamclf models list

  streamclf models list --framework onnx --max-mb 10     what fits a small board

  streamclf models list --task classification --json
"""


@app.command("list", epilog=LIST_EXAMPLES)
def list_command(
    task: Annotated[str | None, typer.Option(metavar="|".join(TASKS), help="Only networks of this task.")] = None,
    framework: Annotated[
        str | None, typer.Option(metavar="|".join(FRAMEWORKS), help="Only networks of this framework.")
    ] = None,
    max_mb: Annotated[
        float | None,
        typer.Option(min=0, metavar="MB", help="Only networks up to this size; one of unknown size is left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """All model cards that can be found, and whether their files are here."""
    from streamclf.catalogue.find import list_models

    for option, given, known in (("--task", task, TASKS), ("--framework", framework, FRAMEWORKS)):
        if given is not None and given not in known:
            raise UsageError(f"{option} {shown(given)}: must be one of {', '.join(known)}")
    entries = list_models()
    of_kind = [
        entry for entry in entries if task in (None, entry.card.task) and framework in (None, entry.card.framework)
    ]
    rows = [_row(entry) for entry in of_kind if _is_small(entry, max_mb)]
    unknown = 0 if max_mb is None else sum(entry.size_mb is None for entry in of_kind)
    if as_json:
        print(json.dumps(rows, indent=2))
    elif rows:
        print_table(rows)
    if not rows:
        say(_none_of(len(entries), task, framework, max_mb))
    if unknown and not as_json:
        say(f"--max-mb {max_mb:g}: {unknown} of unknown size left out")


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


app.command("pull", epilog=pull.EXAMPLES)(pull.command)
app.command("verify", epilog=verify.EXAMPLES)(verify.command)
app.command("add", epilog=add.EXAMPLES)(add.command)
app.command("remove", epilog=remove.REMOVE_EXAMPLES)(remove.remove_command)
app.command("path", epilog=remove.PATH_EXAMPLES)(remove.path_command)


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
    for row, file in zip(description["files"], entry.card.files, strict=True):
        path = find_file(file, entry.folder)
        row["found_at"] = None if path is None else str(path)
    return description


def _is_small(entry: ModelEntry, max_mb: float | None) -> bool:
    return max_mb is None or (entry.size_mb is not None and entry.size_mb <= max_mb)


def _none_of(known: int, task: str | None, framework: str | None, max_mb: float | None) -> str:
    limit = None if max_mb is None else f"up to {max_mb:g} MB"
    asked = ", ".join(part for part in (task, framework, limit) if part)
    return f"none of the {known} networks is of the kind asked for ({asked}); 'streamclf models list' shows them all"


def _row(entry: ModelEntry) -> dict[str, Any]:
    return {
        "name": entry.card.name,
        "task": entry.card.task,
        "framework": entry.card.framework,
        "size_mb": None if entry.size_mb is None else round(entry.size_mb, 1),
        "licence": entry.card.licence,
        "verified": entry.card.verified,
        "available": entry.available,
    }


def _lines(data: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in data.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for entry in value:
                lines += [f"{indent}{key}:", *_lines(entry, indent + "  ")]
        elif value is not None:
            text = ", ".join(map(str, value)) if isinstance(value, list) else cell(value)
            lines.append(f"{indent}{key}: {text}")
    return lines
