from __future__ import annotations

from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamclf.frame import FitMode, FitPlan, Image, Interpolation
from streamclf.vision.picture import BgrPicture
from streamclf.vision.preprocess import as_bgr, fit_image, resize

WHOLE: tuple[FitMode, ...] = tuple(mode for mode in get_args(FitMode) if mode != "overview_tiles")
"""The modes that make one picture of the whole; the other one is in test_overview.py."""


def noise(width: int, height: int, channels: int = 3) -> Image:
    return np.random.default_rng(width * height).integers(0, 256, (height, width, channels), dtype=np.uint8)


@settings(max_examples=150, deadline=None)
@given(
    plan=st.builds(
        FitPlan,
        mode=st.sampled_from(WHOLE),
        size_wh=st.tuples(st.integers(1, 64), st.integers(1, 64)),
        crop_fraction=st.floats(0.01, 1.0),
        interpolation=st.sampled_from(get_args(Interpolation)),
        channels=st.sampled_from([1, 3]),
    ),
    width=st.integers(1, 300),
    height=st.integers(1, 300),
)
def test_any_picture_becomes_the_planned_input(plan: FitPlan, width: int, height: int) -> None:
    image = noise(width, height)
    image.setflags(write=False)
    fitted = fit_image(image, plan)
    canvas = plan.geometry((width, height)).canvas_wh
    assert fitted.shape == (canvas[1], canvas[0], plan.channels)
    assert fitted.dtype == np.uint8
    assert fitted.flags.c_contiguous
    assert fitted.flags.writeable
    assert not np.shares_memory(fitted, image)


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(WHOLE),
    interpolation=st.sampled_from(get_args(Interpolation)),
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    value=st.integers(0, 255),
)
def test_a_flat_picture_stays_flat(
    mode: FitMode, interpolation: Interpolation, size: tuple[int, int], value: int
) -> None:
    image = np.full((size[1], size[0], 3), value, np.uint8)
    fitted = fit_image(image, FitPlan(mode, (40, 30), interpolation=interpolation, pad_value=value))
    assert (fitted == value).all()


@pytest.mark.parametrize("mode", WHOLE)
@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (12000, 8000)])
def test_the_smallest_and_the_largest_pictures_are_fitted(mode: FitMode, size: tuple[int, int]) -> None:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    fitted = fit_image(image, FitPlan(mode, (224, 224), pad_value=0))
    assert min(fitted.shape[:2]) == 224
    assert not fitted.any()


def test_a_letterbox_is_padded_with_the_plan_s_value_around_the_middle() -> None:
    fitted = fit_image(np.full((50, 100, 3), 200, np.uint8), FitPlan("letterbox", (40, 40), pad_value=7))
    assert (fitted[:10] == 7).all()
    assert (fitted[10:30] == 200).all()
    assert (fitted[30:] == 7).all()


def test_a_centre_crop_looks_at_the_middle() -> None:
    image = np.zeros((100, 300, 3), np.uint8)
    image[:, 100:200] = 255
    assert (fit_image(image, FitPlan("centre_crop", (50, 50))) == 255).all()


def test_the_channels_keep_their_order() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:] = (10, 20, 30)
    assert (fit_image(image, FitPlan("stretch", (8, 8))) == (10, 20, 30)).all()
    assert (fit_image(image, FitPlan("stretch", (8, 8), channels=1)) == 22).all()  # .114 B + .587 G + .299 R


def antialiased(image: Image, size_wh: tuple[int, int]) -> npt.NDArray[np.float64]:
    """What the photo libraries call bilinear: a triangle as wide as the reduction, in each direction."""

    def weights(source: int, wanted: int) -> npt.NDArray[np.float64]:
        scale = source / wanted
        reach = max(scale, 1.0)
        centres = (np.arange(wanted) + 0.5) * scale
        distance = np.abs(np.arange(source)[None] + 0.5 - centres[:, None]) / reach
        triangle = np.clip(1 - distance, 0, None)
        return np.asarray(triangle / triangle.sum(axis=1, keepdims=True))

    rows, columns = weights(image.shape[0], size_wh[1]), weights(image.shape[1], size_wh[0])
    return np.einsum("ys,swc,xw->yxc", rows, image.astype(np.float64), columns, optimize=True)


@pytest.mark.parametrize("size_wh", [(512, 341), (232, 155), (146, 97), (102, 68)])
def test_area_linear_is_close_to_an_antialiased_resize(size_wh: tuple[int, int], images: Path) -> None:
    image = np.asarray(cv2.imread(str(images / "orange_0.jpg")), np.uint8)
    reference = antialiased(image, size_wh)
    error = {
        interpolation: float(np.abs(resize(image, size_wh, interpolation) - reference).mean())
        for interpolation in ("area_linear", "linear", "area")
    }
    assert error["area_linear"] < 1.1 * error["area"]
    assert error["area_linear"] < 0.8 * error["linear"]


@pytest.mark.parametrize("factor", [2, 3, 4, 6, 8, 12])
def test_blocks_averaged_in_steps_have_the_means_of_the_blocks(factor: int) -> None:
    image = noise(20 * factor, 10 * factor)
    means = image.reshape(10, factor, 20, factor, 3).mean((1, 3))
    assert np.abs(resize(image, (20, 10), "area_linear") - means).max() <= 1.5


def test_enlarging_with_area_linear_is_plain_linear() -> None:
    image = noise(20, 10)
    assert np.array_equal(resize(image, (50, 40), "area_linear"), resize(image, (50, 40), "linear"))


@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_grey_and_alpha_pictures_become_bgr(channels: int | None) -> None:
    image = noise(6, 4, channels or 1)
    if channels is None:
        image = image[..., 0]
    bgr = as_bgr(image)
    assert bgr.shape == (4, 6, 3)
    assert np.array_equal(bgr[..., 0], image if channels is None else image[..., 0])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 3), np.uint16), "an array of uint16: .*scale it"),
        (np.zeros((4, 4, 3), np.float32), "an array of float32"),
        (np.zeros((4, 4, 2), np.uint8), r"shape \(4, 4, 2\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"shape \(1, 4, 4, 3\)"),
        (np.zeros(3, np.uint8), r"shape \(3,\)"),
        (np.zeros((0, 4, 3), np.uint8), r"shape \(0, 4, 3\)"),
        (None, "NoneType: .*is the file readable"),
    ],
)
def test_what_is_no_picture_is_refused(image: npt.NDArray[np.uint8], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        as_bgr(image)


def test_a_bgr_picture_is_read_only_and_knows_its_size() -> None:
    picture = BgrPicture(noise(6, 4))
    assert picture.size_wh == (6, 4)
    assert picture.nbytes == 72
    with pytest.raises(ValueError, match="read-only"):
        picture.bgr()[0, 0, 0] = 1
