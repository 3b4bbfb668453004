"""A picture that is BGR already."""

from __future__ import annotations

from streamclf.frame import FitPlan, Image
from streamclf.vision.preprocess import fit_image


class BgrPicture:
    """A BGR array as a :class:`~streamclf.frame.Picture`; the array is made read-only and must not be written elsewhere."""

    __slots__ = ("_image",)

    def __init__(self, image: Image):
        image.setflags(write=False)
        self._image = image

    @property
    def size_wh(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._image.shape[1], self._image.shape[0]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._image.nbytes

    def bgr(self) -> Image:
        """The array itself, (H, W, 3) uint8, read-only."""
        return self._image

    def fit(self, plan: FitPlan) -> Image:
        """(h, w, plan.channels) uint8, fresh."""
        return fit_image(self._image, plan)
