"""What comes out of a source: pictures, frames, and the plan that fits a picture to a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Image: TypeAlias = npt.NDArray[np.uint8]
    """(H, W, 3) uint8, BGR. Shared between threads and read-only: copy before drawing."""
else:
    Image = "numpy.ndarray"

FitMode: TypeAlias = Literal["stretch", "centre_crop", "short_side", "letterbox", "overview_tiles"]
Interpolation: TypeAlias = Literal["linear", "area_linear", "area", "cubic", "nearest"]

# A picture longer than this is centre-cropped before a ``short_side`` fit, so that a panorama
# cannot ask the network for an input of any length.
MAX_ASPECT = 4.0


@dataclass(frozen=True, slots=True)
class FitGeometry:
    """Where a picture of one size goes under a plan, all in pixels.

    ``crop_xywh`` is cut from the picture, scaled to ``scaled_wh`` and laid at ``offset_xy`` of a canvas of ``canvas_wh``.
    """

    crop_xywh: tuple[int, int, int, int]
    scaled_wh: tuple[int, int]
    offset_xy: tuple[int, int]
    canvas_wh: tuple[int, int]

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Map a point of the network's input (pixels) back to the picture (pixels)."""
        left, top, width, height = self.crop_xywh
        return (
            left + (x - self.offset_xy[0]) * width / self.scaled_wh[0],
            top + (y - self.offset_xy[1]) * height / self.scaled_wh[1],
        )

    def to_input(self, x: float, y: float) -> tuple[float, float]:
        """Map a point of the picture (pixels) to the network's input (pixels)."""
        left, top, width, height = self.crop_xywh
        return (
            self.offset_xy[0] + (x - left) * self.scaled_wh[0] / width,
            self.offset_xy[1] + (y - top) * self.scaled_wh[1] / height,
        )


@dataclass(frozen=True, slots=True)
class FitPlan:
    """How a picture of any size becomes the network's input.

    ``stretch`` ignores the aspect. ``centre_crop`` cuts the largest centred part of the input's aspect, times
    ``crop_fraction`` (0.875 is the usual "short side 256, crop 224"). ``short_side`` scales the shorter side to the shorter
    side of ``size_wh`` and keeps the aspect, so the input's size follows the picture. ``letterbox`` keeps the whole picture and
    pads with ``pad_value``. ``overview_tiles`` lays the whole picture, squeezed to a square, beside tiles of it at 1:1
    (``vision/overview.py``). ``channels`` is 3 (BGR) or 1 (grey).

    Raises:
        ValueError: a size into which no overview and tiles go.
    """

    mode: FitMode
    size_wh: tuple[int, int]
    crop_fraction: float = 1.0
    interpolation: Interpolation = "area_linear"
    pad_value: int = 114
    channels: Literal[1, 3] = 3

    def __post_init__(self) -> None:
        if self.mode == "overview_tiles":
            overview_columns(self.size_wh)

    def geometry(self, picture_wh: tuple[int, int]) -> FitGeometry:
        """The rectangles for a picture of ``picture_wh`` (both sides at least 1)."""
        width, height = picture_wh
        out_w, out_h = self.size_wh
        if self.mode == "stretch":
            return FitGeometry((0, 0, width, height), self.size_wh, (0, 0), self.size_wh)
        if self.mode == "centre_crop":
            scale = min(width / out_w, height / out_h) * self.crop_fraction
            crop = _centred(picture_wh, (out_w * scale, out_h * scale))
            return FitGeometry(crop, self.size_wh, (0, 0), self.size_wh)
        if self.mode == "letterbox":
            scale = min(out_w / width, out_h / height)
            scaled = (_side(width * scale, out_w), _side(height * scale, out_h))
            offset = ((out_w - scaled[0]) // 2, (out_h - scaled[1]) // 2)
            return FitGeometry((0, 0, width, height), scaled, offset, self.size_wh)
        if self.mode == "overview_tiles":  # the overview's place; the tiles follow the picture's content
            return FitGeometry((0, 0, width, height), (out_h, out_h), (0, 0), self.size_wh)
        short = min(width, height)
        crop = _centred(picture_wh, (min(width, short * MAX_ASPECT), min(height, short * MAX_ASPECT)))
        side = min(self.size_wh)
        # floor, as the network was trained: Tiny Darknet's published answers need 298x224 for a 768x576 picture
        scaled = (max(side, crop[2] * side // short), max(side, crop[3] * side // short))
        return FitGeometry(crop, scaled, (0, 0), scaled)


def overview_columns(size_wh: tuple[int, int]) -> int:
    """Columns of tiles beside the overview in an input of this size.

    Raises:
        ValueError: the height is odd, or what is beside the overview is no odd number of columns, at least three.
    """
    width, height = size_wh
    columns, rest = divmod(width - height, max(1, height // 2))
    if height % 2 or rest or columns < 3 or columns % 2 == 0:
        raise ValueError(
            f"overview_tiles: {width}x{height} is not possible: the height must be even, and the width the height and an "
            f"odd number of columns (3, 5, ...) of half of it, such as {height // 2 * 7}x{height // 2 * 2}"
        )
    return columns


def _side(value: float, limit: int) -> int:
    return max(1, min(limit, round(value)))


def _centred(picture_wh: tuple[int, int], wanted_wh: tuple[float, float]) -> tuple[int, int, int, int]:
    width, height = _side(wanted_wh[0], picture_wh[0]), _side(wanted_wh[1], picture_wh[1])
    return ((picture_wh[0] - width) // 2, (picture_wh[1] - height) // 2, width, height)


class Picture(Protocol):
    """One immutable, upright picture in any pixel form. Safe to use from several threads."""

    @property
    def size_wh(self) -> tuple[int, int]:
        """(width, height) in pixels, after rotation."""

    @property
    def nbytes(self) -> int:
        """Bytes this picture holds while it waits."""

    def bgr(self) -> Image:
        """The picture at full size, (H, W, 3) uint8 BGR, made on demand, once, read-only."""

    def fit(self, plan: FitPlan) -> Image:
        """The network's input, (h, w, plan.channels) uint8, a fresh contiguous array."""


@dataclass(frozen=True, slots=True)
class ReleasedPicture:
    """Stands for a picture that nobody downstream needs: only its size is left."""

    size_wh: tuple[int, int]
    nbytes: int = 0

    def bgr(self) -> Image:
        """Always refuses: the pixels are gone."""
        raise ValueError("this frame's picture was let go; ask for pictures when the stream is opened (pictures=True)")

    def fit(self, plan: FitPlan) -> Image:
        """Always refuses: the pixels are gone."""
        return self.bgr()


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a stream, with when and where it was taken."""

    picture: Picture
    stream: str
    """Which source."""
    index: int
    """+1 for each frame the source produced, from 0; a gap means frames were dropped."""
    pts: int | None
    """The container's own timestamp in ``time_base`` units (exact, for muxing); None where there is no time."""
    time_base: Fraction
    captured_s: float
    """Monotonic clock (seconds) when the frame arrived: the origin of every latency."""
    after_gap: bool = False
    """The stream broke before this frame: smoothing starts anew."""
    origin: str | None = None
    """The picture's path, for pictures."""

    @property
    def pts_s(self) -> float | None:
        """The presentation time in seconds, or None."""
        # the same as of the product, which takes several times as long
        return None if self.pts is None else self.pts * self.time_base.numerator / self.time_base.denominator

    @property
    def image(self) -> Image:
        """The full-size picture, (H, W, 3) uint8 BGR, read-only."""
        return self.picture.bgr()

    def without_picture(self) -> Frame:
        """The same frame with its pixels let go."""
        return replace(self, picture=ReleasedPicture(self.picture.size_wh))
