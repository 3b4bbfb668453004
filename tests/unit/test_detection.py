"""Boxes: decoded from each layout, rid of overlaps within a class, and mapped back to the frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamclf.errors import EngineError
from streamclf.frame import FitPlan
from streamclf.prediction import Box
from streamclf.vision.detection import Candidates, answers, class_probabilities, decode, per_picture, suppress, to_frame

LABELS = ("cat", "dog", "bird")


def candidates(*boxes: tuple[float, float, float, float], scores=None, classes=None) -> Candidates:
    return Candidates(
        np.float32(boxes).reshape(-1, 4),
        np.float32(scores if scores is not None else [0.9] * len(boxes)),
        np.array(classes if classes is not None else [0] * len(boxes), np.int64),
    )


def test_ssd_rows_belong_to_the_picture_that_they_name():
    rows = np.float32([[[
        [0, 1, 0.9, 0.1, 0.2, 0.5, 0.6], [1, 2, 0.8, 0.0, 0.0, 1.0, 1.0], [0, 2, 0.3, 0, 0, 1, 1], [-1, 0, 0, 0, 0, 0, 0],
    ]]])  # fmt: skip
    output = per_picture("ssd", {"out": rows}, 3)["out"]
    assert output.shape == (3, 2, 7)
    first, second, third = (decode("ssd", [own], (300, 200), 3, 0.5) for own in output)
    np.testing.assert_allclose(first.xyxy, [[30, 40, 150, 120]], rtol=1e-5)
    assert (first.class_ids.tolist(), second.class_ids.tolist(), third.class_ids.tolist()) == ([1], [2], [])
    np.testing.assert_allclose(second.xyxy, [[0, 0, 300, 200]])


def test_a_picture_s_ssd_numbers_are_the_same_alone_and_in_a_batch():
    together = np.float32([[[[0, 1, 0.9, 0, 0, 1, 1], [1, 2, 0.8, 0, 0, 1, 1], [1, 1, 0.7, 0, 0, 1, 1], [0] * 7]]])
    alone = np.float32([[[[0, 1, 0.9, 0, 0, 1, 1], [0] * 7]]])  # rows of zeros only fill up
    (first, second) = answers("ssd", per_picture("ssd", {"out": together}, 2), 2)
    (own,) = answers("ssd", per_picture("ssd", {"out": alone}, 1), 1)
    np.testing.assert_array_equal(first, own)
    assert (first.shape, second.shape) == ((7,), (14,))


def test_a_single_picture_s_yolo_regions_get_the_axis_of_a_batch():
    regions = np.zeros((300, 85), np.float32)
    assert per_picture("yolo_regions", {"a": regions}, 1)["a"].shape == (1, 300, 85)
    both = per_picture(
        "yolo_regions", {"a": np.stack([regions, regions + 1]), "b": np.zeros((2, 10, 85), np.float32)}, 2
    )
    assert {name: output.shape for name, output in both.items()} == {"a": (2, 300, 85), "b": (2, 10, 85)}
    first, second = answers("yolo_regions", both, 2)
    assert first.shape == second.shape == (310 * 85,)
    assert (first.max(), second.max()) == (0, 1)


@pytest.mark.parametrize(
    ("layout", "shape"),
    [("ssd", (1, 1000)), ("yolo_regions", (300, 85)), ("nanodet", (1, 32, 80)), ("nanodet", (2, 80))],
)
def test_what_is_not_of_so_many_pictures_is_refused(layout, shape):
    with pytest.raises(EngineError, match="the network puts out"):
        per_picture(layout, {"out": np.zeros(shape, np.float32)}, 2)


def test_yolo_regions_of_all_scales_are_taken_together():
    coarse = np.float32([[0.5, 0.5, 0.2, 0.4, 0.9, 0.1, 0.7, 0]])
    fine = np.float32([[0.25, 0.75, 0.1, 0.1, 0.8, 0.6, 0.1, 0], [0, 0, 1, 1, 0.1, 0.05, 0, 0]])
    found = decode("yolo_regions", [coarse, fine], (320, 160), 3, 0.3)
    np.testing.assert_allclose(found.xyxy, [[128, 48, 192, 112], [64, 112, 96, 128]], rtol=1e-5)
    assert found.class_ids.tolist() == [1, 0]
    np.testing.assert_allclose(found.scores, [0.7, 0.6])


def test_nanodet_outputs_may_come_in_any_order():
    # Strides 8, 16 and 32 of a 64x32 input; one box of stride 16 with distances of 1, 0, 2 and 1 steps.
    scores = [np.zeros((rows, 3), np.float32) for rows in (32, 8, 2)]
    distances = [np.zeros((rows, 32), np.float32) for rows in (32, 8, 2)]
    scores[1][5, 2] = 0.8  # second row, second column: its middle is (16 + 7.5, 16 + 7.5)
    for side, step in enumerate((1, 0, 2, 1)):
        distances[1][5, side * 8 + step] = 50
    for outputs in ([*scores, *distances], [distances[2], scores[1], scores[0], distances[1], distances[0], scores[2]]):
        found = decode("nanodet", outputs, (64, 32), 3, 0.5)
        np.testing.assert_allclose(found.xyxy, [[23.5 - 16, 23.5, 23.5 + 32, 23.5 + 16]], atol=1e-3)
        assert found.class_ids.tolist() == [2]


@pytest.mark.parametrize(
    ("layout", "shapes"),
    [
        ("ssd", [(5, 7), (5, 7)]),
        ("ssd", [(5, 8)]),
        ("yolo_regions", [(30, 84)]),
        ("yolo_regions", [(30, 85), (30, 25)]),
        ("yolo_regions", []),
        ("nanodet", [(32, 80), (32, 31)]),
        ("nanodet", [(33, 80), (33, 32)]),
        ("nanodet", [(32, 20), (32, 32)]),
        ("nanodet", [(32, 80), (32, 32), (8, 80)]),
        ("nanodet", []),
    ],
)
def test_outputs_of_another_network_or_other_classes_are_refused_by_their_shapes(layout, shapes):
    with pytest.raises(EngineError, match=f"the network puts out .*; output.boxes = '{layout}' is "):
        decode(layout, [np.zeros(shape, np.float32) for shape in shapes], (64, 32), 80, 0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(("layout", "width"), [("ssd", 7), ("yolo_regions", 8)])
def test_a_network_that_produces_nan_is_named_as_such(bad, layout, width):
    with pytest.raises(EngineError, match="NaN or infinite"):
        decode(layout, [np.full((1, width), bad, np.float32)], (64, 64), 3, 0.1)


def test_nan_is_not_lost_while_the_pictures_are_told_apart():
    with pytest.raises(EngineError, match="NaN or infinite"):
        per_picture("ssd", {"out": np.full((1, 1, 5, 7), np.nan, np.float32)}, 1)


def test_scores_that_are_no_probabilities_are_refused():
    with pytest.raises(
        EngineError, match=r"scores go up to 7\.5, so they are no probabilities; is output\.boxes = 'ssd' right"
    ):
        decode("ssd", [np.float32([[0, 1, 7.5, 0, 0, 1, 1]])], (64, 64), 3, 0.1)


def test_a_class_is_as_probable_as_its_best_box():
    boxes = [Box(2, "bird", 0.6, (0, 0, 1, 1)), Box(0, "cat", 0.5, (0, 0, 1, 1)), Box(2, "bird", 0.8, (0, 0, 1, 1))]
    found = class_probabilities(boxes, 3)
    np.testing.assert_allclose(found, [0.5, 0, 0.8])
    assert (found.dtype, found.flags.writeable) == (np.float32, False)
    assert class_probabilities([], 2).tolist() == [0, 0]


def test_of_overlapping_boxes_of_a_class_the_most_probable_stays():
    found = candidates((0, 0, 10, 10), (1, 0, 11, 10), (40, 40, 50, 50), scores=[0.6, 0.9, 0.5])
    kept = suppress(found, 0.3, 0.5)
    np.testing.assert_allclose(kept.scores, [0.9, 0.5])
    np.testing.assert_allclose(kept.xyxy, [[1, 0, 11, 10], [40, 40, 50, 50]])


def test_boxes_of_different_classes_do_not_suppress_each_other():
    found = candidates((0, 0, 10, 10), (0, 0, 10, 10), scores=[0.6, 0.9], classes=[0, 1])
    assert suppress(found, 0.3, 0.5).class_ids.tolist() == [1, 0]


def test_nothing_found_stays_nothing():
    assert len(suppress(candidates(), 0.3, 0.5).scores) == 0
    assert to_frame(candidates(), FitPlan("stretch", (8, 8)).geometry((20, 10)), (20, 10), LABELS) == ()


def test_the_background_is_no_class():
    found = candidates((0, 0, 8, 8), (0, 0, 8, 8), (0, 0, 8, 8), classes=[0, 1, 4])
    boxes = to_frame(found, FitPlan("stretch", (8, 8)).geometry((20, 10)), (20, 10), LABELS, background=1)
    assert [(box.class_id, box.label) for box in boxes] == [(0, "cat")]
    assert boxes[0].box_xyxy == (0, 0, 20, 10)


def test_boxes_are_cut_at_the_frames_borders_and_those_outside_left_out():
    found = candidates((-5, -5, 4, 4), (20, 20, 30, 30), (6, 6, 9, 5))
    boxes = to_frame(found, FitPlan("stretch", (10, 10)).geometry((100, 50)), (100, 50), LABELS)
    assert [box.box_xyxy for box in boxes] == [(0, 0, 40, 20)]


@settings(max_examples=200, deadline=None)
@given(
    mode=st.sampled_from(["stretch", "letterbox", "centre_crop", "short_side"]),
    width=st.integers(40, 2000),
    height=st.integers(40, 2000),
    corners=st.tuples(*[st.floats(0.02, 0.98)] * 4),
)
def test_a_box_drawn_on_the_frame_comes_back_where_it_was(mode, width, height, corners):
    geometry = FitPlan(mode, (320, 256)).geometry((width, height))
    left, top, wide, high = geometry.crop_xywh
    x = sorted((left + corners[0] * wide, left + corners[1] * wide))
    y = sorted((top + corners[2] * high, top + corners[3] * high))
    if x[1] - x[0] < 1 or y[1] - y[0] < 1:
        return
    there = (*geometry.to_input(x[0], y[0]), *geometry.to_input(x[1], y[1]))
    (box,) = to_frame(candidates(there), geometry, (width, height), LABELS)
    np.testing.assert_allclose(box.box_xyxy, (x[0], y[0], x[1], y[1]), atol=0.02)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 40), overlap=st.floats(0.1, 0.9))
def test_after_suppression_no_two_boxes_of_a_class_overlap_by_more(seed, count, overlap):
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, 80, (count, 2)), rng.uniform(5, 60, (count, 2))
    found = candidates(
        *np.concatenate([corner, corner + size], 1),
        scores=rng.uniform(0.3, 1, count),
        classes=rng.integers(0, 3, count),
    )
    kept = suppress(found, 0.25, overlap)
    assert 1 <= len(kept.scores) <= count
    assert (np.diff(kept.scores) <= 0).all()
    assert kept.scores[0] == found.scores.max()
    for i in range(len(kept.scores)):
        for j in range(i):
            if kept.class_ids[i] == kept.class_ids[j]:
                assert iou(kept.xyxy[i], kept.xyxy[j]) <= overlap + 1e-3


def iou(a, b) -> float:
    size = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    inside = float(np.prod(np.clip(size, 0, None)))
    return inside / (float(np.prod(a[2:] - a[:2])) + float(np.prod(b[2:] - b[:2])) - inside)
