from __future__ import annotations

import struct
import subprocess
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamclf.errors import NothingDecodableError, SourceError, SourceNotFoundError
from streamclf.frame import Frame
from streamclf.sources.image_folder import ImageFolderSource, find_pictures, read_picture
from tests.clips import Picture, bars, corner_mark, grey_pictures


def read(*paths: Path | str) -> tuple[list[Frame], ImageFolderSource]:
    source = ImageFolderSource([str(path) for path in paths], "pictures")
    try:
        return list(source), source
    finally:
        source.close()


def write(path: Path, picture: np.ndarray, *options: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    good, data = cv2.imencode(path.suffix, picture, list(options))
    assert good
    path.write_bytes(data.tobytes())
    return path


# ---- which pictures


def test_a_folder_is_read_in_natural_order_with_its_sub_folders(tmp_path: Path) -> None:
    for name in ("img10.png", "img2.png", "IMG1.JPG", "sub/img3.webp", "sub/img20.bmp"):
        write(tmp_path / name.replace(".JPG", ".jpg"), corner_mark()).rename(tmp_path / name)
    for name in ("notes.txt", ".hidden.png"):
        (tmp_path / name).write_text("no picture")
    frames, source = read(tmp_path)
    names = ["IMG1.JPG", "img2.png", "img10.png", "sub/img3.webp", "sub/img20.bmp"]
    assert [frame.origin for frame in frames] == [str(tmp_path / name) for name in names]
    assert source.corrupt == 0
    assert source.info.frame_count == 5
    assert source.info.is_pictures


def test_single_pictures_keep_the_order_they_were_given_in(tmp_path: Path) -> None:
    paths = [write(tmp_path / name, corner_mark()) for name in ("b.png", "a.png", "c.png")]
    assert [frame.origin for frame in read(*paths)[0]] == [str(path) for path in paths]


def test_a_pattern_is_expanded_in_natural_order(tmp_path: Path) -> None:
    for name in ("a10.png", "a9.png", "b1.png"):
        write(tmp_path / name, corner_mark())
    frames, _ = read(tmp_path / "a*.png")
    assert [frame.origin for frame in frames] == [str(tmp_path / "a9.png"), str(tmp_path / "a10.png")]


def test_a_pattern_may_reach_into_folders(tmp_path: Path) -> None:
    write(tmp_path / "x" / "y" / "deep.png", corner_mark())
    assert find_pictures(f"{tmp_path}/**/*.png") == [str(tmp_path / "x" / "y" / "deep.png")]
    assert find_pictures(f"{tmp_path}/?") == [str(tmp_path / "x" / "y" / "deep.png")]


def test_a_file_with_brackets_in_its_name_is_not_a_pattern(tmp_path: Path) -> None:
    path = write(tmp_path / "shot[1].png", corner_mark())
    assert [frame.origin for frame in read(path)[0]] == [str(path)]


def test_a_name_in_any_script_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "Grüße 写真 🐕.png", corner_mark())
    assert read(path)[0][0].origin == str(path)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("none.png", "no such picture or folder"),
        ("none*.png", "nothing matches this pattern"),
        ("empty", "no pictures in this folder"),
    ],
)
def test_what_is_not_there_is_named_when_opened(tmp_path: Path, given: str, expected: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceNotFoundError, match=expected) as raised:
        ImageFolderSource([str(tmp_path / given)], "pictures").open()
    assert str(tmp_path / given) in str(raised.value)


# ---- damage


def test_an_unreadable_picture_is_counted_and_the_rest_go_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number, picture in enumerate(grey_pictures(3)):
        write(tmp_path / f"{number}.png", picture)
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:-20])
    (tmp_path / "3.png").write_bytes(b"")
    frames, source = read(tmp_path)
    assert [(frame.index, Path(frame.origin or "").name) for frame in frames] == [(0, "0.png"), (1, "2.png")]
    assert source.corrupt == 2
    assert [record.message.partition(": ")[0] for record in caplog.records] == [
        str(tmp_path / f"{n}.png") for n in (1, 3)
    ]


def test_pictures_of_which_none_can_be_read_fail_when_opened(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).write_text("no picture")
    source = ImageFolderSource([str(tmp_path)], "pictures")
    with pytest.raises(NothingDecodableError, match="none of 2 pictures can be read"):
        source.open()
    assert source.corrupt == 2


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff"])
def test_a_picture_that_was_cut_off_is_not_taken_for_a_whole_one(tmp_path: Path, images: Path, suffix: str) -> None:
    whole = write(tmp_path / f"whole{suffix}", read_picture(images / "dog.jpg").bgr())
    data = whole.read_bytes()
    for length in (len(data) // 2, len(data) * 9 // 10):
        cut = tmp_path / f"cut{suffix}"
        cut.write_bytes(data[:length])
        with pytest.raises(SourceError, match=f"cut{suffix}: not a picture that can be read"):
            read_picture(cut)


def giant_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def test_a_picture_larger_than_opencv_reads_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "giant.png"
    path.write_bytes(giant_header(60_000, 60_000))
    with pytest.raises(SourceError, match=r"giant\.png: larger than the 2\^30 pixels that OpenCV reads; scale it down"):
        read_picture(path)


@pytest.mark.parametrize("name", ["none.png", "folder.png", "empty.png"])
def test_what_is_no_readable_file_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").touch()
    with pytest.raises(SourceError, match=name):
        read_picture(tmp_path / name)


# ---- what is read


@pytest.mark.parametrize("name", ["dog.jpg", "cat.bmp", "opencv_er.png", "grace_hopper.bmp"])
def test_a_real_picture_is_what_cv2_reads(images: Path, name: str) -> None:
    np.testing.assert_array_equal(read_picture(images / name).bgr(), cv2.imread(str(images / name)))


def test_every_real_picture_is_read(images: Path) -> None:
    frames, source = read(images)
    assert len(frames) == len(list(images.iterdir()))
    assert source.corrupt == 0


def test_grey_is_given_three_channels(tmp_path: Path) -> None:
    image = read_picture(write(tmp_path / "g.png", corner_mark()[..., 0])).bgr()
    np.testing.assert_array_equal(image, corner_mark())


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, suffix: str) -> None:
    ramp = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    image = read_picture(write(tmp_path / f"r{suffix}", ramp)).bgr()[..., 0]
    assert np.abs(image - ramp / 257).max() <= 0.5


@pytest.mark.parametrize("channels", [1, 3])
def test_floating_point_runs_from_0_to_1(tmp_path: Path, channels: int) -> None:
    values = np.repeat(np.array([[[-1], [0], [0.5], [1], [7], [np.nan]]], np.float32), channels, axis=2)
    image = read_picture(write(tmp_path / "f.tiff", values)).bgr()
    assert image[0, :, 0].tolist() == [0, 0, 128, 255, 255, 0]


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_alpha_is_dropped(tmp_path: Path, suffix: str) -> None:
    clear = np.dstack([bars(), np.zeros(bars().shape[:2], np.uint8)])
    np.testing.assert_array_equal(read_picture(write(tmp_path / f"a{suffix}", clear)).bgr(), bars())


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0" + b"II*\0" + struct.pack("<IH", 8, 1) + tag + struct.pack("<I", 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (1, corner_mark()),
        (2, corner_mark()[:, ::-1]),
        (3, corner_mark()[::-1, ::-1]),
        (4, corner_mark()[::-1]),
        (5, corner_mark().transpose(1, 0, 2)),
        (6, np.rot90(corner_mark())),
        (7, np.rot90(corner_mark(), 2).transpose(1, 0, 2)),
        (8, np.rot90(corner_mark(), -1)),
    ],
)
def test_a_photograph_is_turned_upright(tmp_path: Path, orientation: int, stored: Picture) -> None:
    plain = write(tmp_path / "p.jpg", np.ascontiguousarray(stored), cv2.IMWRITE_JPEG_QUALITY, 100).read_bytes()
    path = tmp_path / "held.jpg"
    path.write_bytes(with_orientation(plain, orientation))
    assert np.abs(read_picture(path).bgr().astype(int) - corner_mark()).max() <= 4


def test_a_print_jpeg_keeps_its_colours(tmp_path: Path) -> None:
    write(tmp_path / "rgb.png", bars())
    command = [
        "convert",
        str(tmp_path / "rgb.png"),
        "-colorspace",
        "CMYK",
        "-quality",
        "100",
        str(tmp_path / "cmyk.jpg"),
    ]
    subprocess.run(command, check=True)
    assert np.abs(read_picture(tmp_path / "cmyk.jpg").bgr()[16, 8::16].astype(int) - bars()[16, 8::16]).max() <= 4


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_an_animation_gives_its_first_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"moving.{suffix}"
    subprocess.run(["convert", "-size", "32x24", "xc:red", "xc:blue", "-loop", "0", str(path)], check=True)
    assert np.abs(read_picture(path).bgr().astype(int) - (0, 0, 255)).max() <= 8


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 300), (12_000, 8_000)])
def test_the_smallest_and_the_largest_are_read(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    path = write(tmp_path / "size.png", np.zeros((size_wh[1], size_wh[0]), np.uint8), cv2.IMWRITE_PNG_COMPRESSION, 1)
    assert read(path)[1].info.size_wh == size_wh
