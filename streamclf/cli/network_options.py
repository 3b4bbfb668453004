"""The options of a network without a card, for every command that takes one; and the questions about what is missing."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer
from pydantic.fields import FieldInfo
from rich.markup import escape

from streamclf.catalogue.network_options import Gap, NetworkOptions, network_options, option_name
from streamclf.cli.terminal import say
from streamclf.errors import ConfigError

if TYPE_CHECKING:
    from streamclf.own_network import Ask, OwnNetwork

PANEL = "A network without a card"


def network_parameters(*without: str) -> list[inspect.Parameter]:
    """Every option of :class:`NetworkOptions` but ``without`` as a typer parameter; None means "not given"."""
    fields = NetworkOptions.model_fields
    return [_parameter(name, field) for name, field in fields.items() if name not in without]


def with_network_options(command: Callable[..., None], without: Sequence[str] = ()) -> Callable[..., None]:
    """Give a command whose last parameter is ``**network`` all these options but ``without`` for typer to see."""
    hints = get_type_hints(command, include_extras=True)
    own = [
        parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(command).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    parameters = [*own, *network_parameters(*without)]
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    )
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def described_network(network: Mapping[str, Any], model: str | None, may_ask: bool = True) -> OwnNetwork | None:
    """The network that the options of a command describe, or None if there is none in them. ``model`` is its --model, if given.

    What was assumed and what looks wrong is said, and what is missing is asked at a terminal, if the command ``may_ask``. Raises what ``own_network`` raises.
    """
    options = network_options(network)
    if not options.said:
        return None
    if model is not None and options.weights is not None:
        raise ConfigError(
            f"--weights {options.weights}: is another network than --model {model}; leave one of them out"
        )
    # what OpenCV prints of a network that it cannot read is said by ours, in a sentence
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    from streamclf.own_network import own_network

    found = own_network(options, asker() if may_ask else None, trusted=False)
    for sentence in found.assumed:
        say(f"assumed: {sentence}")
    for sentence in found.warnings:
        say(f"warning: {sentence}")
    return found


def asker() -> Ask | None:
    """Asks at the terminal; None where there is none."""
    return _ask if sys.stdin.isatty() and sys.stderr.isatty() else None


def _ask(gap: Gap, options: NetworkOptions) -> NetworkOptions:
    print(gap.question, file=sys.stderr)
    for name, meaning in gap.choices.items():
        print(f"  {name:16} {meaning}", file=sys.stderr)
    if gap.option == "preset":
        print("  (or leave with Ctrl-C, and give --channels, --scale, --mean and --std)", file=sys.stderr)
    while True:
        try:
            answer = typer.prompt(option_name(gap.option), err=True)
        except typer.Abort:
            raise typer.Exit(130) from None
        try:
            if gap.choices and answer not in gap.choices:
                raise ConfigError(f"{answer}: must be one of {', '.join(gap.choices)}")
            return options.also(gap.option, answer)
        except ConfigError as problem:
            say(str(problem))


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    info = typer.Option(
        option_name(name),
        help=escape(str(field.description)),
        metavar=str(extra.get("metavar") or "|".join(_choices(field.annotation))),
        show_default=False,
        rich_help_panel=PANEL,
    )
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, info])


def _choices(annotation: Any) -> list[str]:
    """The words of the ``Literal`` inside an annotation."""
    if get_origin(annotation) is Literal:
        return [str(word) for word in get_args(annotation)]
    return [word for part in get_args(annotation) for word in _choices(part)]
