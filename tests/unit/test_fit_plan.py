from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamclf.frame import MAX_ASPECT, FitMode, FitPlan

sides = st.integers(1, 5000)
sizes = st.tuples(sides, sides)
plans = st.builds(
    FitPlan,
    mode=st.sampled_from([mode for mode in get_args(FitMode) if mode != "overview_tiles"]),
    size_wh=st.tuples(st.integers(1, 600), st.integers(1, 600)),
    crop_fraction=st.floats(0.01, 1.0),
) | st.builds(
    lambda tile, columns: FitPlan("overview_tiles", (2 * tile + columns * tile, 2 * tile)),
    st.integers(1, 100),
    st.sampled_from([3, 5, 7]),
)


@given(plans, sizes)
def test_the_cut_lies_inside_the_picture_and_the_scaled_part_inside_the_canvas(
    plan: FitPlan, size: tuple[int, int]
) -> None:
    geometry = plan.geometry(size)
    left, top, width, height = geometry.crop_xywh
    assert left >= 0
    assert top >= 0
    assert width >= 1
    assert height >= 1
    assert left + width <= size[0]
    assert top + height <= size[1]
    for axis in (0, 1):
        assert geometry.offset_xy[axis] >= 0
        assert 1 <= geometry.scaled_wh[axis] <= geometry.canvas_wh[axis] - geometry.offset_xy[axis]


@given(plans, sizes)
def test_only_short_side_changes_the_input_s_size(plan: FitPlan, size: tuple[int, int]) -> None:
    canvas = plan.geometry(size).canvas_wh
    if plan.mode != "short_side":
        assert canvas == plan.size_wh
    else:
        assert min(canvas) == min(plan.size_wh)
        assert max(canvas) <= MAX_ASPECT * min(plan.size_wh)


@given(plans, sizes, st.floats(-10, 5010), st.floats(-10, 5010))
def test_a_point_returns_from_the_input_to_where_it_was(
    plan: FitPlan, size: tuple[int, int], x: float, y: float
) -> None:
    geometry = plan.geometry(size)
    assert geometry.to_picture(*geometry.to_input(x, y)) == pytest.approx((x, y), abs=1e-6)


@given(plans, sizes)
def test_the_corners_of_the_cut_are_the_corners_of_the_scaled_part(plan: FitPlan, size: tuple[int, int]) -> None:
    geometry = plan.geometry(size)
    left, top, width, height = geometry.crop_xywh
    x, y = geometry.offset_xy
    assert geometry.to_input(left, top) == pytest.approx((x, y))
    assert geometry.to_input(left + width, top + height) == pytest.approx(
        (x + geometry.scaled_wh[0], y + geometry.scaled_wh[1])
    )


@given(sizes, st.tuples(st.integers(8, 600), st.integers(8, 600)))
def test_a_letterbox_keeps_the_whole_picture_and_its_aspect(size: tuple[int, int], out: tuple[int, int]) -> None:
    geometry = FitPlan("letterbox", out).geometry(size)
    assert geometry.crop_xywh == (0, 0, *size)
    scale = min(out[0] / size[0], out[1] / size[1])
    assert abs(geometry.scaled_wh[0] - max(1, size[0] * scale)) <= 0.5
    assert abs(geometry.scaled_wh[1] - max(1, size[1] * scale)) <= 0.5
    assert geometry.scaled_wh[0] == out[0] or geometry.scaled_wh[1] == out[1]


@pytest.mark.parametrize(
    ("plan", "picture", "crop", "canvas"),
    [
        (FitPlan("stretch", (224, 224)), (640, 360), (0, 0, 640, 360), (224, 224)),
        (FitPlan("centre_crop", (224, 224), crop_fraction=0.875), (640, 360), (162, 22, 315, 315), (224, 224)),
        (FitPlan("centre_crop", (224, 224)), (360, 640), (0, 140, 360, 360), (224, 224)),
        (FitPlan("short_side", (224, 224)), (768, 576), (0, 0, 768, 576), (298, 224)),
        (FitPlan("short_side", (224, 224)), (576, 768), (0, 0, 576, 768), (224, 298)),
        (FitPlan("short_side", (224, 224)), (5000, 100), (2300, 0, 400, 100), (896, 224)),
        (FitPlan("letterbox", (300, 300)), (1, 1), (0, 0, 1, 1), (300, 300)),
    ],
)
def test_known_sizes(plan: FitPlan, picture: tuple[int, int], crop: tuple[int, ...], canvas: tuple[int, int]) -> None:
    geometry = plan.geometry(picture)
    assert geometry.crop_xywh == crop
    assert geometry.canvas_wh == canvas
