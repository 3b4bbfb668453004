"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from streamclf import __version__
from streamclf.cli import bench, classify, demo, doctor, export, models, run

app = typer.Typer(
    name="streamclf",
    help="Classify video as it comes: cameras, clips, pictures and network streams in, labels and honest rates out.",
    epilog="Start with: streamclf demo, streamclf doctor, streamclf run 0",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"streamclf {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    pass


app.command("run", epilog=run.EXAMPLES)(run.command)
app.command("demo", epilog=demo.EXAMPLES)(demo.command)
app.command("classify", epilog=classify.EXAMPLES)(classify.command)
app.command("export", epilog=export.EXAMPLES)(export.command)
app.add_typer(models.app, name="models")
app.command("bench", epilog=bench.EXAMPLES)(bench.command)
app.command("doctor", epilog=doctor.EXAMPLES)(doctor.command)
