"""``streamclf classify``: the top classes of single pictures, or the boxes that a detector finds."""

from __future__ import annotations

import json
import os
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamclf.cli.network_options import described_network, with_network_options
from streamclf.cli.pull import PULL_HELP, pull_missing
from streamclf.cli.terminal import say
from streamclf.config import DEFAULT_MODEL, IMAGENET_MODEL, RunConfig, make_config
from streamclf.errors import ConfigError, EngineError, SourceError
from streamclf.frame import Frame
from streamclf.outputs import refuse_loss
from streamclf.sink import Result

if TYPE_CHECKING:
    from streamclf.catalogue.find import ResolvedModel
    from streamclf.prediction import Prediction
    from streamclf.sinks._output import OutputFile
    from streamclf.sinks.picture_folder import PictureFolderSink

EXAMPLES = """
Examples:

  streamclf classify dog.jpg

  streamclf classify *.jpg --model tiny-darknet --json

  streamclf classify dog.jpg --save labelled.jpg

  streamclf classify dog.jpg --weights net.caffemodel --config deploy.prototxt --preset imagenet-caffe --labels synset_words.txt
"""


@with_network_options
def command(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Picture files.", show_default=False)],
    model: Annotated[
        str | None,
        typer.Option(
            help=f"{RunConfig.model_fields['model'].description} [default: {DEFAULT_MODEL}]", show_default=False
        ),
    ] = None,
    pull: Annotated[bool, typer.Option("--pull", help=PULL_HELP)] = False,
    target: Annotated[str, typer.Option(metavar="cpu|opencl|opencl-fp16")] = "cpu",
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="auto|opencv|onnxruntime|openvino|litert",
            help="What runs the network (default: opencv where it reads it).",
            show_default=False,
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option(metavar="exact|fast", help=RunConfig.model_fields["precision"].description)
    ] = "exact",
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Classes per picture.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Show each picture with its label; any key goes on.")] = False,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE|FOLDER", help="Save labelled pictures: a file, or a folder for several."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
    **network: Any,
) -> None:
    """Print the most probable classes of each picture, or what a detector finds and where (pixels), and the time it took."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    asked = {"target": target, "precision": precision, "top_k": top_k}
    config = make_config({"model": model or DEFAULT_MODEL, **asked, **({"engine": engine} if engine else {})})
    _refuse_addresses(images)
    own = described_network(network, model, may_ask=not as_json)
    if pull and own is None:
        pull_missing(config.model)
    shower = Shower(images, save, overwrite, show)
    try:
        rows = _classify(images, own.model if own else config.model, config, shower, quiet=as_json)
    finally:
        shower.close()
    if as_json:
        print(json.dumps(rows, indent=2))
    elif own is None and any(row["model"] == DEFAULT_MODEL and row["top"] for row in rows):
        say(
            f"{DEFAULT_MODEL} tells what is wrong with a picture; for the 1000 ImageNet classes add "
            f"--model {IMAGENET_MODEL} --pull"
        )
    raise typer.Exit(1 if any(row["error"] for row in rows) else 0)


def _refuse_addresses(images: list[str]) -> None:
    """Streams are for ``run``; and what is meant as an address may hold a password, so it is never shown as a file's name."""
    from streamclf.sources.address import almost_address, redact_url

    for image in images:
        shown = redact_url(image) if "://" in image else almost_address(image)
        if shown and not Path(image).exists():
            raise ConfigError(f"{shown}: is an address; classify reads picture files, 'streamclf run' reads streams")


def _classify(
    images: list[str], model: str | ResolvedModel, config: RunConfig, shower: Shower, quiet: bool
) -> list[dict[str, Any]]:
    """One row a picture; one that cannot be read or answered has its ``error`` set and the rest go on."""
    from streamclf.catalogue.find import find_model
    from streamclf.classifier import Classifier
    from streamclf.loading import reference_engine
    from streamclf.sinks._rows import answer
    from streamclf.sources.image_folder import read_picture

    rows: list[dict[str, Any]] = []
    resolved = find_model(model) if isinstance(model, str) else model
    # a race takes seconds, which single pictures do not bring back
    chosen = config.engine if "engine" in config.model_fields_set else reference_engine(resolved)
    with Classifier(resolved, config.target, config.top_k, engine=chosen, precision=config.precision) as classifier:
        for index, image in enumerate(images):
            row: dict[str, Any] = {"file": image, "model": classifier.name, "engine": classifier.info.label}
            row |= {"top": [], "infer_ms": None, "error": None}
            rows.append(row)
            try:
                picture = read_picture(image)
            except SourceError as failure:
                row["error"] = str(failure)
                say(f"error: {failure}")
                continue
            frame = Frame(picture, "pictures", index, None, Fraction(1), time.monotonic(), origin=image)
            try:
                (prediction,) = classifier.classify_frames([frame])
            except EngineError as failure:
                row["error"] = f"{image}: {failure}"
                say(f"error: {row['error']}")
                continue
            assert prediction.latency is not None
            row["infer_ms"] = round(prediction.latency.infer_ms, 3)
            row |= answer(prediction)
            if not quiet:
                print_answer(row)
            shower.take(prediction)
    return rows


class Shower:
    """What is done with a labelled picture: saved, shown, both, or nothing."""

    def __init__(self, images: list[str], save: Path | None, overwrite: bool, show: bool):
        self._file: OutputFile | None = None
        self._folder: PictureFolderSink | None = None
        self._show = show
        if save is not None:
            from streamclf.sinks._output import open_output
            from streamclf.sinks.picture_folder import PictureFolderSink
            from streamclf.sources.image_folder import SUFFIXES

            refuse_loss([save], [Path(image) for image in images])
            if len(images) == 1 and save.suffix and not save.is_dir():
                if save.suffix.lower() not in SUFFIXES:
                    raise ConfigError(f"{save}: not a picture's name; end it with .jpg or .png, or name a folder")
                self._file = open_output(save, overwrite)
            else:
                self._folder = PictureFolderSink(save, overwrite)
        if show:
            from streamclf.sinks.window import probe_display

            reason = probe_display()
            if reason is not None:
                say(f"warning: no window: {reason}")
                self._show = False

    def close(self) -> None:
        """Let the outputs go; a file that got no picture is taken away."""
        if self._file is not None:
            self._file.close()

    def take(self, prediction: Prediction) -> None:
        """One classified picture."""
        if self._file is None and self._folder is None and not self._show:
            return
        from streamclf.vision.draw import annotate

        result = Result(prediction, is_live=False, draw=lambda each: annotate(each, threshold=0.0))
        if self._folder is not None:
            self._folder.write(result)
        if self._file is not None:
            from streamclf.sinks._encode import encode

            self._file.write(encode(result.annotated, self._file.path.suffix, self._file.path))
        if self._show:
            from streamclf.sinks.window import show_picture

            show_picture(prediction.frame.origin or "", result.annotated)


def print_answer(row: dict[str, Any]) -> None:
    """What a network said of one picture, for people."""
    print(f"{row['file']}  ({row['model']}, forward pass {row['infer_ms']:.1f} ms)")
    for place, found in enumerate(row.get("boxes", row["top"]), 1):
        print(f"  {place}. {found['probability']:7.2%}  {found['label']}{_place(found)}")
    if row.get("boxes") == []:
        print("  nothing found")


def _place(found: dict[str, Any]) -> str:
    if "box_xyxy" not in found:
        return ""
    left, top, right, bottom = (round(side) for side in found["box_xyxy"])
    return f"  from ({left}, {top}) to ({right}, {bottom})"
