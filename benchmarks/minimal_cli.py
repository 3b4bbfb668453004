"""The least a typer + pydantic program does: what ``streamclf --help`` is held against."""

from typing import Annotated

import pydantic
import typer


class Options(pydantic.BaseModel):
    count: int = 1


app = typer.Typer()


@app.command()
def first(count: Annotated[int, typer.Option(help="How many.")] = Options().count) -> None:
    """One command."""


@app.command()
def second(count: int = 1) -> None:
    """Another one."""


app()
