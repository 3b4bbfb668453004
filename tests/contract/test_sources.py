"""Every kind of source keeps the same promises."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamclf.errors import SourceError
from streamclf.frame import FitPlan, Frame
from streamclf.source import FrameSource
from streamclf.sources.camera import CameraSource
from streamclf.sources.image_folder import ImageFolderSource
from streamclf.sources.network import NetworkSource
from streamclf.sources.synthetic import SyntheticSource, script
from streamclf.sources.video_file import VideoFileSource
from streamclf.testing import ManualClock, ScriptedSource
from tests.cameras import FakeCapture
from tests.clips import grey_pictures, make_clip
from tests.servers import free_port, serving, streaming

COUNT = 6
SIZE_WH = (64, 48)


@dataclass
class Kind:
    make: Callable[[], FrameSource]
    make_missing: Callable[[], FrameSource] | None
    """One that cannot be opened."""
    is_live: bool = False
    is_pictures: bool = False
    size_wh: tuple[int, int] = SIZE_WH


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mkv", grey_pictures(COUNT), "-pix_fmt", "yuv420p")


@pytest.fixture(scope="module")
def transport_stream(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("stream") / "stream.ts"
    return make_clip(path, grey_pictures(29), "-pix_fmt", "yuv420p", "-f", "mpegts").read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("folder")
    for number, picture in enumerate(grey_pictures(COUNT)):
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


@pytest.fixture(params=["scripted", "file", "pictures", "synthetic", "camera", "http", "tcp"])
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    if request.param == "scripted":
        yield Kind(lambda: ScriptedSource(range(COUNT), name="a"), None)
    elif request.param == "file":
        clip = request.getfixturevalue("clip")
        yield Kind(lambda: VideoFileSource(clip, "a"), lambda: VideoFileSource("none.mp4", "a"))
    elif request.param == "pictures":
        folder = str(request.getfixturevalue("folder"))
        missing = lambda: ImageFolderSource(["none"], "a")  # noqa: E731
        yield Kind(lambda: ImageFolderSource([folder], "a"), missing, is_pictures=True)
    elif request.param == "synthetic":
        segments = script(["dark", "no_signal", "ok", "motion_blur", "defocus", "bright"], 1)  # ever brighter
        yield Kind(lambda: SyntheticSource("a", segments), None, size_wh=(960, 540))
    elif request.param == "camera":
        yield Kind(_fake_camera, lambda: CameraSource("/dev/no-such-camera", "a"), is_live=True)
    elif request.param == "http":
        with serving() as server:
            server.files["/clip.mkv"] = request.getfixturevalue("clip").read_bytes()
            url, missing_url = server.url("/clip.mkv"), server.url("/none.mkv")
            yield Kind(lambda: NetworkSource(url, "a"), lambda: NetworkSource(missing_url, "a"))
    else:
        with streaming(request.getfixturevalue("transport_stream")) as url:
            refused = f"tcp://127.0.0.1:{free_port()}"
            yield Kind(lambda: NetworkSource(url, "a"), lambda: NetworkSource(refused, "a"), is_live=True)


def _fake_camera() -> CameraSource:
    clock = ManualClock()
    return CameraSource(0, "a", clock=clock, opener=lambda _: FakeCapture(grey_pictures(29), clock))


@pytest.fixture
def source(kind: Kind) -> Iterator[FrameSource]:
    source = kind.make()
    with closing(source):
        yield source


def take(source: FrameSource, count: int = COUNT) -> list[Frame]:
    with closing(iter(source)) as frames:  # type: ignore[type-var]
        return list(itertools.islice(frames, count))


def test_frames_are_numbered_from_0_and_named_after_their_stream(source: FrameSource) -> None:
    source.name = "renamed before reading"
    frames = take(source)
    assert [frame.index for frame in frames] == list(range(COUNT))
    assert {frame.stream for frame in frames} == {"renamed before reading"}
    assert not any(frame.after_gap for frame in frames)


def test_timestamps_grow_unless_there_is_no_time(kind: Kind, source: FrameSource) -> None:
    frames = take(source)
    if kind.is_pictures:
        assert {frame.pts for frame in frames} == {None}
        assert all(frame.origin for frame in frames)
    else:
        seconds = [frame.pts_s for frame in frames if frame.pts_s is not None]
        assert len(seconds) == COUNT
        assert all(earlier < later for earlier, later in itertools.pairwise(seconds))
        assert {frame.origin for frame in frames} == {None}


def test_the_capture_time_is_read_from_the_clock_when_a_frame_comes(source: FrameSource) -> None:
    captured = [frame.captured_s for frame in take(source)]
    assert captured == sorted(captured)


def test_pictures_are_bgr_read_only_and_made_once(kind: Kind, source: FrameSource) -> None:
    for frame in take(source):
        image = frame.image
        assert image.dtype == np.uint8
        assert image.shape == (kind.size_wh[1], kind.size_wh[0], 3)
        assert frame.picture.size_wh == kind.size_wh
        assert image.flags.c_contiguous
        assert not image.flags.writeable
        assert frame.picture.nbytes >= image.nbytes


def test_pictures_fit_a_network_into_fresh_arrays(source: FrameSource) -> None:
    frame = take(source, 1)[0]
    plan = FitPlan("centre_crop", (20, 16), channels=1)
    first, second = frame.picture.fit(plan), frame.picture.fit(plan)
    assert first.shape == (16, 20, 1)
    assert first.flags.writeable
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, second)


def test_pictures_outlive_their_source(kind: Kind, source: FrameSource) -> None:
    frames = take(source)
    source.close()
    means = [float(frame.image.mean()) for frame in frames]
    assert means == sorted(means)
    assert len(set(means)) == COUNT


def test_the_info_is_right_once_the_source_is_open(kind: Kind, source: FrameSource) -> None:
    source.open()
    info = source.info
    assert info.size_wh == kind.size_wh
    assert info.is_live is source.is_live is kind.is_live
    assert info.is_pictures is kind.is_pictures
    assert info.frame_count == (None if kind.is_live else COUNT)
    assert info.description


def test_an_undamaged_source_counts_nothing_as_corrupt(source: FrameSource) -> None:
    take(source)
    assert source.corrupt == 0


def test_a_recorded_source_ends_by_itself(kind: Kind, source: FrameSource) -> None:
    if not kind.is_live:
        assert len(take(source, 10_000)) == COUNT


def test_closing_twice_or_unopened_does_no_harm(source: FrameSource) -> None:
    source.close()
    take(source, 2)
    source.close()
    source.close()


def test_opening_twice_loses_nothing(source: FrameSource) -> None:
    source.open()
    source.open()
    assert take(source, 1)[0].index == 0


def test_reading_on_after_a_pause_repeats_nothing(source: FrameSource) -> None:
    if not isinstance(source, ScriptedSource):  # which starts its script again
        frames = [*take(source, 2), *take(source, 2)]
        assert [frame.index for frame in frames] == [0, 1, 2, 3]
        assert len({float(frame.image.mean()) for frame in frames}) == 4


def test_what_is_missing_is_noticed_when_opened_and_not_before(kind: Kind) -> None:
    if kind.make_missing is not None:
        source = kind.make_missing()
        with pytest.raises(SourceError) as raised:
            source.open()
        assert len(str(raised.value).splitlines()) == 1
        source.close()


def test_a_source_can_be_opened_in_one_thread_and_read_in_another(source: FrameSource) -> None:
    source.open()
    with ThreadPoolExecutor(1) as reader:
        frames = reader.submit(take, source, 2).result()
    assert [frame.image.shape[2] for frame in frames] == [3, 3]
