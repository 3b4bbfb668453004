"""Measure framecheck on real clips: as they are, damaged with ffmpeg's own filters, and one after the other with smoothing."""

from __future__ import annotations

import math
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from evaluate_ffmpeg import TEST_PICTURES, Scene, damages, ffmpeg
from evaluate_measures import Requirement, changes, surplus_changes
from photos import ASSETS, CLIP_PART, CLIPS
from second_frames import LABELS
from second_pixels import luma

import streamclf
from streamclf.config import RunConfig
from streamclf.frame import Frame
from streamclf.sources.video_file import VideoFileSource
from streamclf.vision.smoothing import Smoother

FOLDER = ASSETS / "media" / "video"
UNDAMAGED, DAMAGED = 0.98, 0.92
"""Shares of the frames that must be right."""
PIECE_S = 3.0


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a viewer may call the undamaged frames of a clip from a second on, and why."""

    from_s: float
    labels: tuple[str, ...]
    reason: str


AGREED: Mapping[str, tuple[Agreed, ...]] = MappingProxyType(
    {
        "torchcodec_av1_video.mkv": (Agreed(0.0, ("no_signal",), "an electronic test pattern"),),
        "torchcodec_h264_10bits.mp4": (Agreed(0.0, ("no_signal",), "an electronic test pattern"),),
        "torchcodec_h265_video.mp4": (Agreed(0.0, ("no_signal",), "a blue screen with a message"),),
        "flipping_a_pancake.mkv": (
            Agreed(0.0, ("ok", "defocus"), "a soft webcam: nothing is crisp at its own size, but all is well made out"),
            Agreed(
                8.5,
                ("ok", "defocus", "motion_blur", "covered"),
                "a hand sweeps before the lens, smeared, and stays there, soft",
            ),
        ),
    }
)
"""Clips whose undamaged frames are not simply ``ok``."""
PLAIN = (Agreed(0.0, ("ok",), ""),)
SCENES: Mapping[str, float] = MappingProxyType(
    {
        "flipping_a_pancake.mkv": 8.5,  # then a hand comes before the lens
        "intel_bottle-detection.mp4": math.inf,
        "intel_one-by-one-person-detection.mp4": math.inf,
        "decord_video_0.mov": math.inf,
    }
)
"""Clips of a real scene, to be damaged, and up to which second."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the network said of a row of frames: seconds (N,) and probabilities (N, 9)."""

    pts_s: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float32]

    @property
    def labels(self) -> list[str]:
        """The most probable class of each frame."""
        return [LABELS[i] for i in self.probabilities.argmax(1)]


def frames_of(path: Path) -> Iterator[Frame]:
    """All frames of a clip, read as streamclf reads it."""
    source = VideoFileSource(path, path.name)
    try:
        yield from source
    finally:
        source.close()


def classify(classifier: streamclf.Classifier, path: Path) -> Answers:
    """Every frame of a clip through the network."""
    pts_s, probabilities = [], []
    frames = frames_of(path)
    while part := list(islice(frames, 16)):
        for prediction in classifier.classify_frames(part):
            pts_s.append(prediction.frame.pts_s or 0.0)
            probabilities.append(prediction.probabilities)
    return Answers(np.array(pts_s) - pts_s[0], np.array(probabilities))


def steady(parts: list[Answers]) -> tuple[list[str], list[int]]:
    """The product's steady labels of the parts played one after the other, and where each part begins."""
    defaults = RunConfig()
    smoother = Smoother(LABELS, defaults.smooth, defaults.threshold)
    said, starts, begun_s = [], [], 0.0
    for part in parts:
        starts.append(len(said))
        step_s = float(np.median(np.diff(part.pts_s))) if len(part.pts_s) > 1 else 0.04
        for at_s, probabilities in zip(part.pts_s, part.probabilities, strict=True):
            said.append(smoother.update(begun_s + at_s, probabilities).label)
        begun_s += float(part.pts_s[-1]) + step_s
    return said, starts


def piece(of: Answers, start_s: float) -> Answers:
    """``PIECE_S`` seconds from ``start_s``."""
    inside = (of.pts_s >= start_s) & (of.pts_s < start_s + PIECE_S)
    return Answers(of.pts_s[inside] - of.pts_s[inside][0], of.probabilities[inside])


def undamaged(classifier: streamclf.Classifier) -> tuple[dict[str, Answers], dict[str, Any], list[Requirement]]:
    """Every frame of every clip as it is."""
    print(
        "\nReal clips, undamaged: every frame; those that gave training frames: only what comes after the part that did"
    )
    given: dict[str, Answers] = {}
    rows: list[dict[str, Any]] = []
    for path in sorted(FOLDER.iterdir()):
        print(f"\r{path.name:50}", end="\r", file=sys.stderr, flush=True)
        given[path.name] = of = classify(classifier, path)
        rows.append(_undamaged_row(path.name, of))
    for row in rows:
        listed = ", ".join(f"{label} {count}" for label, count in row["said"].items())
        print(f"  {row['clip']:40} {row['right']:5} of {row['frames']:5} right: {listed}")
        print(f"  {'':40} the steady label changes {len(row['changes'])} times: {'; '.join(row['changes'][:6])}")
        for agreed in row["agreed"]:
            print(f"  {'':40} agreed: {agreed}")
    right, frames, surplus = (sum(row[key] for row in rows) for key in ("right", "frames", "surplus_changes"))
    wanted = [
        Requirement("real clips, undamaged: frames right", right / frames, UNDAMAGED, True),
        Requirement("real clips, undamaged: surplus changes of the steady label", surplus, 0, False, unit=""),
    ]
    return given, {"rows": rows}, wanted


def seen_s(name: str, of: Answers) -> float:
    """Up to which second frames of a clip were in the training; 0 if none were."""
    return CLIP_PART * float(of.pts_s[-1]) + 0.1 if name in CLIPS else 0.0


def _undamaged_row(name: str, of: Answers) -> dict[str, Any]:
    spans = AGREED.get(name, PLAIN)
    unseen = of.pts_s >= seen_s(name, of)
    answers = [label for label, is_unseen in zip(of.labels, unseen, strict=True) if is_unseen]
    allowed = [
        next(span.labels for span in reversed(spans) if at_s >= span.from_s)
        for at_s, is_unseen in zip(of.pts_s, unseen, strict=True)
        if is_unseen
    ]
    said, _ = steady([of])
    starts = [int(np.searchsorted(of.pts_s, span.from_s)) for span in spans]
    return {
        "clip": name,
        "agreed": [
            f"from {span.from_s:g} s {' or '.join(span.labels)}: {span.reason}" for span in spans if span.reason
        ],
        "frames": len(answers),
        "right": sum(label in labels for label, labels in zip(answers, allowed, strict=True)),
        "said": {label: answers.count(label) for label in LABELS if label in answers},
        "changes": [f"{of.pts_s[place]:.1f} s {said[place]}" for place in changes(said)],
        "surplus_changes": surplus_changes(said, starts),
    }


def _scenes(given: dict[str, Answers]) -> Iterator[Scene]:
    for name, until_s in SCENES.items():
        image = next(frames_of(FOLDER / name)).image
        seconds = min(until_s, float(given[name].pts_s[-1]))
        seen = seen_s(name, given[name])
        yield Scene(name, min(image.shape[:2]), seconds, seen, np.sort(luma(image), axis=None))


def damaged(classifier: streamclf.Classifier, given: dict[str, Answers]) -> tuple[dict[str, Any], list[Requirement]]:
    """Pieces of the scenes damaged with ffmpeg, then the same alternating with undamaged ones, smoothed."""
    rows: list[dict[str, Any]] = []
    surplus = truths = 0
    with tempfile.TemporaryDirectory() as folder:
        print(f"\nReal clips, damaged with ffmpeg: {PIECE_S:g} s each")
        for scene in _scenes(given):
            made, parts = _damaged_scene(classifier, scene, given[scene.name], Path(folder))
            rows += made
            if scene.seconds > PIECE_S:
                said, starts = steady(parts)
                surplus, truths = surplus + surplus_changes(said, starts), truths + len(parts) - 1
                print(
                    f"  {scene.name}: in turn with undamaged pieces the steady label changes {len(changes(said))} times, "
                    f"true {len(parts) - 1}"
                )
        rows += _test_pictures(classifier, Path(folder) / "source.mkv")
    right, frames = (sum(row[key] for row in rows) for key in ("right", "frames"))
    for label in LABELS:
        own = [row for row in rows if row["label"] == label]
        if own:
            share = sum(row["right"] for row in own) / sum(row["frames"] for row in own)
            print(f"  {label:12} {100 * share:5.1f} % of {sum(row['frames'] for row in own)} frames")
    wanted = [
        Requirement("real clips, damaged with ffmpeg: frames right", right / frames, DAMAGED, True),
        Requirement(f"steady label, {truths} true changes: surplus changes", surplus, 0, False, unit=""),
    ]
    return {"rows": rows, "surplus_changes": surplus, "true_changes": truths}, wanted


def _damaged_scene(
    classifier: streamclf.Classifier, scene: Scene, given: Answers, folder: Path
) -> tuple[list[dict[str, Any]], list[Answers]]:
    """A row for each damage, and the answers: each damaged piece after the same piece as it is."""
    rows, parts = [], []
    for number, (label, arguments) in enumerate(damages(scene)):
        room_s = max(0.0, scene.seconds - scene.seen_s - PIECE_S)
        start_s = scene.seen_s + (math.fmod(number * 3.7, room_s) if room_s else 0.0)
        target = folder / f"{number}.mkv"
        print(f"\r{scene.name:42} {label:12}", end="\r", file=sys.stderr, flush=True)
        cut = ["-ss", f"{start_s:.2f}", "-t", f"{PIECE_S:g}", "-i", str(FOLDER / scene.name)]
        ffmpeg([*cut, "-an", *arguments, str(target)])
        of = classify(classifier, target)
        rows.append(_row(scene.name, label, shlex.join(arguments), of))
        parts += [piece(given, start_s), of]
    return rows, parts


def _test_pictures(classifier: streamclf.Classifier, target: Path) -> list[dict[str, Any]]:
    rows = []
    for size, source in [(size, source) for size in ("426x240", "640x360") for source in TEST_PICTURES]:
        first, _, rest = source.partition(",")
        made = f"{first}{':' if '=' in first else '='}size={size}:rate=25:duration=0.4{',' + rest if rest else ''}"
        arguments = ["-f", "lavfi", "-i", made, "-c:v", "ffv1", "-pix_fmt", "yuv420p"]
        ffmpeg([*arguments, str(target)])
        rows.append(_row("made by ffmpeg", "no_signal", shlex.join(arguments), classify(classifier, target)))
    return rows


def _row(clip: str, label: str, arguments: str, of: Answers) -> dict[str, Any]:
    right = of.labels.count(label)
    others = {other: of.labels.count(other) for other in LABELS if other != label and other in of.labels}
    said = ", ".join(f"{other} {count}" for other, count in others.items())
    print(
        f"  {clip:38} {label:11} {right:3} of {len(of.labels):3}  {arguments}{'  (said ' + said + ')' if said else ''}"
    )
    return {
        "clip": clip,
        "label": label,
        "ffmpeg": arguments,
        "frames": len(of.labels),
        "right": right,
        "others": others,
    }


def clips(model: str) -> tuple[dict[str, Any], list[Requirement]]:
    """The report on real clips, and what is to be reached."""
    with streamclf.Classifier(model) as classifier:
        given, as_they_are, wanted = undamaged(classifier)
        with_ffmpeg, more = damaged(classifier, given)
    return {"undamaged": as_they_are, "damaged": with_ffmpeg}, wanted + more
