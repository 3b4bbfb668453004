"""The overlay: what the network said, and how fast, drawn onto a copy of the frame; several pictures as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamclf.frame import Image
from streamclf.prediction import UNKNOWN
from streamclf.vision.boxes import draw_boxes
from streamclf.vision.plate import draw_plate
from streamclf.vision.preprocess import resize
from streamclf.vision.text import Colour, Font, font
from streamclf.vision.text import percent as percent

if TYPE_CHECKING:
    from streamclf.prediction import ClassScore, Prediction
    from streamclf.stats import RunStats

BRIGHT: Colour = (250, 250, 250)
SOFT: Colour = (202, 196, 192)
ACCENT: Colour = (196, 220, 72)
QUIET: Colour = (178, 160, 140)
GUTTER = 24
"""Grey between and behind tiled pictures."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the overlay says of the run: rates (frames per second), capture-to-result latency (ms), drops (of wanted frames), network.

    None is shown as "-": not known, or not yet.
    """

    capture_fps: float | None
    classify_fps: float | None
    display_fps: float | None
    p50_ms: float | None
    p95_ms: float | None
    dropped: int
    model: str
    engine: str
    display_name: str = "display"

    @classmethod
    def of(
        cls, stats: RunStats | None, stream: str, display_fps: float | None = None, has_window: bool = False
    ) -> Numbers | None:
        """The numbers of one stream of a run; None without any yet.

        ``display_fps`` is how often a window is really drawn; without a window the rate of written frames stands there as such.
        """
        if stats is None or stream not in stats.streams:
            return None
        own = stats.streams[stream]
        total = stats.latency_ms.get("total", {})
        return cls(
            capture_fps=own.rates_fps.get("capture"),
            classify_fps=own.rates_fps.get("classify"),
            display_fps=display_fps if has_window else own.rates_fps.get("sink"),
            display_name="display" if has_window else "write",
            p50_ms=total.get("p50"),
            p95_ms=total.get("p95"),
            dropped=own.lost,
            model=stats.model,
            engine=stats.engine,
        )


class _Layout(NamedTuple):
    """Every length of the overlay in pixels, from the size of the frame. ``*_px`` are heights of capitals."""

    margin: int
    pad: int
    head_px: int
    body_px: int
    foot_px: int

    @classmethod
    def of(cls, image: Image) -> _Layout:
        height, width = image.shape[:2]
        # Readable at arm's length: a capital is a 32nd of the height, less only where the picture is narrow or tiny.
        cap = max(7.0, min(width / 36, max(height / 32, min(height / 9, 11))))
        tiny = height < 120 or width < 120
        return cls(
            margin=0 if tiny else round(cap * 0.8),
            pad=2 if tiny else round(cap * 0.75),
            head_px=round(cap),
            body_px=max(7, round(cap * 0.68)),
            foot_px=max(7, round(cap * 0.54)),
        )


def annotate(prediction: Prediction, numbers: Numbers | None = None, threshold: float = 0.5) -> Image:
    """A fresh copy of the frame with the answer, its best classes and ``numbers`` on it, (H, W, 3) uint8 BGR.

    The steady answer is the headline where there is one, otherwise the best class of the frame, or "unknown" below
    ``threshold``. What does not fit a small picture is left out, the headline last. A detector's answer is its boxes, all of them.
    """
    image = prediction.frame.image.copy()
    layout = _Layout.of(image)
    strip_h = _draw_strip(image, layout, numbers) if numbers else 0
    above = image[: image.shape[0] - strip_h]
    if prediction.boxes is None:
        # over the time is the headline, and of this frame alone are the classes; without the first there is nothing to tell apart
        caption = "this frame" if prediction.steady else ""
        _draw_answer(above, layout, headline(prediction, threshold), prediction.scores, caption)
    else:
        draw_boxes(above, prediction.boxes, layout.body_px)
    return image


def headline(prediction: Prediction, threshold: float) -> tuple[str, float | None]:
    """The label to believe and its probability; ("unknown", None) where nothing is probable enough."""
    best = prediction.steady or prediction.top
    if best.label == UNKNOWN or (prediction.steady is None and best.probability < threshold):
        return UNKNOWN, None
    return best.label, best.probability


def badge(image: Image, text: str, in_middle: bool = False) -> None:
    """Write ``text`` on a small dark plate into the upper right corner, or the middle, of ``image``, in place."""
    layout = _Layout.of(image)
    face = font(layout.body_px, 0.13, BRIGHT)
    text = face.shorten(text, max(1, round(image.shape[1] * (0.8 if in_middle else 0.36))))
    width, height = face.width(text) + 2 * layout.pad, face.line_px + layout.pad
    x, y = image.shape[1] - width - layout.margin, layout.margin
    if in_middle:
        x, y = (image.shape[1] - width) // 2, (image.shape[0] - height) // 2
    x, y = max(0, x), max(0, y)
    draw_plate(image, (x, y, width, height), layout.pad)
    face.write(image, text, (x + layout.pad, y + (layout.pad + 1) // 2))


def tile(pictures: Sequence[tuple[str, Image]], limit_wh: tuple[int, int]) -> Image:
    """One picture of several with their names, at most ``limit_wh``, (H, W, 3) uint8 BGR, fresh; a single one has no name."""
    sizes = [(image.shape[1], image.shape[0]) for _, image in pictures]
    columns, rows, scale = _grid(sizes, limit_wh)
    cell_w = max(1, min(limit_wh[0] // columns, round(max(w for w, _ in sizes) * scale)))
    cell_h = max(1, min(limit_wh[1] // rows, round(max(h for _, h in sizes) * scale)))
    canvas = np.full((rows * cell_h, columns * cell_w, 3), GUTTER, np.uint8)
    for number, (name, image) in enumerate(pictures):
        top, left = number // columns * cell_h, number % columns * cell_w
        cell = canvas[top : top + cell_h, left : left + cell_w]
        fit_into(cell, image)
        if len(pictures) > 1:
            cell[:1], cell[-1:], cell[:, :1], cell[:, -1:] = GUTTER, GUTTER, GUTTER, GUTTER
            badge(cell, name)
    return canvas


def fit_into(cell: Image, image: Image) -> None:
    """Lay ``image`` into the middle of ``cell``, as large as it fits, in place; the rest of the cell stays."""
    cell_h, cell_w = cell.shape[:2]
    height, width = image.shape[:2]
    if (height, width) != (cell_h, cell_w):
        scale = min(cell_w / width, cell_h / height)
        width, height = (min(most, max(1, round(side * scale))) for side, most in ((width, cell_w), (height, cell_h)))
        image = resize(image, (width, height), "area_linear")
    x, y = (cell_w - width) // 2, (cell_h - height) // 2
    cell[y : y + height, x : x + width] = image


def _grid(sizes: Sequence[tuple[int, int]], limit_wh: tuple[int, int]) -> tuple[int, int, float]:
    """(columns, rows, scale) that show the pictures largest."""
    width, height = max(w for w, _ in sizes), max(h for _, h in sizes)

    def scale(columns: int) -> float:
        rows = math.ceil(len(sizes) / columns)
        return min(1.0, limit_wh[0] / (columns * width), limit_wh[1] / (rows * height))

    columns = max(range(1, len(sizes) + 1), key=lambda count: (scale(count), -abs(count - math.sqrt(len(sizes)))))
    return columns, math.ceil(len(sizes) / columns), scale(columns)


def _draw_answer(
    image: Image, layout: _Layout, answer: tuple[str, float | None], scores: Sequence[ClassScore], caption: str
) -> None:
    """The panel in the upper left: the headline, and under ``caption`` as many of the best classes as there is room for."""
    margin, pad = layout.margin, layout.pad
    height, width = image.shape[:2]
    panel_w = min(width - 2 * margin, layout.head_px * 21)
    head_h = font(layout.head_px, 0.15, BRIGHT).line_px + pad + pad // 4
    thick = max(2, layout.body_px // 5)
    row_h = round(layout.body_px * 2) + thick
    foot = font(layout.foot_px, 0.13, QUIET)
    caption_h = foot.line_px if caption else 0
    room = min(round(height * 0.65), height - 2 * margin) - head_h - caption_h - pad
    rows = max(0, min(len(scores), room // row_h)) if panel_w > layout.body_px * 14 else 0
    draw_plate(
        image,
        (margin, margin, panel_w, head_h + (caption_h + rows * row_h + pad // 2 if rows else 0)),
        pad if margin else 0,
    )
    span = (margin + pad, margin + panel_w - pad)
    label, probability = answer
    faces = [font(layout.head_px, 0.15, colour) for colour in (SOFT if probability is None else BRIGHT, ACCENT)]
    value = "" if probability is None else percent(probability)
    _pair(image, faces, (label, value), span, margin + (pad + 1) // 2)
    if rows and caption:
        foot.write(image, caption, (span[0], margin + head_h))
    for number, score in enumerate(scores[:rows]):
        y = margin + head_h + caption_h + number * row_h
        face = font(layout.body_px, 0.13, SOFT if number else BRIGHT)
        _pair(image, [face, face], (score.label, percent(score.probability)), span, y)
        bar = image[y + face.line_px + 1 : y + face.line_px + 1 + thick, span[0] : span[1]]
        bar[:] = bar // 2 + 46
        bar[:, : round(bar.shape[1] * min(1.0, max(0.0, score.probability)))] = QUIET if number else ACCENT


def _pair(image: Image, faces: Sequence[Font], texts: tuple[str, str], span: tuple[int, int], y: int) -> None:
    """A text at the left end of a line and one at the right; the right one goes where it leaves the left no room."""
    left, right = span
    value_w = faces[1].width(texts[1])
    if value_w and right - left - value_w > faces[0].cap_px * 6:
        faces[1].write(image, texts[1], (right - value_w, y))
        right -= value_w + faces[0].cap_px // 2
    faces[0].write(image, faces[0].shorten(texts[0], right - left), (left, y))


def _draw_strip(image: Image, layout: _Layout, numbers: Numbers) -> int:
    """The strip along the lower edge; returns its height, 0 where there is no room for it."""
    names, values = font(layout.foot_px, 0.13, SOFT), font(layout.foot_px, 0.13, BRIGHT)
    height, width = image.shape[:2]
    line_h = round(names.line_px * 1.2)
    pad = max(layout.pad, line_h // 3)
    lines: list[list[tuple[int, str, str]]] = [[]]
    x = pad
    for name, value, widest in _items(numbers):
        needed = names.width(name) + max(values.width(value), values.width(widest))
        if lines[-1] and x + needed > width - pad:
            lines.append([])
            x = pad
        lines[-1].append((x, name, value))
        x += needed + round(layout.foot_px * 1.5)
    network = f"{numbers.model} in {numbers.engine}" if numbers.engine else numbers.model
    network = values.shorten(network, width - 2 * pad)
    network_x = width - pad - values.width(network)
    if x > network_x:
        lines.append([])
        network_x = pad
    lines[-1].append((network_x, "", network))
    del lines[int(height * 0.24) // line_h :]
    if not lines or width < layout.foot_px * 14:
        return 0
    strip_h = len(lines) * line_h + pad
    draw_plate(image, (0, height - strip_h, width, strip_h), 0)
    for number, line in enumerate(lines):
        y = height - strip_h + (pad + line_h - names.line_px + 1) // 2 + number * line_h
        for x, name, value in line:
            names.write(image, name, (x, y))
            values.write(image, value, (x + names.width(name), y))
    return strip_h


def _items(numbers: Numbers) -> list[tuple[str, str, str]]:
    """(name, value, the widest value to keep room for), the most wanted first."""
    return [
        ("capture ", _rate(numbers.capture_fps), "888.8"),
        ("classify ", _rate(numbers.classify_fps), "888.8"),
        (f"{numbers.display_name} ", f"{_rate(numbers.display_fps)} fps", "888.8 fps"),
        ("latency p50 ", f"{_ms(numbers.p50_ms)} ms", "888 ms"),
        ("p95 ", f"{_ms(numbers.p95_ms)} ms", "888 ms"),
        ("dropped ", str(numbers.dropped), "888"),
    ]


def _rate(fps: float | None) -> str:
    return "-" if fps is None else f"{fps:.1f}" if fps < 999.95 else f"{fps:.0f}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
