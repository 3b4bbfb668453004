from __future__ import annotations

from pathlib import Path

import pytest

from streamclf.catalogue.labels import read_labels, recognise_format
from streamclf.errors import CardError

SETS = Path(__file__).resolve().parents[2] / "models" / "labels"


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "labels.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_each_line_is_a_label(tmp_path: Path) -> None:
    assert read_labels(write(tmp_path, "tench\ngreat white shark\n")) == ("tench", "great white shark")


@pytest.mark.parametrize("content", ["\ufeffa\nb\n", "a\nb", "a\r\nb\r\n", "a\nb\n\n  \n", " a \nb\n"])
def test_marks_endings_and_trailing_blanks_are_tolerated(content: str, tmp_path: Path) -> None:
    assert read_labels(write(tmp_path, content)) == ("a", "b")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_what_notepad_saves_is_read(encoding: str, tmp_path: Path) -> None:
    assert read_labels(write(tmp_path, "Käse\r\nBrot\r\n".encode(encoding))) == ("Käse", "Brot")


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("n01440764 tench, Tinca tinca\nn01443537 goldfish\n", "synset"),
        ("0:tench\n1: goldfish\n", "indexed"),
        ("5 tench\n6 goldfish\n", "indexed"),
        ("0:tench\n2:goldfish\n", "lines"),
        ("tench, Tinca tinca\nn01443537 goldfish\n", "lines"),
    ],
)
def test_a_list_s_format_is_that_of_all_its_lines(content: str, form: str, tmp_path: Path) -> None:
    assert recognise_format(write(tmp_path, content)) == form


def test_a_synset_line_gives_its_first_synonym(tmp_path: Path) -> None:
    path = write(tmp_path, "n01440764 tench, Tinca tinca\nn01443537 goldfish\n")
    assert read_labels(path, "synset") == ("tench", "goldfish")


@pytest.mark.parametrize(
    "content", ["0:background\n1:tench, Tinca\n", "0 background\n1  tench, Tinca\n", "1: background\n2: tench, Tinca\n"]
)
def test_indexed_lines_count_up(content: str, tmp_path: Path) -> None:
    assert read_labels(write(tmp_path, content), "indexed") == ("background", "tench, Tinca")


@pytest.mark.parametrize(
    ("content", "form", "message"),
    [
        ("a\n\nb\n", "lines", "line 2 of the label list is blank"),
        ("", "lines", "is empty"),
        ("\n \n", "lines", "is empty"),
        (b"caf\xe9\n", "lines", "not UTF-8 .*; save it as UTF-8"),
        ("cat\ndog\n".encode("utf-16-le"), "lines", "holds zero bytes, as UTF-16 does.*save it as UTF-8"),
        (b"\xff\xfec\0a", "lines", "not UTF-16"),
        ("n01440764\n", "synset", "line 1 .* not of the format 'synset'"),
        ("0:a\n2:b\n", "indexed", "line 2 .* should have the index 1"),
        ("a b\n", "indexed", "line 1 .* should have the index 0"),
    ],
)
def test_a_damaged_list_is_refused_by_line(content: str | bytes, form: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CardError, match=message):
        read_labels(write(tmp_path, content), form)  # type: ignore[arg-type]


def test_a_missing_list_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"nolabels\.txt: there is no such label list"):
        read_labels(tmp_path / "nolabels.txt")


def test_the_imagenet_lists_hold_the_same_1000_distinct_names() -> None:
    usual, darknet = read_labels(SETS / "imagenet-1000.txt"), read_labels(SETS / "imagenet-1000-darknet.txt")
    assert len({label.lower() for label in usual}) == 1000
    assert sorted(usual) == sorted(darknet)
    assert (usual[0], usual[898], usual[134], usual[517]) == (
        "tench",
        "water bottle",
        "crane (bird)",
        "crane (machine)",
    )
    assert (darknet[0], darknet[428], darknet[544]) == ("kit fox", "crane (bird)", "crane (machine)")
