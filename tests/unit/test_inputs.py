from __future__ import annotations

from pathlib import Path

import pytest

from streamclf.errors import ConfigError
from streamclf.inputs import parse_sources


@pytest.fixture(autouse=True)
def inside_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kinds_and_names(*arguments: str) -> list[tuple[str, str]]:
    return [(spec.kind, spec.name) for spec in parse_sources(arguments)]


def test_each_way_of_naming_a_source_has_its_kind_and_name(tmp_path: Path) -> None:
    (tmp_path / "shots").mkdir()
    assert kinds_and_names("0", "/dev/video2", "dir/clip.mp4", "rtsp://user:secret@cam.local:554/live?token=x") == [
        ("camera", "camera-0"),
        ("camera", "video2"),
        ("file", "clip.mp4"),
        ("network", "cam.local/live"),
    ]
    assert kinds_and_names("shots") == [("pictures", "shots")]
    assert kinds_and_names("dir/dog.jpg") == [("pictures", "dog.jpg")]
    assert kinds_and_names("shots/*.png") == [("pictures", "shots")]


def test_consecutive_pictures_are_one_source_and_others_part_them() -> None:
    specs = parse_sources(["a.jpg", "b.png", "clip.mp4", "c.jpg"])
    assert [(spec.kind, spec.paths) for spec in specs] == [
        ("pictures", ["a.jpg", "b.png"]),
        ("file", ["clip.mp4"]),
        ("pictures", ["c.jpg"]),
    ]


def test_three_hundred_pictures_of_a_shell_glob_are_one_source() -> None:
    assert len(parse_sources([f"img{i}.jpg" for i in range(300)])) == 1


def test_a_second_source_of_the_same_name_gets_a_number() -> None:
    assert [name for _, name in kinds_and_names("x/a.mp4", "y/a.mp4", "z/a.mp4")] == ["a.mp4", "a.mp4-2", "a.mp4-3"]


def test_a_name_given_by_the_user_is_taken() -> None:
    assert kinds_and_names("front door=0", "yard=rtsp://cam/1?a=b", "clip=a.mp4") == [
        ("camera", "front door"),
        ("network", "yard"),
        ("file", "clip"),
    ]


def test_named_pictures_stay_apart() -> None:
    assert kinds_and_names("one=a.jpg", "b.jpg") == [("pictures", "one"), ("pictures", "b.jpg")]


def test_an_equals_sign_in_a_path_or_an_address_is_no_name(tmp_path: Path) -> None:
    (tmp_path / "a=b.mp4").touch()
    assert kinds_and_names("a=b.mp4", "dir/c=d.mp4", "http://host/x?a=b") == [
        ("file", "a=b.mp4"),
        ("file", "c=d.mp4"),
        ("network", "host/x"),
    ]


def test_a_file_called_by_a_number_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "7").touch()
    assert kinds_and_names("7") == [("file", "7")]


@pytest.mark.parametrize("argument", ["", "door="])
def test_an_empty_source_is_refused(argument: str) -> None:
    with pytest.raises(ConfigError, match="empty source"):
        parse_sources([argument])


@pytest.mark.parametrize(
    "argument",
    [
        "rtsp:/bob:SECRET@127.0.0.1/x",
        "rtsp:bob:SECRET@127.0.0.1/x",
        "door=rtsp:/bob:SECRET@127.0.0.1/x",
        "rtsp:/bob:SE*CRET@127.0.0.1/x.jpg",
        "bob:SECRET@127.0.0.1/x",
    ],
)
def test_an_address_with_a_slip_is_refused_without_its_password(argument: str) -> None:
    with pytest.raises(ConfigError, match="did you mean rtsp://USER:PASSWORD@HOST/PATH") as caught:
        parse_sources([argument])
    assert "CRET" not in str(caught.value)
    assert "bob" not in str(caught.value)


def test_a_file_called_like_an_address_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "http:me@home.mp4").touch()
    assert kinds_and_names("http:me@home.mp4") == [("file", "http:me@home.mp4")]


def test_a_folder_is_called_by_its_name_however_it_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out" / "in").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "out" / "in")
    assert [
        name for _, name in kinds_and_names("..", ".", "../", "../*.jpg", "../../out", "*.jpg", "./*.jpg", "/")
    ] == [
        "pictures"  # consecutive ones are one source
    ]
    for argument, name in [
        ("..", "out"),
        ("../", "out"),
        ("../..", tmp_path.name),
        (".", "in"),
        ("../../out", "out"),
        ("../*.jpg", "out"),
        ("*.jpg", "pictures"),
        ("./*.jpg", "pictures"),
        ("/", "pictures"),
    ]:
        assert kinds_and_names(argument) == [("pictures", name)], argument


@pytest.mark.parametrize("argument", ["..=clip.mp4", ".=0"])
def test_a_source_is_not_called_like_a_folder_above(argument: str) -> None:
    with pytest.raises(ConfigError, match="a source cannot be called"):
        parse_sources([argument])


def test_an_address_without_a_host_is_called_by_its_protocol() -> None:
    assert kinds_and_names("rtsp://../", "udp://@:1234") == [("network", "rtsp"), ("network", "udp")]


def test_a_name_longer_than_any_file_s_is_no_crash() -> None:
    assert kinds_and_names("x" * 5000) == [("file", "x" * 5000)]
