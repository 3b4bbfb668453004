"""``streamclf classify``: the top classes of single pictures."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamclf.cli.terminal import say
from streamclf.config import DEFAULT_MODEL, RunConfig, make_config
from streamclf.errors import ConfigError, SourceError
from streamclf.outputs import check_output

if TYPE_CHECKING:
    from streamclf.prediction import Prediction

EXAMPLES = """
Examples:

  streamclf classify dog.jpg

  streamclf classify *.jpg --model tiny-darknet --json

  streamclf classify dog.jpg --save labelled.jpg
"""


def command(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Picture files.", show_default=False)],
    model: Annotated[str, typer.Option(help=RunConfig.model_fields["model"].description)] = DEFAULT_MODEL,
    target: Annotated[str, typer.Option(metavar="cpu|opencl|opencl-fp16")] = "cpu",
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Classes per picture.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Show each picture with its label; any key goes on.")] = False,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE|FOLDER", help="Save labelled pictures: a file, or a folder for several."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
) -> None:
    """Print the most probable classes of each picture and the time of the forward pass."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    config = make_config({"model": model, "target": target, "top_k": top_k, "overwrite": overwrite})
    rows = (
        []
        if not images
        else _classify(images, config, None if save is None else _places(images, save, overwrite), show, as_json)
    )
    if as_json:
        print(json.dumps(rows, indent=2))
    raise typer.Exit(1 if any(row["error"] for row in rows) else 0)


def _classify(
    images: list[str], config: RunConfig, places: dict[str, Path] | None, show: bool, quiet: bool
) -> list[dict[str, Any]]:
    """One row a picture; an unreadable one has its ``error`` set and the rest go on."""
    from streamclf.classifier import Classifier
    from streamclf.sources.image_folder import read_picture

    rows: list[dict[str, Any]] = []
    with Classifier(config.model, target=config.target, top_k=config.top_k) as classifier:
        for image in images:
            row: dict[str, Any] = {"file": image, "model": classifier.name, "top": [], "infer_ms": None, "error": None}
            rows.append(row)
            try:
                prediction = classifier.classify(read_picture(image).bgr())
            except SourceError as failure:
                row["error"] = str(failure)
                say(f"error: {failure}")
                continue
            row["top"] = [
                {"class_id": score.class_id, "label": score.label, "probability": round(score.probability, 5)}
                for score in prediction.scores
            ]
            row["infer_ms"] = None if prediction.latency is None else round(prediction.latency.infer_ms, 3)
            if not quiet:
                _print(row)
            if show or places is not None:
                _picture(prediction, image, None if places is None else places[image], show)
    return rows


def _places(images: list[str], save: Path, overwrite: bool) -> dict[str, Path]:
    """Where each labelled picture goes; refused now rather than after the work."""
    single = len(images) == 1 and not save.is_dir()
    places = {image: save if single else save / Path(image).name for image in images}
    if len(set(places.values())) < len(places):
        raise ConfigError(f"{save}: two pictures have the same file name; save them in two runs")
    if not single:
        save.mkdir(parents=True, exist_ok=True)
    for place in places.values():
        check_output(place, overwrite)
    return places


def _print(row: dict[str, Any]) -> None:
    print(f"{row['file']}  ({row['model']}, forward pass {row['infer_ms']:.1f} ms)")
    for place, score in enumerate(row["top"], 1):
        print(f"  {place}. {score['probability']:7.2%}  {score['label']}")


def _picture(prediction: Prediction, title: str, place: Path | None, show: bool) -> None:
    from streamclf.sinks.picture_folder import write_picture
    from streamclf.sinks.window import probe_display, show_picture
    from streamclf.vision.draw import annotate

    picture = annotate(prediction)
    if place is not None:
        write_picture(place, picture)
    if show:
        reason = probe_display()
        if reason is None:
            show_picture(title, picture)
        else:
            say(f"warning: no window: {reason}")
