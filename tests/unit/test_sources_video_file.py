from __future__ import annotations

import itertools
import logging
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamclf.errors import NothingDecodableError, SourceError, SourceNotFoundError
from streamclf.frame import Frame
from streamclf.sources.video_file import VideoFileSource
from streamclf.testing import ManualClock
from tests.clips import BARS_BGR, bars, corner_mark, damaged, grey_pictures, make_clip, number_of, run_ffmpeg

COUNTS = {
    "decord_video_0.mov": 3,
    "decord_video_90.mov": 3,
    "decord_video_180.mov": 3,
    "decord_video_270.mov": 3,
    "flipping_a_pancake.mkv": 310,
    "intel_bottle-detection.mp4": 1189,
    "intel_one-by-one-person-detection.mp4": 1394,
    "torchcodec_av1_video.mkv": 125,
    "torchcodec_h264_10bits.mp4": 30,
    "torchcodec_h265_video.mp4": 10,
}


def read(path: Path, **options: int) -> tuple[list[Frame], VideoFileSource]:
    source = VideoFileSource(path, "clip", **options)
    try:
        return list(source), source
    finally:
        source.close()


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as raised:
        read(path)
    return str(raised.value)


# ---- what is read


@pytest.mark.parametrize("name", COUNTS)
def test_every_frame_of_a_real_clip_is_read(videos: Path, name: str) -> None:
    frames, source = read(videos / name)
    assert len(frames) == COUNTS[name]
    assert source.corrupt == 0


def test_timestamps_are_the_containers_own_integers(videos: Path) -> None:
    frames, _ = read(videos / "torchcodec_h264_10bits.mp4")
    assert [frame.pts for frame in frames] == list(range(0, 30 * 512, 512))
    assert {frame.time_base for frame in frames} == {Fraction(1, 15360)}


def test_a_variable_frame_rate_keeps_its_timestamps(tmp_path: Path) -> None:
    options = ("-vf", "setpts='N*N*1000',settb=1/1000", "-vsync", "vfr", "-enc_time_base", "1:1000", "-bf", "0")
    clip = make_clip(tmp_path / "vfr.mkv", grey_pictures(5), *options)
    frames, _ = read(clip)
    seconds = [frame.pts_s for frame in frames if frame.pts_s is not None]
    gaps = [round((later - earlier) / (seconds[1] - seconds[0])) for earlier, later in itertools.pairwise(seconds)]
    assert gaps == [1, 3, 5, 7]


def test_a_stream_without_timestamps_gets_them_from_its_rate(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "raw.h264", grey_pictures(8), "-pix_fmt", "yuv420p", "-bf", "2", rate="25")
    frames, _ = read(clip)
    assert [number_of(frame.image) for frame in frames] == list(range(8))
    seconds = [frame.pts_s for frame in frames if frame.pts_s is not None]
    assert np.diff(seconds) == pytest.approx([1 / 25] * 7)


def test_reordered_frames_come_in_the_order_they_are_shown(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "b.mp4", grey_pictures(12), "-bf", "3", "-pix_fmt", "yuv420p")
    frames, _ = read(clip)
    assert [number_of(frame.image) for frame in frames] == list(range(12))


@pytest.mark.parametrize("threads", [1, 3])
def test_the_last_frames_come_however_many_threads_decode(videos: Path, threads: int) -> None:
    frames, _ = read(videos / "torchcodec_h265_video.mp4", decoder_threads=threads)
    assert [frame.pts for frame in frames] == list(range(0, 10 * 1024, 1024))


def test_the_capture_time_is_when_the_frame_was_decoded(tmp_path: Path) -> None:
    clock = ManualClock(100.0)
    source = VideoFileSource(make_clip(tmp_path / "c.mp4", grey_pictures(3)), "clip", clock)
    captured = []
    source.open()
    for frame in source:
        captured.append(frame.captured_s)
        clock.advance(1.0)
    source.close()
    assert captured == [100.0, 101.0, 102.0]


def test_the_info_tells_codec_size_rate_and_length(videos: Path) -> None:
    source = VideoFileSource(videos / "intel_bottle-detection.mp4", "clip")
    source.open()
    source.close()
    assert source.info.description == "H.264 640x360 at 29.83 fps"
    assert source.info.declared_rate == Fraction(179, 6)
    assert source.info.frame_count == 1189
    assert source.info.duration_s == pytest.approx(39.855, abs=1e-3)


def test_a_name_that_looks_like_a_protocol_is_a_file(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "plain.mp4", grey_pictures(2))
    odd = clip.rename(tmp_path / "http:%03d ünïcode#?.mp4")
    assert len(read(odd)[0]) == 2


# ---- how it is held


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_rotated_clip_is_shown_upright_as_cv2_does(videos: Path, degrees: int) -> None:
    path = videos / f"decord_video_{degrees}.mov"
    capture = cv2.VideoCapture(str(path))
    good, expected = capture.read()
    capture.release()
    frames, source = read(path)
    assert good
    assert source.info.size_wh == (expected.shape[1], expected.shape[0]) == frames[0].picture.size_wh
    assert np.abs(frames[0].image.astype(int) - expected).max() <= 2


ORIENTATIONS = {  # a, b, c, d of the display matrix: shown at x' = a x + c y, y' = b x + d y; where the upper left corner goes
    (1, 0, 0, 1): "upper left",
    (-1, 0, 0, 1): "upper right",
    (1, 0, 0, -1): "lower left",
    (-1, 0, 0, -1): "lower right",
    (0, 1, 1, 0): "upper left",
    (0, 1, -1, 0): "upper right",
    (0, -1, 1, 0): "lower left",
    (0, -1, -1, 0): "lower right",
}


@pytest.mark.parametrize("matrix", ORIENTATIONS)
def test_a_clip_held_in_any_of_the_eight_ways_is_shown_upright(tmp_path: Path, matrix: tuple[int, ...]) -> None:
    data = make_clip(tmp_path / "plain.mp4", [corner_mark()] * 2, "-pix_fmt", "yuv420p").read_bytes()
    a, b, c, d = (value << 16 for value in matrix)
    before, after = (
        struct.pack(">9i", *m, 0, 0, 1 << 30) for m in ((1 << 16, 0, 0, 0, 1 << 16, 0), (a, b, 0, c, d, 0))
    )
    track = data.index(b"tkhd")
    path = tmp_path / "held.mp4"
    path.write_bytes(data[:track] + data[track:].replace(before, after, 1))
    image = read(path)[0][0].image
    assert image.shape == ((48, 64, 3) if matrix[0] else (64, 48, 3))
    height, width = image.shape[0] // 2, image.shape[1] // 2
    row, column = ORIENTATIONS[matrix].split()
    quarter = image[height:] if row == "lower" else image[:height]
    assert (quarter[:, width:] if column == "right" else quarter[:, :width]).mean() > 240
    assert image.mean() == pytest.approx(255 / 4, abs=4)


# ---- colours

PIXEL_FORMATS = {
    "yuv420p": "libx264",
    "yuv422p": "libx264",
    "yuv444p": "libx264",
    "yuv420p10le": "libx264",
    "yuvj420p": "mjpeg",
    "rgb24": "libx264rgb",
    "bgr24": "rawvideo",
    "gray": "ffv1",
    "gray16le": "ffv1",
    "yuva420p": "ffv1",
    "bgra": "ffv1",
}


@pytest.mark.parametrize("pixel_format", PIXEL_FORMATS)
def test_any_pixel_format_gives_its_colours(tmp_path: Path, pixel_format: str) -> None:
    codec = PIXEL_FORMATS[pixel_format]
    suffix = "avi" if codec == "rawvideo" else "mkv"
    quality = {"libx264": ("-qp", "1"), "libx264rgb": ("-qp", "1"), "mjpeg": ("-q:v", "1")}.get(codec, ())
    clip = make_clip(tmp_path / f"c.{suffix}", [bars()], "-pix_fmt", pixel_format, *quality, codec=codec)
    image = read(clip)[0][0].image
    expected = np.array(BARS_BGR, float)
    if "gray" in pixel_format:
        expected = np.repeat(expected @ [[0.114], [0.587], [0.299]], 3, axis=1)
    tolerance = 12 if pixel_format == "yuvj420p" else 4
    assert np.abs(image[16, 8::16] - expected).max() <= tolerance


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("range_", ["tv", "pc"])
def test_colours_follow_the_tags_of_the_stream(tmp_path: Path, matrix: str, range_: str) -> None:
    tag = {"bt601": "smpte170m", "bt709": "bt709", "bt2020": "bt2020nc"}[matrix]
    scaling = f"scale=out_color_matrix={matrix}:out_range={range_},format=yuv420p"
    options = ("-vf", scaling, "-colorspace", tag, "-color_range", range_, "-qp", "1")
    image = read(make_clip(tmp_path / "c.mp4", [bars()], *options))[0][0].image
    assert np.abs(image[16, 8::16] - np.array(BARS_BGR, float)).max() <= 4


def test_untagged_colours_are_those_of_cv2(videos: Path) -> None:
    path = videos / "flipping_a_pancake.mkv"
    capture = cv2.VideoCapture(str(path))
    _, expected = capture.read()
    capture.release()
    assert np.abs(read(path)[0][0].image.astype(int) - expected).max() <= 2


def test_a_colour_matrix_without_conversion_falls_back(tmp_path: Path) -> None:
    options = ("-pix_fmt", "yuv444p", "-colorspace", "chroma-derived-nc", "-qp", "1")
    image = read(make_clip(tmp_path / "c.mp4", [bars()], *options))[0][0].image
    assert np.abs(image[16, 8::16] - np.array(BARS_BGR, float)).max() <= 4


@pytest.mark.parametrize("size_wh", [(1, 1), (63, 47), (64, 47), (63, 48), (2, 30)])
def test_odd_sizes_are_whole(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    clip = make_clip(tmp_path / "c.mkv", grey_pictures(3, size_wh), "-pix_fmt", "yuv420p", codec="ffv1")
    frames, _ = read(clip)
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2]
    assert {frame.image.shape for frame in frames} == {(size_wh[1], size_wh[0], 3)}


def test_the_size_may_change_in_the_middle(tmp_path: Path) -> None:
    parts = [make_clip(tmp_path / f"{w}.h264", grey_pictures(3, (w, 48)), "-pix_fmt", "yuv420p") for w in (64, 96)]
    joined = tmp_path / "joined.h264"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames, _ = read(joined)
    assert [frame.picture.size_wh for frame in frames] == [(64, 48)] * 3 + [(96, 48)] * 3
    assert [frame.image.shape[1] for frame in frames] == [64] * 3 + [96] * 3


# ---- damage


def test_a_damaged_packet_is_skipped_and_counted(hazards: Path, caplog: pytest.LogCaptureFixture) -> None:
    frames, source = read(hazards / "decord_corrupted.mp4")
    assert len(frames) == 49
    assert source.corrupt == 2  # one refused, one delivered though the decoder flagged it
    assert sum("damaged" in record.message for record in caplog.records) == 1


def test_a_header_that_promises_too_much_does_not_matter(hazards: Path) -> None:
    frames, source = read(hazards / "opencv_tree.avi")
    assert len(frames) == 69
    assert source.info.frame_count == 451


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "h264", "flv"])
@pytest.mark.parametrize("damage", ["cut", "zeros", "noise", "cut in the header"])
def test_a_damaged_clip_gives_frames_or_one_sentence(tmp_path: Path, suffix: str, damage: str) -> None:
    options = ("-pix_fmt", "yuv420p", "-g", "5", *(("-movflags", "+faststart") if suffix == "mp4" else ()))
    data = make_clip(tmp_path / f"whole.{suffix}", grey_pictures(25, (320, 240)), *options).read_bytes()
    if damage == "noise":
        for part in range(1, 40):
            data = damaged(data, part / 40, 3, 0xA5)
    else:
        cuts = {"cut": data[: len(data) // 2], "zeros": damaged(data, 0.5, 400), "cut in the header": data[:40]}
        data = cuts[damage]
    path = tmp_path / f"clip.{suffix}"
    path.write_bytes(data)
    try:
        frames, _ = read(path)
    except SourceError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017
    else:
        assert 0 < len(frames) <= 25
        assert all(frame.image.shape == (240, 320, 3) for frame in frames)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_truncated_clip_ends_with_a_warning(
    videos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, suffix: str
) -> None:
    whole = tmp_path / f"whole.{suffix}"
    run_ffmpeg(
        ["-i", str(videos / "flipping_a_pancake.mkv"), "-an", "-c", "copy", "-movflags", "+faststart", str(whole)]
    )
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    frames, _ = read(cut)
    assert 100 < len(frames) < 200
    assert any("was it cut off?" in record.message and str(cut) in record.message for record in caplog.records)


def test_a_whole_clip_ends_without_a_warning(videos: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(videos / "flipping_a_pancake.mkv")
    assert not caplog.records


@pytest.mark.parametrize(
    "name",
    [
        "decord_corrupted.mp4",
        "decord_unordered.mov",
        "face_detector_text_mangled.pb",
        "opencv_py_qcif_RGB.avi",
        "opencv_py_uncompressed.avi",
        "opencv_tree.avi",
    ],
)
def test_every_hazard_gives_frames_or_one_sentence(hazards: Path, name: str) -> None:
    try:
        frames, _ = read(hazards / name)
    except SourceError as error:
        assert str(error).startswith(str(hazards / name))  # noqa: PT017
        assert name == "face_detector_text_mangled.pb"
    else:
        assert all(frame.image.size for frame in frames)


def test_the_hazards_tested_are_all_there_are(hazards: Path) -> None:
    assert len(list(hazards.iterdir())) == 6


# ---- refusals


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError, match=r"none\.mp4: no such file"):
        read(tmp_path / "none.mp4")


def _sound(path: Path) -> None:
    run_ffmpeg(["-f", "lavfi", "-i", "sine=d=0.2", str(path)])


def _sound_with_cover(path: Path) -> None:
    picture = ["-f", "lavfi", "-i", "testsrc=s=64x48:d=0.04"]
    cover = ["-map", "0", "-map", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic"]
    run_ffmpeg(["-f", "lavfi", "-i", "sine=d=0.2", *picture, *cover, str(path)])


def _undecodable(path: Path) -> None:
    clip = make_clip(path.with_name("good.mkv"), grey_pictures(3, (320, 240)), "-pix_fmt", "yuv420p").read_bytes()
    path.write_bytes(damaged(clip, 0.5, len(clip) // 2 - 1, 0xFF))


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty.mp4": (Path.touch, "the file is empty"),
    "folder.mp4": (Path.mkdir, "this is a folder, not a video file"),
    "text.mp4": (
        lambda path: path.write_text("no film at all\n" * 99),
        "not a video or moving picture that can be read",
    ),
    "bare.gif": (lambda path: path.write_bytes(b"GIF89a"), "not a video or moving picture that can be read"),
    "letter.txt": (lambda path: path.write_text("no film at all\n" * 99), "this is text, not a video"),
    "sound.mp3": (_sound, "no video stream; found 1 audio stream"),
    "cover.mp3": (_sound_with_cover, "no video stream; found 1 audio stream"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_video_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    make, expected = REFUSED[name]
    make(tmp_path / name)
    assert refusal(tmp_path / name).startswith(f"{tmp_path / name}: {expected}")


def test_a_clip_of_which_nothing_can_be_decoded_fails_when_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = make_clip(tmp_path / "good.avi", grey_pictures(2), codec="mjpeg").read_bytes()
    bad = tmp_path / "bad.avi"
    start = clip.index(b"movi") + 12
    bad.write_bytes(clip[:start] + b"\x55" * (clip.index(b"idx1") - start) + clip[clip.index(b"idx1") :])
    source = VideoFileSource(bad, "clip")
    with pytest.raises(NothingDecodableError, match="not one picture of its Motion JPEG could be decoded"):
        source.open()
    assert source.corrupt > 0
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_a_looping_animation_ends(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "loop.gif", [np.roll(bars(), n, 0) for n in (0, 40, 80, 120)], "-loop", "0", codec="gif"
    )
    frames, _ = read(clip)
    assert len(frames) == 4
    assert np.abs(frames[0].image[16, 8:80:16] - np.array(BARS_BGR[:5], float)).max() <= 4
