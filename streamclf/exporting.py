"""Another framework's network made one of streamclf's: an ONNX file, its card, and the proof that both say the same (``equality.py``)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from streamclf.catalogue.adding import add_network, check_name
from streamclf.catalogue.card_text import card_toml
from streamclf.catalogue.expected import EXPECTED_NAME, labels_digest
from streamclf.catalogue.find import ResolvedModel, find_model, named_folder, user_folder
from streamclf.catalogue.network_options import Gap, NetworkOptions, option_name
from streamclf.catalogue.one_off import UNKNOWN_LICENCE, Declared, Told, input_spec, network_labels, plain_name
from streamclf.catalogue.presets import PRESETS
from streamclf.equality import Proof, logits, prove
from streamclf.errors import ConfigError, EngineError, ModelFileError, StreamclfError
from streamclf.exporter import NOT_FOR_EXPORT, SourceNetwork
from streamclf.own_network import Ask, OwnNetwork, own_network

if TYPE_CHECKING:
    from streamclf.catalogue.card import InputSpec, ModelCard
    from streamclf.frame import FitPlan, Image

EXPECTED_FACTOR = 1.15
"""How far OpenCV's probabilities may be off those in ``expected.json``, as in the catalogue."""
TOLD_CLASSES = 20
_OF_KERAS = ("preset", "size", "channels", "scale", "mean", "std")

_PREPARATION = ("preset", "scale", "mean", "std")
_RAW = {"scale": 1.0, "mean": (0.0,), "std": (1.0,)}
_RAW_SAID = "--channels rgb --scale 1 --mean 0 --std 1"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was put where, and what is known of it."""

    model: ResolvedModel
    folder: Path
    proof: Proof
    found: tuple[str, ...]
    assumed: tuple[str, ...]
    warnings: tuple[str, ...]


def open_network(target: str, weights: str | None, seed: int | None) -> SourceNetwork:
    """``keras:NETWORK``, ``keras:FILE``, ``torch:FILE.pt2`` or ``torch:MODULE:FUNCTION``.

    Raises:
        ConfigError: it is none of these; ``weights`` and ``seed`` are only for Keras' own networks.
        Whatever the exporters raise.
    """
    framework, _, given = target.partition(":")
    if framework not in ("keras", "torch") or not given:
        hint = f"; did you mean {_guess(target)}?" if _guess(target) else ""
        raise ConfigError(
            f"{target}: say whose network it is, keras:resnet50, keras:FILE.keras, torch:FILE.pt2 or torch:MODULE:FUNCTION{hint}"
        )
    if framework == "keras":
        from streamclf.exporters.keras import APPLICATIONS, KerasNetwork

        if seed is not None and (weights != "none" or given.lower() not in APPLICATIONS):
            raise ConfigError(f"--seed {seed}: is for keras:NETWORK with --weights none; leave it out")
        return KerasNetwork(given, weights, 1 if seed is None else seed)
    for option, value in (("--weights", weights), ("--seed", seed)):
        if value is not None:
            raise ConfigError(f"{option} {value}: is for Keras' own networks (keras:resnet50); leave it out")
    from streamclf.exporters.torch import TorchNetwork

    return TorchNetwork(given)


def export(
    source: SourceNetwork,
    options: NetworkOptions,
    name: str | None = None,
    licence: str | None = None,
    overwrite: bool = False,
    pictures: Sequence[Path] = (),
    ask: Ask | None = None,
    tell: Tell = lambda sentence: None,
) -> Exported:
    """Write ``source`` as ONNX with a card, prove it, and put it into the user's folder: whole or not at all.

    ``options`` say what the framework does not know; ``ask`` is asked what is still missing. ``tell`` hears what takes time.

    Raises:
        UsageError: the name is taken.
        ConfigError: the options contradict the network, or something is missing (Gap).
        SourceError: one of ``pictures`` cannot be read.
        ModelFileError, EngineError: it cannot be exported, or what was exported does not say the same.
    """
    chosen = name or free_name(source.plain_name, source.name.partition(":")[0])
    check_name(chosen, overwrite)
    drawn, given = _drawn(), _given(pictures)
    options, spec, noted = _settled(source, options, ask)
    plan = spec.fit_plan()
    fitted = [_fit(picture, plan) for picture in (*drawn.values(), *(bgr for bgr, _ in given.values()))]
    tell(f"{source.name}: opens it in {source.made_by}")
    source.prepare(spec, fitted)
    options = _with_labels(source, options, ask)
    with tempfile.TemporaryDirectory(prefix="streamclf-") as place:
        weights = Path(place) / f"{chosen}.onnx"
        tell(f"{source.name}: writes it as ONNX, which may take a minute")
        source.write(weights)
        tell(f"{source.name}: compares what OpenCV says with what {source.made_by} says")
        own = _own(source, options.also("weights", str(weights)), ask, chosen, licence)
        if own.model.card.output.classes < 2:
            raise ModelFileError(
                f"{source.name}: puts out one number for a picture; streamclf needs one for each class"
            )
        model = replace(own.model, card=_card(source, own.model.card))
        found, assumed = _without_softmax(source, own)
        found, assumed = noted.found + found, noted.assumed + assumed
        if licence is None:
            assumed.append("its licence is not known (--licence)")
        expected = Path(place) / EXPECTED_NAME
        expected.write_text(_expected(source, model, drawn, plan), encoding="utf-8")
        remarks = ["Written by 'streamclf export'.", *(f"Assumed: {sentence}." for sentence in assumed)]
        pairs = [(bgr, bgr[..., ::-1]) for bgr in drawn.values()] + list(given.values())
        folder, proof = add_network(
            model,
            card_toml(model.card, remarks),
            lambda here: prove(source, find_model(here), pairs),
            False,
            overwrite,
            [expected],
        )
    warnings = (*noted.warnings, *own.warnings, *proof.warnings)
    return Exported(find_model(folder), folder, proof, (*source.found, *found), tuple(assumed), warnings)


def free_name(wanted: str, framework: str) -> str:
    """``wanted`` as a network's name, or with ``-keras`` behind it where a network that was not added has it."""
    name = plain_name(Path(f"{wanted}.onnx"))
    taken = named_folder(name)
    return name if taken is None or taken.parent == user_folder() else f"{name}-{framework}"


def _settled(source: SourceNetwork, options: NetworkOptions, ask: Ask | None) -> tuple[NetworkOptions, InputSpec, Told]:
    """All that has to be known, before anything that takes time; with what was found and assumed of the preparation."""
    options = _checked(source, options)
    options, remark = _raw(source, options)
    while True:
        told = Told(found=list(remark))
        try:
            spec = input_spec(options, Declared(), source.name, told)
            break
        except Gap as gap:
            if ask is None:
                raise
            options = ask(gap, options)
    if source.classes is not None or options.labels is not None:
        options = _with_labels(source, options, ask)
    doubly = _prepared_twice(source, options, spec)
    if doubly is not None:
        told.warnings.append(doubly)
    # What is decided here is said to the second look, which then has nothing to assume.
    return options.also("size", f"{spec.width}x{spec.height}").also("fit", spec.fit), spec, told


def _checked(source: SourceNetwork, options: NetworkOptions) -> NetworkOptions:
    """The options with what the framework knows; raises ConfigError where they contradict it."""
    for said in options.said:
        if said in NOT_FOR_EXPORT:
            raise ConfigError(f"{option_name(said)}: export finds that out itself; leave it out")
        if said in _OF_KERAS and {"scale", "mean"} & source.known.keys():
            raise ConfigError(
                f"{option_name(said)}: {source.name} has a preparation of its own, as Keras gives it; leave it out"
            )
        size = "x".join(map(str, options.size or ()))
        if said == "size" and size != source.known.get("size", size):
            raise ConfigError(f"--size: {source.name} takes pictures of {source.known['size']}")
    for key, value in source.known.items():
        if key not in options.said:
            options = options.also(key, value)
    if options.preset is not None and PRESETS[options.preset].boxes:
        raise ConfigError(f"--preset {options.preset}: is for detectors; export takes networks of one class a picture")
    if options.fit == "overview_tiles":
        raise ConfigError("--fit overview_tiles: is framecheck's own; take another one")
    return options


def _raw(source: SourceNetwork, options: NetworkOptions) -> tuple[NetworkOptions, tuple[str, ...]]:
    """A network that prepares its pictures itself gets them raw, unless the user says how; with the sentence about it."""
    what = source.prepares_itself
    if what is None or options.said.keys() & set(_PREPARATION):
        return options, ()
    if options.channels is None:
        options = options.also("channels", "rgb")
    for key, value in _RAW.items():
        options = options.also(key, value)
    return options, (
        f"it prepares its pictures itself ({what}), so it gets them as they are: {options.channels}, 0 to 255",
    )


def _prepared_twice(source: SourceNetwork, options: NetworkOptions, spec: InputSpec) -> str | None:
    what = source.prepares_itself
    if what is None or (spec.scale == 1 and not any(spec.means) and all(std == 1 for std in spec.stds)):
        return None
    given = " ".join(
        f"--preset {options.preset}" if key == "preset" else option_name(key)
        for key in _PREPARATION
        if key in options.said
    )
    raw = _RAW_SAID if spec.channels != "grey" else _RAW_SAID.replace("rgb", "grey")
    return f"it prepares its pictures itself ({what}), and {given} prepares them once more; give {raw}"


def _with_labels(source: SourceNetwork, options: NetworkOptions, ask: Ask | None) -> NetworkOptions:
    """The options with labels that are there and, where the network has said how many classes it has, so many.

    Raises:
        Gap, ConfigError, CardError: there are none, they are others, or the list is damaged.
    """
    usual = "imagenet-1000" if source.classes == 1000 else None
    while True:
        try:
            labels = network_labels(options, source.classes, usual, source.name, Told())
            break
        except Gap as gap:
            if ask is None:
                raise
            options = ask(gap, options)
    count = len(labels.names)
    # 1001 numbers are ImageNet's classes behind one that is none, which the second look finds out.
    allowed = {source.classes, 1000} if source.classes == 1001 and labels.set == "imagenet-1000" else {source.classes}
    if source.classes is not None and count not in allowed:
        raise ConfigError(f"{labels.path}: {count} labels, but {source.name} puts out {source.classes} numbers")
    return options


def _card(source: SourceNetwork, card: ModelCard) -> ModelCard:
    """The card with where the network is from, and what its user should know."""
    name = source.name.encode("utf-8", "replace").decode("utf-8")  # a file's name may be any bytes
    update = {"origin": f"exported from {name} by {source.made_by}"}
    if source.note is not None:
        update |= {"note": source.note, "title": f"{card.name}, {source.note.partition(':')[0]}"}
    return card.model_copy(update=update)


def _without_softmax(source: SourceNetwork, own: OwnNetwork) -> tuple[list[str], list[str]]:
    """What was found and assumed of the file, in which a softmax is missing only because it was taken off."""
    if not source.had_softmax:
        return list(own.found), list(own.assumed)
    found = [sentence for sentence in own.found if "so no probabilities" not in sentence]
    assumed = [sentence for sentence in own.assumed if not sentence.startswith("a softmax makes probabilities")]
    return [*found, "its softmax was taken off the end; streamclf does it"], assumed


def _own(source: SourceNetwork, options: NetworkOptions, ask: Ask | None, name: str, licence: str | None) -> OwnNetwork:
    """The network as ``models add`` finds it; what is wrong with it is said of the network that the user named."""
    try:
        return own_network(options, ask, name, licence or UNKNOWN_LICENCE, trusted=False)
    except Gap as gap:
        raise ConfigError(str(gap).replace(str(options.weights), source.name)) from gap
    except StreamclfError as problem:
        raise type(problem)(str(problem).replace(str(options.weights), source.name)) from problem


def _expected(source: SourceNetwork, model: ResolvedModel, drawn: Mapping[str, Image], plan: FitPlan) -> str:
    """What ``models verify`` will compare with: the framework's own answers to the drawn pictures.

    They are fitted by streamclf: an untrained network minds each level, and how far the fit is right was proven with Pillow before.
    """
    import numpy as np

    from streamclf.vision.postprocess import softmax

    fitted = np.stack([_fit(picture, plan) for picture in drawn.values()])
    rows = softmax(logits(source.answers(fitted), bool(model.card.output.softmax)))
    answers = {
        name: [
            [int(i), model.labels[i], float(f"{row[i]:.4g}")] for i in np.argsort(-row, kind="stable")[:TOLD_CLASSES]
        ]
        for name, row in zip(drawn, rows, strict=True)
    }
    said = {
        "made_by": source.made_by,
        "prepared_by": f"streamclf's own fit, and {source.made_by} or numpy for the rest",
        "labels_sha256": labels_digest(model.labels),
        "tolerance": EXPECTED_FACTOR,
        "classes": answers,
    }
    return json.dumps(said, indent=1) + "\n"


def _drawn() -> dict[str, Image]:
    from streamclf.vision.reference import REFERENCE_PICTURES, reference_picture

    return {name: reference_picture(name) for name in REFERENCE_PICTURES}


def _given(pictures: Sequence[Path]) -> dict[Path, tuple[Image, Image]]:
    """Each picture as streamclf reads it (BGR) and as Pillow does (RGB)."""
    if not pictures:
        return {}
    import numpy as np
    from PIL import Image as Pillow
    from PIL import ImageOps

    from streamclf.sources.image_folder import read_picture

    both = {}
    for path in pictures:
        bgr = read_picture(path).bgr()
        try:
            with Pillow.open(path) as file:
                both[path] = bgr, np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
        except OSError as error:
            raise EngineError(f"{path}: Pillow does not read it ({error}); take a JPEG or a PNG for --try") from error
    return both


def _fit(picture: Image, plan: FitPlan) -> Image:
    from streamclf.vision.preprocess import fit_image

    return fit_image(picture, plan)


def _guess(target: str) -> str:
    """What was most likely meant by a target without a framework."""
    from streamclf.exporters.keras import APPLICATIONS, ENDINGS

    if target.lower() in APPLICATIONS or target.lower().endswith(ENDINGS):
        return f"keras:{target}"
    return f"torch:{target}" if target.lower().endswith(".pt2") else ""
