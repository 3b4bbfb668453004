"""The proof that an exported network says what it said in its own framework.

It has two parts, and both start from the same pictures (three drawn ones and those of the user).

- *The network*, held to ``TOLERANCE``: each picture is fitted to the input once, as the card says. From there one way is the card's
  arithmetic and OpenCV, the other the framework's own preparation (Keras' ``preprocess_input``; for other networks plain numpy) and the
  framework's own network. What is compared is logits, less the mean of each row, which no softmax sees.
- *The whole way from the picture*, held to ``PATH_TOLERANCE``: the other way also reads and resizes the picture by itself, with Pillow.
  Two programs resize alike but for a level here and there (and read a JPEG so), and an untrained network takes every level for a
  difference; so this is a looser bound, and what is beyond it is a warning. A wrong fit or exchanged colours are far beyond it.

A proof is worth what it could have found out. So two mistakes are made on purpose, exchanged colours and half the scale: they have to be far
outside the tolerance, and where one is not, that is said. Where both change next to nothing, the network hardly looks at its pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamclf.catalogue.find import ResolvedModel
from streamclf.errors import ModelFileError
from streamclf.exporter import SourceNetwork

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from streamclf.engine import FloatArray
    from streamclf.frame import FitPlan, Image, Interpolation

TOLERANCE = 1e-4
"""The most by which a logit of OpenCV may be off, as a part of the largest one."""
PATH_TOLERANCE = 0.25
"""The same for the whole way from the picture, but of the root mean square over all logits: two resizes lie between."""
_UNLIKE = 10
"""A mistake made on purpose has to be this many times outside the tolerance to be sure that it is seen."""
_BLIND = 0.03
"""Where both mistakes change less than this, the answers hardly depend on the picture. The larger of the two is 0.3 to 1.8 with networks that
get their pictures right, and 0.004 to 0.005 where they are prepared twice."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How far OpenCV is from the framework, as parts of the largest logit; ``spread`` is the logits' standard deviation."""

    pictures: int
    difference: float
    from_picture: float
    exchanged_colours: float | None
    """What the difference is with red and blue exchanged; None for a network of grey pictures."""
    half_scale: float
    spread: float
    batch_sizes: tuple[int, ...]
    warnings: tuple[str, ...] = ()


def prove(source: SourceNetwork, model: ResolvedModel, pictures: Sequence[tuple[Image, Image]]) -> Proof:
    """Hold ``model``, run by OpenCV, against ``source``. ``pictures`` are pairs of a picture as streamclf reads it, (H, W, 3) uint8 BGR,
    and as Pillow does, RGB.

    Raises:
        ModelFileError: they do not say the same.
        EngineError: OpenCV cannot run it.
    """
    import numpy as np

    from streamclf.engine import EngineWish
    from streamclf.engines.opencv_dnn import OpenCvDnnLoader
    from streamclf.proof import BATCH_SIZES
    from streamclf.vision.preprocess import fit_image

    plan = model.card.fit_plan()
    engine = OpenCvDnnLoader(model, EngineWish(live=True, batch=max(BATCH_SIZES))).load()
    try:
        sizes = engine.info.batch_sizes

        def ours(batch: npt.NDArray[np.uint8]) -> FloatArray:
            step = max(size for size in sizes if size <= len(batch))
            starts = range(0, len(batch) - step + 1, step)
            done = [next(iter(engine.run(batch[start : start + step]).values())) for start in starts]
            done += [
                next(iter(engine.run(batch[each : each + 1]).values()))
                for each in range(len(starts) * step, len(batch))
            ]
            return logits(
                np.concatenate([rows.reshape(len(rows), -1) for rows in done]), bool(model.card.output.softmax)
            )

        def theirs(batch: npt.NDArray[np.uint8]) -> FloatArray:
            return logits(source.answers(batch), bool(model.card.output.softmax))

        fitted = np.stack([fit_image(bgr, plan) for bgr, _ in pictures])
        truth, here = theirs(fitted), ours(fitted)
        found = difference(here, truth)
        if not found <= TOLERANCE:
            raise ModelFileError(
                f"{source.name}: what OpenCV says of the exported network is off by {found:.2g} of the largest logit, and at most "
                f"{TOLERANCE:g} is allowed; nothing was kept. OpenCV reads one of its layers in another way, or the card's arithmetic "
                "is not the framework's"
            )
        path = rms(here, theirs(np.stack([pillow_fit(rgb, plan) for _, rgb in pictures])))
        colour = difference(ours(fitted[..., ::-1]), truth) if plan.channels == 3 else None
        half = difference(ours(fitted // 2), truth)
    finally:
        engine.close()
    return Proof(
        len(pictures), found, path, colour, half, float(truth.std()), sizes, tuple(_doubts(colour, half, path))
    )


def _doubts(colour: float | None, half: float, path: float) -> list[str]:
    """What speaks against a network that says the same in both places; ``colour`` and ``half`` are what the mistakes changed."""
    mistakes = {"exchanged colours": colour, "half the scale": half}
    changed = {what: by for what, by in mistakes.items() if by is not None}
    if max(changed.values()) < _BLIND:
        said = " and ".join(f"{by:.2g} with {what}" for what, by in changed.items())
        doubts = [
            f"its answers hardly depend on the picture: they would be off by {said}, of the largest logit; is the preparation right?"
        ]
    else:
        doubts = [
            f"{what} would have changed its answers by {by:.2g} only, so this proof says little about that"
            for what, by in changed.items()
            if by < _UNLIKE * TOLERANCE
        ]
    if path > PATH_TOLERANCE:
        doubts.append(
            f"with Pillow instead of OpenCV reading and shrinking the pictures, the logits differ by {path:.2g} of their spread, more than "
            f"the {PATH_TOLERANCE:g} that two ways to shrink a picture should make"
        )
    return doubts


def logits(rows: FloatArray, is_softmax: bool) -> FloatArray:
    """Rows (N, classes) as what a softmax is made from, each less its mean, float64."""
    import numpy as np

    wide = rows.astype(np.float64)
    if is_softmax:
        wide = np.log(np.maximum(wide, 1e-30))
    return wide - wide.mean(axis=1, keepdims=True)  # type: ignore[no-any-return]


def difference(ours: FloatArray, theirs: FloatArray) -> float:
    """The largest difference as a part of the largest logit; infinite where their shapes differ or all of them are alike."""
    import numpy as np

    largest = float(np.abs(theirs).max(initial=0))
    return float(np.abs(ours - theirs).max() / largest) if ours.shape == theirs.shape and largest > 0 else float("inf")


def rms(ours: FloatArray, theirs: FloatArray) -> float:
    """The root mean square of the differences as a part of that of the logits."""
    return float(((ours - theirs) ** 2).mean() ** 0.5 / max(float((theirs**2).mean() ** 0.5), 1e-30))


def pillow_fit(rgb: Image, plan: FitPlan) -> npt.NDArray[np.uint8]:
    """A picture (H, W, 3) RGB fitted by Pillow as the plan says, without OpenCV: (h, w, C) uint8, BGR or grey."""
    import numpy as np
    from PIL import Image as Pillow

    geometry = plan.geometry((rgb.shape[1], rgb.shape[0]))
    left, top, width, height = geometry.crop_xywh
    scaled = _pillow_resize(rgb[top : top + height, left : left + width], geometry.scaled_wh, plan.interpolation)
    canvas = Pillow.new("RGB", geometry.canvas_wh, (plan.pad_value,) * 3)
    canvas.paste(scaled, geometry.offset_xy)
    if plan.channels == 1:
        return np.asarray(canvas.convert("L"))[..., None]
    return np.ascontiguousarray(np.asarray(canvas)[..., ::-1])


def _pillow_resize(rgb: Image, size_wh: tuple[int, int], interpolation: Interpolation) -> Any:
    import numpy as np
    from PIL import Image as Pillow

    height, width = rgb.shape[:2]
    if interpolation == "area":
        return Pillow.fromarray(np.ascontiguousarray(rgb)).resize(size_wh, Pillow.Resampling.BOX)
    factor = max(1, min(width // size_wh[0], height // size_wh[1])) if interpolation == "area_linear" else 1
    whole = np.ascontiguousarray(rgb[: height // factor * factor, : width // factor * factor])
    blocks = Pillow.fromarray(whole).reduce(factor) if factor > 1 else Pillow.fromarray(whole)
    # Around it its own edge, where Pillow would mix in black.
    edged = Pillow.fromarray(np.pad(np.asarray(blocks), ((2, 2), (2, 2), (0, 0)), mode="edge"))
    extent = (2, 2, 2 + width / factor, 2 + height / factor)
    filters = {"nearest": Pillow.Resampling.NEAREST, "cubic": Pillow.Resampling.BICUBIC}
    chosen = filters.get(interpolation, Pillow.Resampling.BILINEAR)
    return edged.transform(size_wh, Pillow.Transform.EXTENT, extent, chosen)
