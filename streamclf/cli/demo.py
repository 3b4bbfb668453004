"""``streamclf demo``: the whole program at work, with a camera or with a scene that it draws itself."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamclf.cli.run import carry_out, leave_as, summarise
from streamclf.cli.terminal import say
from streamclf.cli.verdict import Answers, judge
from streamclf.config import DEFAULT_MODEL, RunConfig, make_config
from streamclf.errors import SinkError, SourceError, SourceNotFoundError
from streamclf.inputs import SYNTHETIC

if TYPE_CHECKING:
    from streamclf.app import Outcome

EXAMPLES = """
Examples:

  streamclf demo                        your camera, else a generated scene

  streamclf demo --synthetic            the generated scene in any case

  streamclf demo --no-display --json    no window; a report for a program
"""

SETTLE_S = 1.0
"""The steady label follows a cut within this time; before that it cannot be blamed for the picture before."""


def command(
    display: Annotated[bool, typer.Option("--display/--no-display", help="Show a window if there is a screen.")] = True,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="The generated scene, camera or not.")] = False,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where video, rows and contact sheet go.")] = Path(
        "demo-out"
    ),
    model: Annotated[str, typer.Option(help=RunConfig.model_fields["model"].description)] = DEFAULT_MODEL,
    as_json: Annotated[bool, typer.Option("--json", help="The scene's report for a program.")] = False,
) -> None:
    """Show what streamclf does: your camera in a window, or a generated scene that is damaged in known ways.

    The scene needs neither camera nor screen. Its annotated video, rows and contact sheet replace those of the last demo, and
    a short report says how often the network was right.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    screen = display and _has_screen()
    if screen and not synthetic and not as_json and _has_camera():
        say("camera 0 in a window: cover the lens, shake it, switch off the light; q ends, nothing is written")
        outcome, stop = carry_out(make_config({"sources": ["0"], "model": model, "display": True}))
        summarise(outcome.report)
        leave_as(outcome, stop)
    _show_scene(model, out, screen, as_json)


def _has_screen() -> bool:
    from streamclf.sinks.window import probe_display

    reason = probe_display()
    if reason is not None:
        say(f"no window: {reason}")
    return reason is None


def _has_camera() -> bool:
    """Whether camera 0 gives pictures; if it does not, one sentence says so."""
    from streamclf.sources.camera import CameraSource

    with closing(CameraSource(0, "camera")) as camera:
        try:
            next(iter(camera))
        except SourceNotFoundError:
            say("there is no camera 0: a generated scene instead")
            return False
        except SourceError as problem:
            say(f"{problem}: a generated scene instead")
            return False
    return True


def _show_scene(model: str, out: Path, screen: bool, as_json: bool) -> None:
    from streamclf.catalogue.find import find_model
    from streamclf.sinks.contact_sheet import ContactSheetSink, Shot
    from streamclf.sources.synthetic import RATE_FPS, SEGMENTS

    network = find_model(model)  # one that is not here is told before anything is made
    video, rows, sheet = files = [out / f"streamclf-demo.{suffix}" for suffix in ("mp4", "jsonl", "png")]
    config = make_config(
        {
            "sources": [SYNTHETIC],
            "model": model,
            "display": screen,
            "realtime": screen,
            "save": str(video),
            "results": str(rows),
            "overwrite": True,
        }
    )
    shots = [Shot(each.label, (each.start + each.stop) // 2, each.stop) for each in SEGMENTS]
    title = "streamclf demo: a generated scene, damaged in known ways"
    answers = Answers()
    say(f"a generated scene of {SEGMENTS[-1].stop / RATE_FPS:.0f} s, {'q ends it' if screen else 'as fast as it goes'}")
    made = _make_folder(out)
    try:
        with closing(ContactSheetSink(sheet, shots, title, overwrite=True)) as contact_sheet:
            outcome, stop = carry_out(config, [contact_sheet, answers])
    finally:
        if made:
            with suppress(OSError):
                out.rmdir()  # it stays unless it is empty
    if answers.steady:
        knows = {segment.label for segment in SEGMENTS} <= set(network.labels)
        truth = judge(answers.steady, SEGMENTS, round(SETTLE_S * RATE_FPS)) if knows else None
        report = _report(network.card.name, outcome, truth, screen, [path for path in files if path.exists()])
        print(json.dumps(report, indent=2) if as_json else "\n".join(_lines(report, RATE_FPS)), flush=True)
    leave_as(outcome, stop)


def _report(
    model: str, outcome: Outcome, truth: dict[str, Any] | None, is_live: bool, files: Sequence[Path]
) -> dict[str, Any]:
    (stream,) = outcome.report["streams"].values()
    return {
        "model": model,
        "frames": stream["classified"],
        "dropped": sum(stream["dropped"].values()),
        "stopped": outcome.stopped,
        "truth": truth,
        "rates_fps": outcome.report["rates_fps"],
        "latency_ms": outcome.report["latency_ms"]["total"] if is_live else None,
        "files": [str(path) for path in files],
    }


def _make_folder(out: Path) -> bool:
    """True if it was not there before."""
    if out.is_dir():
        return False
    try:
        out.mkdir(parents=True)
    except FileExistsError:
        raise SinkError(f"{out}: is a file; name a folder with --out") from None
    except OSError as problem:
        raise SinkError(f"{out}: cannot be made: {problem.strerror}; name another folder with --out") from problem
    return True


def _lines(report: dict[str, Any], rate_fps: int) -> list[str]:
    """The report for a person."""
    truth, latency = report["truth"], report["latency_ms"]
    dropped = f" ({report['dropped']} dropped)" if report["dropped"] else ""
    lines = [f"demo: {report['frames']} frames{dropped} of a scene whose damages are known, seen by {report['model']}"]
    if report["stopped"]:
        lines.append("  stopped       before the end of the scene")
    if truth is None:
        lines.append("  right         not counted: this network names other things than the damages")
    else:
        settled, of = truth["right_settled"], f"later than {truth['settle_frames'] / rate_fps:g} s after a cut"
        lines += [
            f"  right         {truth['right']:.1%} of all frames"
            + ("" if settled is None else f", {settled:.1%} of those {of}"),
            f"  segments      {truth['segments_right']} of {truth['segments']} right",
            *(
                f"                {each['label']} at {each['first_frame'] / rate_fps:.1f} s was called {each['said']}"
                for each in truth["wrong_segments"]
            ),
            f"  label changes {truth['changes']}, in truth {truth['true_changes']}",
        ]
    rate = report["rates_fps"]["sink"]
    if rate is not None:
        lines.append(f"  rate          {rate:.1f} frames/s classified, drawn and written")
    if latency is not None and latency["p50"] is not None:
        lines.append(f"  latency       p50 {latency['p50']:.1f} ms, p95 {latency['p95']:.1f} ms from frame to answer")
    return [*lines, f"  written       {', '.join(report['files'])}"]
