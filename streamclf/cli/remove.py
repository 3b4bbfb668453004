"""``streamclf models remove`` and ``models path``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamclf.cli.terminal import say
from streamclf.errors import UsageError

if TYPE_CHECKING:
    from streamclf.catalogue.adding import Removal

REMOVE_EXAMPLES = """
Examples:

  streamclf models remove flowers              asks first

  streamclf models remove resnet-50 --yes      what 'models pull' fetched of it; its card stays
"""
PATH_EXAMPLES = """
Examples:

  streamclf models path flowers

  streamclf models path tiny-darknet --files

  cp -r "$(streamclf models path flowers)" backup/
"""

Name = Annotated[str, typer.Argument(help="A model's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a program.")]


def remove_command(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what 'models add' or 'models pull' put here of a network; never a card that came with streamclf."""
    from streamclf.catalogue.adding import plan_removal, remove

    plan = plan_removal(name)
    if not yes:
        _confirm(plan)
    done = f"{name}: {_described(plan)} removed"  # as long as they can be measured
    left = remove(plan)
    if as_json:
        rows = {"name": name, "removed": [str(path) for path in plan.files], "left": [str(path) for path in left]}
        print(json.dumps(rows, indent=2))
        return
    print(done)
    if left:
        say(f"{name}: {', '.join(map(str, left))} was not put there by 'models add' and stays")


def path_command(
    name: Annotated[str, typer.Argument(help="A model's name, or a folder with card.toml.")],
    files: Annotated[bool, typer.Option("--files", help="The network's files instead, a line each.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the folder of a network's card."""
    from streamclf.catalogue.find import find_card, find_file

    entry = find_card(name)
    rows: list[dict[str, Any]] = []
    for file in entry.card.files:
        path = find_file(file, entry.folder)
        rows.append({"role": file.role, "name": file.name, "path": None if path is None else str(path)})
    if as_json:
        print(json.dumps({"name": entry.name, "folder": str(entry.folder), "files": rows}, indent=2))
        return
    if not files:
        print(entry.folder)
        return
    for row in rows:
        if row["path"] is None:
            say(f"error: {row['name']}: is not here; 'streamclf models pull {name}' fetches it")
        else:
            print(row["path"])
    if not all(row["path"] for row in rows):
        raise typer.Exit(1)


def _confirm(plan: Removal) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{plan.name}: {_described(plan)} would be removed; say --yes")
    for path in plan.files:
        print(path, file=sys.stderr)
    try:
        agreed = typer.confirm(f"Remove {_described(plan)} of {plan.name}?", err=True)
    except typer.Abort:
        raise typer.Exit(130) from None
    if not agreed:
        say("nothing was removed")
        raise typer.Exit(0)


def _described(plan: Removal) -> str:
    from streamclf.catalogue.fetch import size_text

    count = len(plan.files)
    return f"{count} file{'s' if count > 1 else ''} ({size_text(plan.size_bytes)})"
