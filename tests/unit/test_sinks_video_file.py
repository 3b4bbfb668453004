"""The annotated video: exact times, right colours, and a file that survives whatever ends the run."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from streamclf.errors import SinkError, UsageError
from streamclf.sinks.video_file import AnnotatedVideoSink
from streamclf.vision.draw import annotate
from tests.results import STATS, Pixels, disk_of, flat, make_result


def times_of(path: Path) -> list[Fraction]:
    """When each picture of a clip is shown."""
    with av.open(str(path)) as clip:
        return [frame.pts * frame.time_base for frame in clip.decode(video=0) if frame.pts is not None]


def pictures_of(path: Path) -> list[Pixels]:
    with av.open(str(path)) as clip:
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in clip.decode(video=0)]


def save(
    path: Path, pts: Sequence[int | None], time_base: Fraction, gaps: Sequence[int] = (), live: bool = False
) -> list[Fraction]:
    """Write one picture for each timestamp (a gap before those numbered ``gaps``); return the times in the file."""
    sink = AnnotatedVideoSink(path)
    for index, ticks in enumerate(pts):
        sink.write(make_result(index=index, pts=ticks, time_base=time_base, after_gap=index in gaps, is_live=live))
    sink.close()
    return times_of(path)


@pytest.mark.parametrize(
    "time_base",
    [
        Fraction(1, 30),
        Fraction(1, 1000),
        Fraction(1, 11456),
        Fraction(1, 90_000),
        Fraction(1001, 30_000),
        Fraction(1, 1_000_000),
    ],
    ids=str,
)
@pytest.mark.parametrize("live", [False, True], ids=["recorded", "live"])
def test_a_variable_frame_rate_is_kept_to_the_tick(time_base: Fraction, live: bool, tmp_path: Path) -> None:
    steps = np.random.default_rng(1).integers(1, 5, 50) * max(1, round(Fraction(1, 60) / time_base))
    pts = [int(tick) for tick in 1234 + np.cumsum(steps)]
    assert save(tmp_path / "a.mp4", pts, time_base, live=live) == [(tick - pts[0]) * time_base for tick in pts]


def test_the_timestamps_of_a_real_clip_survive(videos: Path, tmp_path: Path) -> None:
    sink = AnnotatedVideoSink(tmp_path / "a.mp4")
    wanted = []
    with av.open(str(videos / "torchcodec_h265_video.mp4")) as clip:
        for frame in itertools.islice(clip.decode(video=0), 40):
            assert frame.pts is not None
            assert frame.time_base is not None
            wanted.append(frame.pts * frame.time_base)
            image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            sink.write(make_result(image, pts=frame.pts, time_base=frame.time_base, draw=annotate))
    sink.close()
    assert times_of(tmp_path / "a.mp4") == [time - wanted[0] for time in wanted]


def test_a_repeated_time_is_a_moment_later_and_moves_nothing_else(tmp_path: Path) -> None:
    times = save(tmp_path / "a.mp4", [0, 10, 10, 9, 20], Fraction(1, 300))
    assert [times[0], times[1], times[4]] == [0, Fraction(10, 300), Fraction(20, 300)]
    assert times[1] < times[2] < times[3] < times[1] + Fraction(1, 1000)


def test_a_source_that_counts_from_anew_is_continued(tmp_path: Path) -> None:
    base = Fraction(1, 30)
    assert save(tmp_path / "a.mp4", [900, 901, 902, 0, 1, 5], base) == [n * base for n in (0, 1, 2, 3, 4, 8)]


def test_a_gap_within_the_same_second_is_continued_too(tmp_path: Path) -> None:
    base = Fraction(1, 30)
    assert save(tmp_path / "a.mp4", [0, 1, 2, 0, 1], base, gaps=[3]) == [n * base for n in (0, 1, 2, 3, 4)]


def test_a_pause_is_as_long_as_it_was_until_the_file_cannot_hold_it(tmp_path: Path) -> None:
    hour = 3_600_000_000
    times = save(tmp_path / "a.mp4", [0, hour // 2, 3 * hour, 3 * hour + 40_000], Fraction(1, 1_000_000), live=True)
    assert times[1] == 1800
    assert times[2] - times[1] == Fraction(2**31 - 2, 1_000_000)
    assert times[3] - times[2] == Fraction(1, 25)


def test_without_any_time_the_hinted_rate_stands_in(tmp_path: Path) -> None:
    sink = AnnotatedVideoSink(tmp_path / "a.mp4", rate_hint=Fraction(10))
    for index in range(4):
        sink.write(make_result(index=index, pts=None))
    sink.close()
    assert times_of(tmp_path / "a.mp4") == [Fraction(n, 10) for n in range(4)]


@pytest.mark.parametrize(
    "colour", [(0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255), (0, 0, 0), (40, 120, 200)], ids=str
)
def test_colours_come_back(colour: tuple[int, int, int], tmp_path: Path) -> None:
    sink = AnnotatedVideoSink(tmp_path / "a.mp4")
    sink.write(make_result(flat(colour)))
    sink.close()
    # ffmpeg's own reading of the tags; PyAV's to_ndarray leaves them aside
    raw = subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-i",
            tmp_path / "a.mp4",
            "-vf",
            "scale=in_color_matrix=auto",
            "-pix_fmt",
            "bgr24",
            "-f",
            "rawvideo",
            "-",
        ],
        check=True,
        capture_output=True,
    ).stdout
    seen = np.frombuffer(raw, np.uint8).reshape(48, 64, 3)
    assert np.abs(seen.astype(int) - colour).max() <= 4


def test_the_file_says_what_its_colours_mean(tmp_path: Path) -> None:
    save(tmp_path / "a.mp4", [0, 1], Fraction(1, 30))
    with av.open(str(tmp_path / "a.mp4")) as clip:
        codec = clip.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
        assert (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range) == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("size_wh", "saved_wh"),
    [((63, 47), (64, 48)), ((64, 47), (64, 48)), ((1, 1), (16, 16)), ((17_000, 20), (16_384, 20))],
)
def test_any_size_is_made_one_that_h264_can_hold(
    size_wh: tuple[int, int], saved_wh: tuple[int, int], tmp_path: Path
) -> None:
    sink = AnnotatedVideoSink(tmp_path / "a.mp4")
    sink.write(make_result(flat((200, 200, 200), size_wh)))
    sink.close()
    (picture,) = pictures_of(tmp_path / "a.mp4")
    assert (picture.shape[1], picture.shape[0]) == saved_wh
    assert picture[picture.shape[0] // 2, -1].min() > 180, "the added line repeats the last one"


def test_a_picture_of_another_size_is_fitted_into_the_first(tmp_path: Path) -> None:
    sink = AnnotatedVideoSink(tmp_path / "a.mp4")
    for index, size_wh in enumerate([(64, 48), (128, 48), (64, 48)]):
        sink.write(make_result(flat((200, 200, 200), size_wh), index=index, pts=index))
    sink.close()
    first, wide, last = pictures_of(tmp_path / "a.mp4")
    assert first.shape == wide.shape == last.shape == (48, 64, 3)
    assert wide[24, 32].min() > 180
    assert wide[2, 32].max() < 40


def test_a_closed_file_is_an_ordinary_one_with_an_index_and_a_keyframe_a_second(tmp_path: Path) -> None:
    save(tmp_path / "a.mp4", list(range(100)), Fraction(1, 30))
    with av.open(str(tmp_path / "a.mp4")) as clip:
        stream = clip.streams.video[0]
        assert stream.frames == 100
        assert stream.duration is not None
        assert stream.time_base is not None
        assert stream.duration * stream.time_base == Fraction(100, 30)
        packets = [packet for packet in clip.demux(stream) if packet.pts is not None]
        assert all(packet.pts == packet.dts for packet in packets)
        assert [index for index, packet in enumerate(packets) if packet.is_keyframe] == [0, 30, 60, 90]
        clip.seek(2_000_000)
        assert next(clip.decode(video=0)).time == 2.0


def test_a_single_picture_lasts_as_long_as_the_hinted_rate_says(tmp_path: Path) -> None:
    sink = AnnotatedVideoSink(tmp_path / "a.mp4", rate_hint=Fraction(4))
    sink.write(make_result())
    sink.close()
    with av.open(str(tmp_path / "a.mp4")) as clip:
        stream = clip.streams.video[0]
        assert stream.duration is not None
        assert stream.time_base is not None
        assert stream.duration * stream.time_base == Fraction(1, 4)


KILLED = """
import os, signal, sys
from fractions import Fraction
from pathlib import Path
from streamclf.sinks.video_file import AnnotatedVideoSink
from tests.results import make_result
sink = AnnotatedVideoSink(Path(sys.argv[1]))
for index in range(200):
    sink.write(make_result(index=index, pts=index, time_base=Fraction(1, 30), is_live=sys.argv[2] == "live"))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("live", ["recorded", "live"])
def test_after_a_kill_all_but_the_last_two_seconds_can_be_read(live: str, tmp_path: Path) -> None:
    here = Path(__file__).parents[2]
    child = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "a.mp4"), live], cwd=here, timeout=60, check=False
    )
    assert child.returncode == -signal.SIGKILL
    assert times_of(tmp_path / "a.mp4")[-1] >= Fraction(200, 30) - 2


def noise(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (120, 160, 3), dtype=np.uint8)


def fill(sink: AnnotatedVideoSink, is_live: bool = False) -> None:
    for index in range(200):
        sink.write(make_result(noise(index), index=index, pts=index, is_live=is_live))


@pytest.mark.parametrize("live", [False, True], ids=["recorded", "live"])
def test_a_full_disk_is_named_and_leaves_a_whole_file(live: bool, tmp_path: Path) -> None:
    sink = AnnotatedVideoSink(tmp_path / "a.mp4")
    with disk_of(500_000):
        with pytest.raises(SinkError, match=r"a\.mp4: cannot be written on: .*space"):
            fill(sink, is_live=live)
        sink.close()
    assert len(times_of(tmp_path / "a.mp4")) >= 30


def test_a_disk_that_fills_while_closing_is_named_and_leaves_a_whole_file(tmp_path: Path) -> None:
    sink = AnnotatedVideoSink(tmp_path / "a.mp4")
    for index in range(70):
        sink.write(make_result(noise(index), index=index, pts=index))
    with disk_of((tmp_path / "a.mp4").stat().st_size + 1000), pytest.raises(SinkError, match="cannot be written on"):
        sink.close()
    assert len(times_of(tmp_path / "a.mp4")) >= 60


def test_without_a_single_picture_there_is_no_file(tmp_path: Path) -> None:
    sink = AnnotatedVideoSink(tmp_path / "a.mp4")
    sink.tick(STATS)
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_full_from_the_start_leaves_no_broken_file(tmp_path: Path) -> None:
    sink = AnnotatedVideoSink(tmp_path / "a.mp4")
    with disk_of(10):
        with pytest.raises(SinkError, match="cannot be written on"):
            fill(sink)
        sink.close()
    assert list(tmp_path.iterdir()) == []


def test_another_container_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.avi: .*\.mp4"):
        AnnotatedVideoSink(tmp_path / "a.avi")
    with pytest.raises(UsageError, match=r"out: .* end its name with \.mp4, \.m4v or \.mov"):
        AnnotatedVideoSink(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
