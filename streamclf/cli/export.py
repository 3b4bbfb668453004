"""``streamclf export``: a network of Keras or PyTorch made one of streamclf's."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamclf.catalogue.network_options import network_options
from streamclf.cli.ending import ended_in_order
from streamclf.cli.network_options import asker, with_network_options
from streamclf.cli.terminal import say
from streamclf.exporter import NOT_FOR_EXPORT

if TYPE_CHECKING:
    from streamclf.exporting import Exported

EXAMPLES = """
Examples:

  streamclf export keras:resnet50                            Keras fetches its weights; then: --model resnet50

  streamclf export keras:vgg16 --weights vgg16_weights.h5

  streamclf export keras:flowers.keras --labels flowers.txt  one that prepares its pictures itself, with a Rescaling layer

  streamclf export keras:birds.h5 --preset imagenet-tf --labels birds.txt

  streamclf export torch:flowers.pt2 --preset imagenet-torch --labels flowers.txt --try rose.jpg

  streamclf export torch:mynets:make_flowers --size 224x224 --preset imagenet-torch --labels flowers.txt
"""


@partial(with_network_options, without=NOT_FOR_EXPORT)
def command(
    network_name: Annotated[
        str,
        typer.Argument(
            metavar="NETWORK",
            help="keras:NAME (vgg16, vgg19, resnet50, inceptionv3, xception, mobilenetv2), keras:FILE.keras|.h5, torch:FILE.pt2, or "
            "torch:MODULE:FUNCTION, a function of yours that makes it.",
        ),
    ],
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="imagenet|none|FILE",
            help="Of Keras' own networks: fetched by Keras (the default), untrained, or a file.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="From which the weights of --weights none are drawn: the same seed, the same network (1 if not given).",
            min=0,
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Its name; else made from the network's.", show_default=False)
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Its licence, for its card.", show_default=False)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a network that was added before.")] = False,
    pictures: Annotated[
        list[Path] | None,
        typer.Option("--try", metavar="PICTURE", help="Prove it on this, too (may be given several times)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program; never asks.")] = False,
    **network: Any,
) -> None:
    """Export a network of Keras or PyTorch: an ONNX file and its card, proven to say what the framework says.

    It needs pip install "streamclf\\[keras]" or "streamclf\\[torch]"; running what was exported does not. It goes into
    ~/.local/share/streamclf/models, whole or not at all. Only networks of one class a picture, no detectors.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    from streamclf.exporting import export, open_network

    with ended_in_order():
        options = network_options(network)
        source = open_network(network_name, weights, seed)
        ask = None if as_json else asker()
        done = export(source, options, name, licence, overwrite, pictures or (), ask, say)
    report = _report(done)
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        _print(report)


def _report(done: Exported) -> dict[str, Any]:
    from streamclf.equality import PATH_TOLERANCE, TOLERANCE

    card = done.model.card
    proof = asdict(done.proof)
    del proof["warnings"]
    return {
        "name": card.name,
        "folder": str(done.folder),
        "files": [file.name for file in card.files],
        "bytes": done.model.size_bytes,
        "classes": card.output.classes,
        "size": [card.input.width, card.input.height],
        "found": list(done.found),
        "assumed": list(done.assumed),
        "warnings": list(done.warnings),
        "proof": {**proof, "tolerance": TOLERANCE, "path_tolerance": PATH_TOLERANCE},
        "card": card.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def _print(report: dict[str, Any]) -> None:
    from streamclf.catalogue.fetch import size_text

    proof, size = report["proof"], "x".join(map(str, report["size"]))
    files = ", ".join(report["files"])
    print(f"{report['name']} is in {report['folder']} ({files}, {size_text(report['bytes'])})")
    print(f"  {report['classes']} classes, pictures of {size}, {'/'.join(map(str, proof['batch_sizes']))} at once")
    for kind in ("found", "assumed"):
        for sentence in report[kind]:
            print(f"  {kind}: {sentence}")
    colours = proof["exchanged_colours"]
    mistakes = [f"{proof['half_scale']:.2g} with half the scale"]
    if colours is not None:
        mistakes.insert(0, f"{colours:.2g} with red and blue exchanged")
    print(
        f"  proven: on {proof['pictures']} pictures OpenCV is off by {proof['difference']:.1g} of the largest logit, at most "
        f"{proof['tolerance']:g} (it would be {' and '.join(mistakes)})"
    )
    print(
        f"  from the file on, where Pillow instead of OpenCV reads and shrinks the picture, the logits differ by {proof['from_picture']:.2g} of "
        f"their spread, at most {proof['path_tolerance']:g}: two programs shrink pictures a little differently"
    )
    print(f"Now: streamclf classify PICTURE --model {report['name']}", flush=True)
    for sentence in report["warnings"]:
        say(f"warning: {sentence}")
