from __future__ import annotations

import numpy as np
import pytest

from streamclf.errors import StreamclfError
from streamclf.vision import reference
from streamclf.vision.exact import Canvas, clouds, grain
from streamclf.vision.reference import REFERENCE_PICTURES, reference_picture


@pytest.mark.parametrize("name", REFERENCE_PICTURES)
def test_a_reference_picture_has_the_same_bytes_as_everywhere_and_nobody_writes_into_it(name: str) -> None:
    picture = reference_picture(name)  # it compares its own digest
    assert picture.dtype == np.uint8
    assert not picture.flags.writeable
    assert reference_picture(name) is picture


def test_the_pictures_are_of_three_shapes_so_that_a_wrong_crop_shows() -> None:
    shapes = {name: reference_picture(name).shape for name in REFERENCE_PICTURES}
    assert shapes == {"portrait": (480, 360, 3), "street": (480, 640, 3), "fruit": (318, 540, 3)}


def test_a_machine_that_draws_other_pixels_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "REFERENCE_PICTURES", {"fruit": "0" * 64})
    reference_picture.cache_clear()
    with pytest.raises(StreamclfError, match="'fruit' comes out with other pixels here"):
        reference_picture("fruit")


def test_painting_knows_whole_numbers_only() -> None:
    canvas = Canvas.empty(40, 20)
    canvas.oval((20, 10), (8, 4), (10, 20, 30), lambda c: 256 + c.rim)
    canvas.shade((20, 10), (3, 3), 128)
    assert (
        canvas.pixels.dtype == clouds(canvas.x, canvas.y, 5, 1).dtype == grain(canvas.x, canvas.y, 1).dtype == np.int64
    )
    assert canvas.pixels[10, 20].tolist() == [5, 10, 15]  # in the middle of the shade
    assert canvas.pixels[10, 28].tolist() == [20, 40, 60]  # at the rim
    assert not canvas.pixels[10, 29].any()


def test_what_reaches_beyond_the_canvas_is_cut_at_its_border() -> None:
    canvas = Canvas.empty(10, 10)
    canvas.box(-5, -5, 3, 3, (1, 2, 3))
    canvas.oval((9, 9), (4, 4), (7, 7, 7))
    assert np.argwhere(canvas.pixels[..., 0] == 1).max() == 2
    assert canvas.pixels[9, 9, 0] == canvas.pixels[5, 9, 0] == 7
    assert canvas.pixels[4, 9, 0] == 0


def test_parts_of_parts_keep_the_places_of_the_whole() -> None:
    canvas = Canvas.empty(30, 30)
    canvas.part(10, 10, 30, 30).part(12, 0, 20, 30).box(0, 0, 15, 12, (9, 9, 9))
    assert np.argwhere(canvas.pixels[..., 0] == 9).min(0).tolist() == [10, 12]
    assert np.argwhere(canvas.pixels[..., 0] == 9).max(0).tolist() == [11, 14]
