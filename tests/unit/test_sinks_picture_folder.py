"""Annotated pictures in a folder."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamclf.errors import SinkError, UsageError
from streamclf.sinks.picture_folder import PictureFolderSink
from tests.results import disk_of, flat, make_result


def save(folder: Path, *origins: str | None) -> list[str]:
    sink = PictureFolderSink(folder)
    for index, origin in enumerate(origins):
        sink.write(make_result(flat((index, 90, 200)), index=index, pts=None, origin=origin, stream="host/cam"))
    sink.close()
    return sorted(path.name for path in folder.iterdir())


def test_a_picture_keeps_its_name_jpeg_stays_jpeg_and_the_rest_becomes_png(tmp_path: Path) -> None:
    names = save(tmp_path / "out", "a/dog.jpg", "a/cat.PNG", "a/b.c.bmp", "a/Shout.JPEG", None)
    assert names == ["Shout.JPEG", "b.c.png", "cam-000004.png", "cat.png", "dog.jpg"]
    starts = {path.name: path.read_bytes()[:4] for path in (tmp_path / "out").iterdir()}
    assert starts["dog.jpg"][:2] == starts["Shout.JPEG"][:2] == b"\xff\xd8"
    assert starts["cat.png"] == starts["b.c.png"] == b"\x89PNG"


def test_pictures_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    names = save(tmp_path / "out", "a/dog.jpg", "b/dog.jpg", "b/DOG.jpg", "b/dog-2.jpg", "a/dog.png", "a/dog.bmp")
    assert names == ["DOG-3.jpg", "dog-2-2.jpg", "dog-2.jpg", "dog-2.png", "dog.jpg", "dog.png"]


def test_what_is_saved_is_the_annotated_picture(tmp_path: Path) -> None:
    sink = PictureFolderSink(tmp_path / "out")
    sink.write(make_result(pts=None, origin="x.png", draw=lambda prediction: flat((1, 2, 3))))
    saved = cv2.imread(str(tmp_path / "out" / "x.png"))
    assert saved is not None
    assert np.array_equal(saved, flat((1, 2, 3)))


def test_a_picture_too_long_for_jpeg_becomes_png(tmp_path: Path) -> None:
    sink = PictureFolderSink(tmp_path / "out")
    sink.write(make_result(flat(size_wh=(66_000, 2)), pts=None, origin="long.jpg"))
    assert (tmp_path / "out" / "long.png").read_bytes().startswith(b"\x89PNG")


def test_a_full_disk_is_named_and_leaves_no_half_picture(tmp_path: Path) -> None:
    sink = PictureFolderSink(tmp_path / "out")
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    with disk_of(1000), pytest.raises(SinkError, match=r"a\.png: cannot be written on"):
        sink.write(make_result(noise, pts=None, origin="a.png"))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_name_that_looks_like_a_picture_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="saved into a folder"):
        PictureFolderSink(tmp_path / "dog.png")
