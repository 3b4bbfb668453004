"""``streamclf run``: every option is a field of the configuration."""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, get_args

import typer
from pydantic.fields import FieldInfo
from rich.markup import escape

from streamclf.catalogue.network_options import NetworkOptions
from streamclf.cli.network_options import described_network, network_parameters
from streamclf.cli.progress import ProgressSink
from streamclf.cli.pull import PULL_HELP, pull_missing
from streamclf.cli.terminal import explain, say
from streamclf.config import RunConfig, load_config, make_config
from streamclf.errors import ConfigError, StageStuck

if TYPE_CHECKING:
    from streamclf.app import Outcome, StopRequest
    from streamclf.catalogue.find import ResolvedModel
    from streamclf.sink import Sink

EXAMPLES = """
Examples:

  streamclf run 0                                        a camera, in a window

  streamclf run clip.mp4 --save annotated.mp4 --results rows.jsonl --report -

  streamclf run door=rtsp://camera.local/1 yard=rtsp://camera.local/2 --no-display

  streamclf run holiday/*.jpg --results labels.csv

  streamclf run synthetic: --realtime                    a generated scene, no camera needed

  streamclf run --config webcam.toml --model tiny-darknet

  streamclf run 0 --weights flowers.onnx --preset imagenet-torch --labels flowers.txt
"""


def command(config: list[Path] | None = None, pull: bool = False, **options: Any) -> None:
    """Classify cameras, video files, pictures and network streams: window, annotated video, rows and a report."""
    given = {name: value for name, value in options.items() if value not in (None, [])}
    network = {name: given.pop(name) for name in NetworkOptions.model_fields if name in given}
    settings, definition = _told_apart(config or [], "weights" in network)
    run_config = make_config({**(load_config(settings) if settings else {}), **given})
    own = described_network({**network, "config": definition}, given.get("model"))
    if pull and own is None:
        pull_missing(run_config.model)
    precious = [path for path in (settings, own.label_file if own else None) if path]
    outcome, stop = carry_out(run_config, precious=precious, model=own.model if own else None)
    summarise(outcome.report)
    if run_config.report == "-":
        print(json.dumps(outcome.report, indent=2), flush=True)
    leave_as(outcome, stop)


def _told_apart(configs: Sequence[Path], has_weights: bool) -> tuple[Path | None, Path | None]:
    """--config's file of options and, beside --weights, the network's definition: options are TOML, definitions never are."""
    definitions = [path for path in configs if has_weights and path.suffix.lower() != ".toml"]
    settings = [path for path in configs if path not in definitions]
    for paths in (settings, definitions):
        if len(paths) > 1:
            raise ConfigError(f"--config {paths[1]}: {paths[0]} is given already; leave one of them out")
    return settings[0] if settings else None, definitions[0] if definitions else None


def carry_out(
    config: RunConfig,
    extra_sinks: Sequence[Sink] = (),
    precious: Sequence[Path] = (),
    model: ResolvedModel | None = None,
) -> tuple[Outcome, StopRequest]:
    """Run ``config`` to its end with a progress bar, or to the user's signal. Raises what ``app.run`` raises."""
    # OpenCV prints C-level warnings about every device and network it tries; ours say the same in one sentence.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    from streamclf import app

    stop = app.StopRequest()
    _listen(stop)
    with ProgressSink(config.max_frames, bar=False if config.results == "-" else None) as progress:
        return app.run(config, stop, [progress, *extra_sinks], precious, model), stop


def _listen(stop: StopRequest) -> None:
    """The first SIGINT, SIGTERM or SIGHUP (the terminal went away) ends the run in good order; the second one kills."""

    def request(number: int, frame: FrameType | None) -> None:
        if stop.signal is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        stop.signal = number
        say(f"{signal.Signals(number).name}: finishing; once more kills")

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP, and so do we
            signal.signal(number, request)


def leave_as(outcome: Outcome, stop: StopRequest) -> NoReturn:
    """Say what went wrong, if anything did, and exit accordingly."""
    code = 0
    stuck = isinstance(outcome.failure, StageStuck)
    if stuck and outcome.stopped:
        say(f"warning: {outcome.failure}; left behind")  # a dead camera must not turn quitting into a failure
    elif outcome.failure is not None:
        code = explain(outcome.failure)
    for sentence in dict.fromkeys(map(str, outcome.failures)):  # two lanes may fail at the same
        if sentence != str(outcome.failure):
            say(f"error: {sentence}")
    if stop.signal is not None:
        code = 128 + stop.signal
    if stuck:
        sys.stdout.flush()
        os._exit(code)  # a thread hangs in a device; the outputs are complete
    raise typer.Exit(code)


def summarise(report: dict[str, Any]) -> None:
    """The report in a few lines on standard error."""
    streams = report["streams"].values()
    if not any(stream["classified"] for stream in streams) and any(stream["ended"] == "stopped" for stream in streams):
        say("stopped before the first frame")
        return
    for name, stream in report["streams"].items():
        drops = ", ".join(f"{cause} {count}" for cause, count in stream["dropped"].items() if count)
        say(
            f"{name}: {stream['classified']} of {stream['captured']} frames classified, "
            f"{sum(stream['dropped'].values())} dropped{f' ({drops})' if drops else ''}, "
            f"{stream['corrupt']} corrupt, ended: {stream['ended']}"
        )
    if not any(stream["captured"] for stream in streams):
        return  # nothing to tell but what is said of the failure
    rates = {stage: "-" if rate is None else f"{rate:.1f} fps" for stage, rate in report["rates_fps"].items()}
    too_short = " (too short a run for a rate)" if set(rates.values()) == {"-"} else ""
    say("rates: " + ", ".join(f"{stage} {rate}" for stage, rate in rates.items()) + too_short)
    for name, latency in report["latency_ms"].items():
        if latency["p50"] is not None:
            say(f"latency, {name}: " + ", ".join(f"{p} {value:.1f} ms" for p, value in latency.items()))
    engine = report["engine"]
    asked = engine["requested_target"]
    target = engine["effective_target"] + ("" if asked == engine["effective_target"] else f" (asked for {asked})")
    memory_mb = report["peak_memory_mb"]
    say(
        f"engine: {engine['name']} {engine['version']} on {target} in {engine['arithmetic']}, {engine['lanes']} lanes of {engine['threads']} threads; "
        f"took {report['elapsed_s']:.1f} s, at most {report['peak_queue_mb']:.1f} MB waited in the queues"
        + ("" if memory_mb is None else f", {memory_mb:.0f} MB of memory at the peak")
    )


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    """One field of the configuration as a typer parameter; None means "not given"."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    if name == "sources":
        argument = typer.Argument(help=field.description, metavar=f"{extra['metavar']}...", show_default=False)
        return _keyword(name, Annotated[list[str] | None, argument])
    option = name.replace("_", "-")
    types = _types(field.annotation)
    plain = [kind for kind in types if kind in (bool, int, float)]
    choices = [value for value in types if isinstance(value, str)]
    # one plain type and no words: typer reads it; everything else is text that the configuration reads
    kind: type = plain[0] if len(plain) == 1 and not choices else str
    default = "" if field.default in (None, False) else f" (default: {field.default})"
    info = typer.Option(
        f"--{option}/--no-{option}" if kind is bool else f"--{option}",
        help=escape(f"{field.description}{default}"),
        metavar=str(extra["metavar"]) if "metavar" in extra else "|".join(choices) or None,
        show_default=False,
        rich_help_panel=str(extra["panel"]),
    )
    return _keyword(name, Annotated[kind | None, info])


def _keyword(name: str, annotation: Any, default: object = None) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _types(annotation: Any) -> list[Any]:
    """The plain types and literal values inside an annotation."""
    inner = get_args(annotation)
    return [annotation] if not inner else [found for part in inner for found in _types(part)]


_config_option = typer.Option(
    "--config",
    metavar="FILE.toml",
    help=escape(
        "Any of these options from a file, under [run]; the command line wins. Beside --weights also the network's definition."
    ),
    rich_help_panel="Outputs",
)
_parameters = [_parameter(name, field) for name, field in RunConfig.model_fields.items()]
_parameters.append(_keyword("config", Annotated[list[Path] | None, _config_option]))
_pull_option = typer.Option("--pull", help=PULL_HELP, rich_help_panel="Network")
_parameters.append(_keyword("pull", Annotated[bool, _pull_option], default=False))
_parameters += network_parameters("config")
command.__signature__ = inspect.Signature(_parameters)  # type: ignore[attr-defined]
command.__annotations__ = {parameter.name: parameter.annotation for parameter in _parameters}
