"""The logic of a camera, with a scripted capture; and the real answer to a camera that is not there."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from fractions import Fraction

import cv2
import numpy as np
import pytest

from streamclf.errors import SourceError, SourceNotFoundError
from streamclf.frame import Frame
from streamclf.sources.camera import CameraSource
from streamclf.testing import ManualClock
from tests.cameras import FakeCapture
from tests.clips import Picture, corner_mark, grey_pictures, number_of


def plugged(
    pictures: Iterable[Picture | None], clock: ManualClock | None = None, opens: bool = True, **wishes: object
) -> tuple[CameraSource, FakeCapture]:
    clock = clock or ManualClock()
    capture = FakeCapture(pictures, clock, opens)
    return CameraSource(0, "camera-0", clock=clock, opener=lambda _: capture, **wishes), capture  # type: ignore[arg-type]


def read_until_it_fails(source: CameraSource) -> tuple[list[Frame], str]:
    frames: list[Frame] = []
    with pytest.raises(SourceError) as raised:
        frames.extend(source)
    source.close()
    return frames, str(raised.value)


def test_a_camera_is_live_before_it_is_opened() -> None:
    assert CameraSource(0, "camera-0").is_live


def test_frames_carry_microseconds_since_the_first_one() -> None:
    source, _ = plugged(grey_pictures(4), ManualClock(1000.0))
    frames, _ = read_until_it_fails(source)
    assert [frame.pts for frame in frames] == [0, 50_000, 100_000, 150_000]
    assert {frame.time_base for frame in frames} == {Fraction(1, 1_000_000)}
    assert [frame.captured_s for frame in frames] == pytest.approx([1000.05, 1000.1, 1000.15, 1000.2])
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3]


def test_timestamps_grow_even_if_the_clock_stands_still() -> None:
    source = CameraSource(0, "a", clock=lambda: 5.0, opener=lambda _: FakeCapture(grey_pictures(3)))
    assert [frame.pts for frame in read_until_it_fails(source)[0]] == [0, 1, 2]


def test_the_format_is_asked_for_before_size_and_rate() -> None:
    source, capture = plugged(grey_pictures(1), size_wh=(1280, 720), rate=25.0)
    source.open()
    source.close()
    assert capture.asked == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FPS, 25.0),
    ]


def test_the_info_tells_what_the_camera_gives_and_not_what_was_asked() -> None:
    source, _ = plugged(grey_pictures(1), size_wh=(1280, 720), rate=25.0)
    source.open()
    source.close()
    assert source.info.size_wh == (64, 48)
    assert source.info.declared_rate == 20
    assert source.info.description == "MJPG 64x48 at 20 fps"


def test_a_camera_that_tells_nothing_is_described_all_the_same() -> None:
    source, capture = plugged(grey_pictures(1))
    capture.properties = {cv2.CAP_PROP_FPS: float("nan"), cv2.CAP_PROP_FOURCC: -1.0}
    source.open()
    source.close()
    assert source.info.size_wh is None
    assert source.info.declared_rate is None


def test_mirroring_swaps_left_and_right() -> None:
    source, _ = plugged([corner_mark()], mirror=True)
    image = read_until_it_fails(source)[0][0].image
    np.testing.assert_array_equal(image, corner_mark()[:, ::-1])
    assert not image.flags.writeable


def test_a_damaged_picture_is_counted_and_left_out() -> None:
    first, second = grey_pictures(2)
    source, _ = plugged([None, first, None, second])
    frames, _ = read_until_it_fails(source)
    assert [(frame.index, number_of(frame.image)) for frame in frames] == [(0, 0), (1, 1)]
    assert source.corrupt == 2


def test_a_camera_that_is_pulled_out_ends_with_an_error_and_is_released() -> None:
    source, capture = plugged(grey_pictures(2))
    frames, message = read_until_it_fails(source)
    assert len(frames) == 2
    assert message == "camera 0: it stopped sending pictures; was it unplugged?"
    assert capture.released == 1


def test_a_camera_that_sends_only_damage_does_not_go_on_for_ever() -> None:
    source, _ = plugged(itertools.repeat(None))
    frames, message = read_until_it_fails(source)
    assert frames == []
    assert "nothing but damaged pictures" in message


def test_a_camera_that_does_not_open_is_released() -> None:
    source, capture = plugged([], opens=False)
    with pytest.raises(SourceError, match="camera 0: cannot be opened; another program may be using it"):
        source.open()
    assert capture.released == 1


def test_a_format_that_is_none_is_refused_and_the_camera_released() -> None:
    source, capture = plugged(grey_pictures(1), fourcc="MJPEG")
    with pytest.raises(SourceError, match="'MJPEG' is no pixel format"):
        source.open()
    assert capture.released == 1


@pytest.mark.parametrize("device", [97, "/dev/video97", "/dev/v4l/by-id/no-such-camera"])
def test_a_missing_camera_names_those_that_exist(device: int | str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceNotFoundError, match=f"camera {device}: no such camera; found "):
        CameraSource(device, "a").open()
    assert capfd.readouterr() == ("", "")
