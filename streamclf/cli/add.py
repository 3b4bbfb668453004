"""``streamclf models add``: a network of the user's own into the user's own folder."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamclf.catalogue.card import CARD_NAME
from streamclf.catalogue.formats import ENDINGS
from streamclf.catalogue.network_options import NetworkOptions, network_options, option_name
from streamclf.cli.classify import print_answer
from streamclf.cli.ending import ended_in_order
from streamclf.cli.network_options import asker, with_network_options
from streamclf.cli.terminal import say
from streamclf.errors import CardError, ConfigError

if TYPE_CHECKING:
    from streamclf.catalogue.find import ResolvedModel

EXAMPLES = """
Examples:

  streamclf models add weights.onnx                          asks for what it cannot know

  streamclf models add flowers.onnx --preset imagenet-torch --labels flowers.txt

  streamclf models add net.caffemodel deploy.prototxt --preset imagenet-caffe --labels synset_words.txt --name mine

  streamclf models add yolov3.weights yolov3.cfg --preset yolo --labels coco-80 --try street.jpg

  streamclf models add their-network/                        a folder with a card.toml
"""


@with_network_options
def command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE...]", help="The weights and, if there is one, the definition; or a folder with card.toml."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Its name; else made from the file's.", show_default=False)] = None,
    licence: Annotated[str | None, typer.Option(help="Its licence, for its card.", show_default=False)] = None,
    link: Annotated[bool, typer.Option("--link", help="Link to the files instead of copying them.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a network that was added before.")] = False,
    picture: Annotated[
        Path | None, typer.Option("--try", metavar="PICTURE", help="Show what it says of this instead of a drawn one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program; never asks.")] = False,
    **network: Any,
) -> None:
    """Add a network of your own: look into its file, write its card, try it, and keep it under a name.

    It goes into ~/.local/share/streamclf/models (or below XDG_DATA_HOME), whole or not at all.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    with ended_in_order():
        options, folder = _options(files or [], network)
        if folder is None:
            proposal = _of_files(options, name, licence, None if as_json else asker(), overwrite)
        else:
            proposal = _of_folder(folder, options, name, licence, overwrite)
        report = _add(proposal, link, overwrite, picture)
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        _print(report)


@dataclass(frozen=True, slots=True)
class _Proposal:
    """What will be added. ``copies`` go beside the card as they are."""

    model: ResolvedModel
    card_text: str
    found: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    copies: tuple[Path, ...] = ()


def _options(files: list[Path], network: dict[str, Any]) -> tuple[NetworkOptions, Path | None]:
    """The options with the files named as arguments among them; and the folder, if it is one with a card."""
    first = files[0] if files else None
    if first is not None and (first.is_dir() or first.name == CARD_NAME):
        if len(files) > 1:
            raise ConfigError(f"{files[1]}: {first} is a whole network; add one at a time")
        return network_options(network), first if first.is_dir() else first.parent
    given = dict(network)
    for file in files:
        role = ENDINGS.get(file.suffix.lower(), ("", "weights"))[1]
        if given.get(role) is not None:
            raise ConfigError(f"{file}: {given[role]} is the {role} already; a network has one of each")
        given[role] = str(file)
    if given.get("weights") is None:
        raise ConfigError("no network: name its weights, for example 'streamclf models add weights.onnx'")
    return network_options(given), None


def _of_files(options: NetworkOptions, name: str | None, licence: str | None, ask: Any, overwrite: bool) -> _Proposal:
    from streamclf.catalogue.adding import check_name
    from streamclf.catalogue.card_text import card_toml
    from streamclf.catalogue.one_off import UNKNOWN_LICENCE, plain_name
    from streamclf.own_network import own_network

    assert options.weights is not None
    chosen = name or plain_name(options.weights)
    check_name(chosen, overwrite)  # before anything that takes time
    own = own_network(options, ask, chosen, licence or UNKNOWN_LICENCE, trusted=False)
    assumed = [*own.assumed]
    if name is None:
        assumed.append(f"its name is {chosen}, from its file's (--name)")
    if licence is None:
        assumed.append("its licence is not known (--licence)")
    remarks = [
        "Written by 'streamclf models add'.",
        *(f"Assumed: {sentence}." for sentence in assumed),
        *(f"Warning: {sentence}" for sentence in own.warnings),
    ]
    return _Proposal(own.model, card_toml(own.model.card, remarks), own.found, tuple(assumed), own.warnings)


def _of_folder(
    folder: Path, options: NetworkOptions, name: str | None, licence: str | None, overwrite: bool
) -> _Proposal:
    from streamclf.catalogue.adding import check_name
    from streamclf.catalogue.card_text import card_toml
    from streamclf.catalogue.expected import EXPECTED_NAME, read_expectation
    from streamclf.catalogue.find import find_model
    from streamclf.verify import label_problem

    said = [option_name(each) for each in options.said] + (["--licence"] if licence is not None else [])
    if said:
        raise ConfigError(f"{said[0]}: {folder / CARD_NAME} says all this; change the card instead")
    model = find_model(folder.absolute())
    text = (folder / CARD_NAME).read_text(encoding="utf-8")
    if name is not None and name != model.card.name:
        model = replace(model, card=model.card.model_copy(update={"name": name}))
        text = card_toml(model.card)
    check_name(model.card.name, overwrite)
    copies = [folder / model.card.labels.file] if model.card.labels.file else []
    expectation = read_expectation(folder / EXPECTED_NAME)
    if expectation is not None:
        problem = label_problem(expectation, model.labels)
        if problem is not None:
            raise CardError(f"{folder / EXPECTED_NAME}: is not of this card: {problem}")
        copies.append(folder / EXPECTED_NAME)
    return _Proposal(model, text, (f"a card in {folder}",), copies=tuple(copies))


def _add(proposal: _Proposal, link: bool, overwrite: bool, picture: Path | None) -> dict[str, Any]:
    from streamclf.catalogue.adding import add_network

    folder, tried = add_network(
        proposal.model, proposal.card_text, lambda folder: _try(folder, picture), link, overwrite, proposal.copies
    )
    card = proposal.model.card
    return {
        "name": card.name,
        "folder": str(folder),
        "files": [file.name for file in card.files],
        "bytes": sum(path.stat().st_size for path in proposal.model.paths.values()),
        "linked": link,
        "found": list(proposal.found),
        "assumed": list(proposal.assumed),
        "warnings": list(proposal.warnings),
        "card": card.model_dump(mode="json", by_alias=True, exclude_none=True),
        "tried": tried,
    }


def _try(folder: Path, picture: Path | None) -> dict[str, Any]:
    """What the network in ``folder`` says of a picture."""
    from streamclf.catalogue.find import find_model
    from streamclf.classifier import Classifier
    from streamclf.loading import reference_engine
    from streamclf.sinks._rows import answer
    from streamclf.sources.image_folder import read_picture
    from streamclf.sources.synthetic import SyntheticSource

    image = next(iter(SyntheticSource("drawn"))).image if picture is None else read_picture(picture).bgr()
    model = find_model(folder)
    with Classifier(model, engine=reference_engine(model)) as classifier:  # a race would take longer than the answer
        prediction = classifier.classify(image)
    assert prediction.latency is not None
    return {
        "file": "a drawn picture" if picture is None else str(picture),
        "model": prediction.model,
        **answer(prediction),
        "infer_ms": round(prediction.latency.infer_ms, 3),
    }


def _print(report: dict[str, Any]) -> None:
    from streamclf.catalogue.fetch import size_text

    how = "linked" if report["linked"] else size_text(report["bytes"])
    print(f"{report['name']} is in {report['folder']} ({', '.join(report['files'])}, {how})")
    for kind in ("found", "assumed"):
        for sentence in report[kind]:
            print(f"  {kind}: {sentence}")
    print_answer(report["tried"])
    print(f"Now: streamclf run 0 --model {report['name']}", flush=True)
    for sentence in report["warnings"]:
        say(f"warning: {sentence}")
