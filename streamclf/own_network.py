"""A user's own network: from its files and a few words about it to a network that can be used. Reads it and tries it on pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from streamclf.catalogue.card import InputSpec
from streamclf.catalogue.find import ResolvedModel
from streamclf.catalogue.formats import NetworkFiles, darknet_input, network_files, with_only_definition
from streamclf.catalogue.network_options import Gap, NetworkOptions, option_name
from streamclf.catalogue.one_off import (
    UNKNOWN_LICENCE,
    Declared,
    NetworkLabels,
    Told,
    input_spec,
    make_card,
    network_labels,
    plain_name,
)
from streamclf.catalogue.presets import PRESETS
from streamclf.errors import ConfigError, EngineError, ModelFileError
from streamclf.loading import check_installed

if TYPE_CHECKING:
    from streamclf.engine import FloatArray
    from streamclf.engines import litert_look, opencv_look
    from streamclf.prediction import BoxLayout

    Look: TypeAlias = opencv_look.Look | litert_look.Look
    Answers: TypeAlias = Sequence[Mapping[str, FloatArray]]
    """What comes out of each of a few pictures, by output."""

Ask: TypeAlias = Callable[[Gap, NetworkOptions], NetworkOptions]
"""Asks the user what is missing and hands back the options with the answer."""

PICTURES = 3
"""On how many the network is tried: the numbers of one alone could add up to 1 by accident."""
THRESHOLD, OVERLAP = 0.5, 0.45
"""What a detector's card says where nobody else does."""
_MANY, _SURE, _ABOVE_CHANCE = 10, 0.25, 5.0
"""Of so many classes the best one is expected to be so probable, or so many times as probable as by chance."""
_USUAL_SETS = {1000: "imagenet-1000", 1001: "imagenet-1000"}
_USUAL_BOXED_SETS = {80: "coco-80", 20: "voc-20"}
_NANODET_SIDES = 32


@dataclass(frozen=True, slots=True)
class OwnNetwork:
    """A network ready to use, and in sentences what its file told of it, what was assumed, and what looks wrong."""

    model: ResolvedModel
    found: tuple[str, ...]
    assumed: tuple[str, ...]
    warnings: tuple[str, ...]
    label_file: Path | None
    """Where the labels were read; None where they are a list of the catalogue."""


def own_network(
    options: NetworkOptions,
    ask: Ask | None = None,
    name: str | None = None,
    licence: str = UNKNOWN_LICENCE,
    trusted: bool = True,
) -> OwnNetwork:
    """The network of ``options.weights``: read, tried on pictures, described. What is missing is asked, if there is ``ask``.

    A damaged file may kill the process that reads it: one that is not ``trusted`` is read in a child first.

    Raises:
        Gap: something only the user can know is missing, and nobody can be asked.
        ConfigError: the options contradict each other or the network.
        CardError: the label list is damaged.
        ModelFileError, EngineError: the files are no network that can be read, run, and understood.
    """
    if options.weights is None:
        first = next((option_name(each) for each in options.said), "this")
        raise ConfigError(f"{first}: is for a network without a card; name its weights with --weights")
    files = network_files(options.weights, options.config, options.framework)
    files, look = _read(files, trusted)
    declared = _declared(look, files)
    while True:
        told = Told(assumed=list(files.assumed))
        try:
            spec = input_spec(options, declared, str(files.weights), told)
            told.found.append(_input_sentence(spec, files, declared))
            output, labels = _output(options, files, look, spec, told)
        except Gap as gap:
            if ask is None:
                raise
            options = ask(gap, options)
            continue
        except EngineError:
            both = with_only_definition(files)
            if both is None:
                raise
            files, look = _read(both, trusted)
            declared = _declared(look, files)
            continue
        card = make_card(name or plain_name(files.weights), files, spec, output, labels.set, licence)
        model = ResolvedModel(card, files.weights.parent, dict(files.paths), labels.names)
        label_file = None if labels.set else labels.path
        return OwnNetwork(model, tuple(told.found), tuple(told.assumed), tuple(told.warnings), label_file)


def _read(files: NetworkFiles, trusted: bool) -> tuple[NetworkFiles, Look]:
    """The network, and its files: one that cannot be read alone takes the definition beside it."""
    looking = _looking(files)
    crashed = None if trusted else looking.crash(files)
    if crashed is not None:
        raise EngineError(
            f"{files.weights}: {looking.TITLE} {crashed} when it reads this; get the file anew, it may be damaged"
        )
    try:
        return files, looking.Look(files)
    except EngineError as error:
        both = with_only_definition(files)
        if both is not None:
            return _read(both, trusted)
        raise EngineError(f"{error}; {_unreadable(files, str(error.__cause__))}") from error


def _looking(files: NetworkFiles) -> Any:
    """The module with the ``Look`` into networks of this framework; raises EngineError where its library is not installed."""
    if files.framework == "tflite":
        check_installed("litert", f"{files.weights}: is a TensorFlow Lite network")
        from streamclf.engines import litert_look

        return litert_look
    from streamclf.engines import opencv_look

    return opencv_look


def _declared(look: Look, files: NetworkFiles) -> Declared:
    shapes = look.input_shapes()
    name = str(files.weights)
    if len(shapes) > 1:
        raise ModelFileError(f"{name}: takes {len(shapes)} inputs; streamclf gives one, a picture")
    if shapes:
        declared = Declared.of(shapes[0], name)
        return replace(declared, layout=None) if files.framework == "tflite" else declared
    if files.framework == "darknet":
        said = darknet_input(files.paths["config"])
        if said is not None:
            width, height, channels = said
            return Declared.of((1, channels, height, width), name)
    return Declared()


def _unreadable(files: NetworkFiles, said: str) -> str:
    """What may be the matter with files that are not read."""
    if files.framework == "onnx" and "parse error" in said:  # the graph was read, and one of its nodes made trouble
        return "if it is whole, it may help to export it anew: with a fixed input size, simplified, or of another opset"
    if files.framework == "tensorflow" and "config" not in files.paths:
        return "is it a whole, frozen graph? Some also need a .pbtxt, given in --config"
    both = "are both whole, and of one network?" if len(files.paths) > 1 else "is it whole?"
    return f"{both} It was read as {files.framework} (--framework)"


def _input_sentence(spec: InputSpec, files: NetworkFiles, declared: Declared) -> str:
    size = f"{spec.width}x{spec.height}" + ("" if declared.size_wh else ", a size that the file does not say")
    return f"{files.framework}, {'grey' if spec.channels == 'grey' else 'colour'} pictures of {size}"


def _output(
    options: NetworkOptions, files: NetworkFiles, look: Look, spec: InputSpec, told: Told
) -> tuple[dict[str, Any], NetworkLabels]:
    """A card's [output], and the labels."""
    boxes = options.boxes or (PRESETS[options.preset].boxes if options.preset else None)
    answers = _answers(options, files, look, spec)
    kind = _boxes_of([output.shape for output in answers[0].values()])
    if boxes is None and kind is not None:
        raise Gap(
            f"{files.weights}: puts out {_shapes(answers)}, as a detector does; say it with --boxes {kind}",
            "boxes",
            f"It puts out {_shapes(answers)}, as a detector does. In which way are its boxes written?",
            {kind: "as it looks"},
        )
    if boxes is not None and kind != boxes:
        raise ConfigError(_no_such_boxes(options, boxes, kind, f"{files.weights} puts out {_shapes(answers)}"))
    if boxes is None:
        output, labels = _classes(options, files, answers, told)
    else:
        output, labels = _boxes(options, files, answers, boxes, spec, told)
    if options.output_layer is not None:
        output["name"] = options.output_layer
    return output, labels


def _no_such_boxes(options: NetworkOptions, boxes: BoxLayout, kind: BoxLayout | None, found: str) -> str:
    """Why a network is not taken for a detector of ``boxes``, said of the option that the user gave."""
    if kind is not None:
        given = f"--boxes {boxes}" if options.boxes else f"--preset {options.preset}"
        return f"{given}: {found}, which look like boxes of the kind {kind} (--boxes {kind})"
    if options.boxes:
        return f"--boxes {boxes}: {found}, which are no boxes; leave it out if it is a classifier"
    return (
        f"--preset {options.preset}: is for detectors, and {found}, which are no boxes; of a classifier say with --channels, "
        "--scale, --mean and --std how its pictures were prepared"
    )


def _answers(options: NetworkOptions, files: NetworkFiles, look: Look, spec: InputSpec) -> Answers:
    from streamclf.proof import probe_pictures

    names = look.output_names
    wanted = options.output_layer
    if wanted is not None:
        if wanted not in (*names, *look.layer_names):
            raise ConfigError(
                f"--output-layer {wanted}: {files.weights} has none of that name; its outputs are {', '.join(names)}"
            )
        names = (wanted,)
    pictures = probe_pictures(PICTURES, (spec.width, spec.height), spec.channel_count)
    try:
        return [look.answer(picture, spec, names) for picture in pictures]
    except EngineError as error:
        raise EngineError(f"{error}{_unfit(options, files)}") from error


def _unfit(options: NetworkOptions, files: NetworkFiles) -> str:
    """What may be the matter with a network that was read and does not run."""
    parts = [f"is {files.paths['config'].name} its definition?"] if "config" in files.paths else []
    if files.framework == "tensorflow" and not parts:
        parts.append("does it need a .pbtxt, given in --config?")
    if {"size", "channels", "layout"} & options.said.keys():
        parts.append("does it want another --size, --channels or --layout?")
    return f"; {' '.join(parts)}" if parts else ""


def _classes(
    options: NetworkOptions, files: NetworkFiles, answers: Answers, told: Told
) -> tuple[dict[str, Any], NetworkLabels]:
    from streamclf.vision.postprocess import softmax_contradiction

    if len(answers[0]) > 1:
        outputs = {name: str(output.shape) for name, output in answers[0].items()}
        said = ", ".join(f"{name} {shape}" for name, shape in outputs.items())
        raise Gap(
            f"{files.weights}: has {len(outputs)} outputs, {said}; name the one with the classes in --output-layer",
            "output_layer",
            "Which output holds the classes?",
            outputs,
        )
    rows = _rows(files, answers)
    numbers = rows.shape[1]
    is_softmax = softmax_contradiction(rows, False) is not None
    told.found.append(
        f"{numbers} numbers a picture, "
        + ("probabilities already" if is_softmax else f"from {rows.min():.4g} to {rows.max():.4g}, so no probabilities")
    )
    if not is_softmax:
        told.assumed.append("a softmax makes probabilities of them: one class of each picture")
    usual = _USUAL_SETS.get(numbers)
    background = options.background
    if background is None and numbers == 1001 and options.labels in (None, usual):
        background = 1
        told.assumed.append("the first of the 1001 numbers is none of ImageNet's 1000 classes (--background)")
    if usual and files.framework == "darknet":
        usual = f"{usual}-darknet"  # which has an order of its own
    background = background or 0
    labels = network_labels(options, numbers - background, usual, str(files.weights), told)
    _check_count(len(labels.names), numbers, background, labels.path, files.weights)
    doubt = _doubt(rows, is_softmax, background)
    if doubt is not None:
        told.warnings.append(doubt)
    output: dict[str, Any] = {"classes": len(labels.names), "softmax": is_softmax}
    return output | ({"background": background} if background else {}), labels


def _doubt(rows: FloatArray, is_softmax: bool, background: int) -> str | None:
    """What looks wrong with a classifier's answers (pictures, numbers); None where nothing does."""
    from streamclf.vision.postprocess import probabilities

    if (rows == rows[0]).all():
        return "the network said the same of every picture that was tried: are --scale, --mean and --std right?"
    if not is_softmax and rows.min() >= 0 and rows.max() <= 1:
        return (
            "its numbers lie between 0 and 1 and do not add up to 1, as those of a network that ends in a sigmoid, which may say "
            "several classes at once; streamclf takes one class a picture, so the probabilities that it shows are wrong"
        )
    every = probabilities(rows, is_softmax, background)
    best, classes = float(every.max()), every.shape[1]
    if classes >= _MANY and best < min(_SURE, _ABOVE_CHANCE / classes):
        return f"the answers are almost even ({100 * best:.2g} % at best): is it trained, and are --scale, --mean and --std right?"
    return None


def _rows(files: NetworkFiles, answers: Answers) -> FloatArray:
    """Each picture's numbers (pictures, numbers) of a classifier."""
    import numpy as np

    outputs = [next(iter(answer.values())) for answer in answers]
    shape = outputs[0].shape
    of_picture = shape[1:] if len(shape) > 1 and shape[0] == 1 else shape
    if len([side for side in of_picture if side != 1]) != 1:
        raise EngineError(
            f"{files.weights}: puts out {shape} for a picture, which is no row of classes, and no boxes either"
        )
    rows = [output.reshape(1, -1) for output in outputs]
    if not all(np.isfinite(row).all() for row in rows):
        definition = f" Is {files.paths['config'].name} its definition?" if "config" in files.paths else ""
        raise EngineError(
            f"{files.weights}: puts out NaN or infinite numbers; is it whole, and are --scale, --mean and --std right?{definition}"
        )
    return np.concatenate(rows)


def _boxes(
    options: NetworkOptions, files: NetworkFiles, answers: Answers, boxes: BoxLayout, spec: InputSpec, told: Told
) -> tuple[dict[str, Any], NetworkLabels]:
    from streamclf.vision.detection import decode, per_picture

    background = options.background
    if background is None:
        background = 1 if boxes == "ssd" else 0
    classes = _boxed_classes(boxes, {output.shape[-1] for output in answers[0].values()})
    labels = network_labels(options, classes, _USUAL_BOXED_SETS.get(classes or 0), str(files.weights), told)
    if classes is not None:
        _check_count(len(labels.names), classes, background, labels.path, files.weights)
    count = len(labels.names)
    try:
        for answer in answers:
            own = [output[0] for output in per_picture(boxes, answer, 1).values()]
            decode(boxes, own, (spec.width, spec.height), background + count, least=0)
    except EngineError as error:
        raise EngineError(f"{files.weights}: {error}") from error
    told.found.append(f"boxes of the kind {boxes}: {_shapes(answers)}")
    told.assumed.append(
        f"a box counts from a score of {THRESHOLD} on; of two that overlap by more than {OVERLAP} one stays"
    )
    output: dict[str, Any] = {"classes": count, "boxes": boxes, "threshold": THRESHOLD, "overlap": OVERLAP}
    return output | ({"background": background} if background else {}), labels


def _boxed_classes(boxes: BoxLayout, widths: set[int]) -> int | None:
    """How many classes a detector tells apart, where the widths of its outputs show it."""
    if boxes == "yolo_regions" and len(widths) == 1:
        return max(1, widths.pop() - 5)
    others = widths - {_NANODET_SIDES}
    return others.pop() if boxes == "nanodet" and len(others) == 1 else None


def _check_count(count: int, numbers: int, background: int, labels: Path, weights: Path) -> None:
    missing = numbers - background - count
    if not missing:
        return
    less = f", {background} of them no class" if background else ""
    # One more output than labels is usual (TensorFlow's background); more than that is another network's list.
    hint = f"; if the first {background + 1} are no class, say --background {background + 1}" if missing == 1 else ""
    raise ConfigError(f"{labels}: {count} labels, but {weights} puts out {numbers} numbers{less}{hint}")


def _boxes_of(shapes: Sequence[tuple[int, ...]]) -> BoxLayout | None:
    """How a detector with outputs of these shapes writes its boxes; None if it is none that streamclf knows."""
    widths = {shape[-1] for shape in shapes}
    if len(shapes) == 1 and len(shapes[0]) == 4 and widths == {7}:
        return "ssd"
    if all(len(shape) == 2 and shape[0] > 1 for shape in shapes) and len(widths) == 1 and min(widths) > 5:
        return "yolo_regions"
    if all(len(shape) == 3 for shape in shapes) and len(shapes) > 1 and _NANODET_SIDES in widths and len(widths) <= 2:
        return "nanodet"
    return None


def _shapes(answers: Answers) -> str:
    return ", ".join(str(output.shape) for output in answers[0].values())
