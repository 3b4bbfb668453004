"""``streamclf models pull``: fetch networks' files."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamclf.cli.terminal import say
from streamclf.errors import ModelFileError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from streamclf.catalogue.card import CardFile
    from streamclf.catalogue.fetch import Fetched
    from streamclf.catalogue.find import ModelEntry

EXAMPLES = """
Examples:

  streamclf models pull tiny-darknet

  streamclf models pull tiny-darknet mobilenet-v2-qdq --json
"""

PULL_HELP = "Fetch the network's files first if they are not here ('streamclf models pull')."
"""Of the option of commands that use a network."""


def command(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Models' names, or folders with card.toml.", show_default=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
) -> None:
    """Fetch the files of networks into the cache; what is already here is not fetched again.

    Looked at are the card's folder, the cache and STREAMCLF_MIRROR, then the public address.

    An interrupted download goes on where it ended.
    """
    from streamclf.catalogue.find import find_card

    entries = [find_card(name) for name in dict.fromkeys(names)]
    rows: list[dict[str, Any]] = []
    for entry in entries:
        if entry.card.note:
            say(f"{entry.name}: {entry.card.note}")
        for file in entry.card.files:
            rows.append(_row(entry, file))
            if not as_json and rows[-1]["error"] is None:
                print(_line(rows[-1]), flush=True)
    if as_json:
        print(json.dumps(rows, indent=2))
    raise typer.Exit(1 if any(row["error"] for row in rows) else 0)


def pull_missing(model: str) -> None:
    """Fetch what is missing of the network a command is about to use. Raises what ``fetch_file`` raises."""
    from streamclf.catalogue.fetch import size_text
    from streamclf.catalogue.find import find_card

    entry = find_card(model)
    if not entry.available:
        for file in entry.card.files:
            fetched = _fetch(entry, file)
            if fetched.is_new:
                say(f"{fetched.name}: {size_text(fetched.size_bytes)}, now in {fetched.path}")


def _row(entry: ModelEntry, file: CardFile) -> dict[str, Any]:
    """One file for a program; a failure is said, and the other files go on."""
    row: dict[str, Any] = {"model": entry.name, "name": file.name, "path": None, "bytes": None, "from": None}
    row |= {"fetched": False, "error": None}
    try:
        fetched = _fetch(entry, file)
    except ModelFileError as failure:
        say(f"error: {failure}")
        return row | {"error": str(failure)}
    return row | {
        "path": str(fetched.path),
        "bytes": fetched.size_bytes,
        "from": fetched.origin,
        "fetched": fetched.is_new,
    }


def _fetch(entry: ModelEntry, file: CardFile) -> Fetched:
    from streamclf.catalogue.fetch import fetch_file, kept_bytes, size_text

    try:
        with Bar(file.name) as bar:
            return fetch_file(file, entry, bar.show)
    except KeyboardInterrupt:
        kept = kept_bytes(file, entry)
        say(
            f"{file.name}: stopped"
            + (f"; {size_text(kept)} are here, the next pull goes on from there" if kept else "")
        )
        raise typer.Exit(130) from None


class Bar:
    """How far a download is, on standard error; nothing unless that is a terminal."""

    def __init__(self, name: str, wanted: bool | None = None):
        self._name = name
        self._wanted = sys.stderr.isatty() if wanted is None else wanted
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        """Nothing is shown before the first bytes."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def show(self, done_bytes: int, total_bytes: int | None) -> None:
        """So much of it is here."""
        if not self._wanted:
            return
        if self._bar is None or self._task is None:
            self._bar, self._task = self._start(done_bytes, total_bytes)
        self._bar.update(self._task, completed=done_bytes, total=total_bytes)

    def _start(self, done_bytes: int, total_bytes: int | None) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            # lines printed on the same terminal go above the bar; a redirected standard output is left alone
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=True,
            transient=True,
        )
        task = bar.add_task(self._name, completed=done_bytes, total=total_bytes)
        bar.start()
        return bar, task


def _line(row: dict[str, Any]) -> str:
    from streamclf.catalogue.fetch import size_text

    origin = {"card": "beside its card", "cache": "in the cache", "mirror": "in the mirror"}.get(
        row["from"], row["from"]
    )
    how = (
        f"fetched from {'the mirror' if row['from'] == 'mirror' else origin}" if row["fetched"] else f"already {origin}"
    )
    return f"{row['model']}: {row['name']} ({size_text(row['bytes'])}) is in {row['path']}, {how}"
