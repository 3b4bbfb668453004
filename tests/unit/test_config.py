from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamclf.config import RunConfig, load_config, make_config, sample_toml, to_toml
from streamclf.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parents[2]

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
options = st.fixed_dictionaries(
    {},
    optional={
        "sources": st.lists(text, max_size=3),
        "model": text,
        "target": st.sampled_from(["cpu", "opencl", "opencl-fp16"]),
        "batch": st.just("auto") | st.integers(1, 64),
        "queue_frames": st.integers(1, 1000),
        "queue_mb": st.floats(0.001, 1e6),
        "frame_step": st.integers(1, 1000),
        "drop": st.sampled_from(["oldest", "newest", "never"]),
        "target_fps": st.floats(1e-9, 1e9),
        "max_frames": st.integers(1, 10**9),
        "camera_size": st.tuples(st.integers(1, 99999), st.integers(1, 99999)).map(lambda s: f"{s[0]}x{s[1]}"),
        "camera_fps": st.floats(0.1, 1000),
        "camera_format": st.sampled_from(["MJPG", "YUYV", "Y16 "]),
        "mirror": st.booleans(),
        "smooth": st.floats(0, 100),
        "top_k": st.integers(1, 1000),
        "threshold": st.floats(0, 1),
        "display": st.booleans(),
        "save": text.filter(bool),
        "results": text.map(lambda name: f"rows{name.replace(chr(47), chr(45))}x.csv"),
        "overwrite": st.booleans(),
    },
).filter(
    lambda made: (
        ("save" not in made or made["save"] != made.get("results"))
        and ("target_fps" not in made or made.get("frame_step", 1) == 1)
    )
)


@given(options)
def test_a_configuration_survives_the_way_through_toml(given_options: dict[str, Any]) -> None:
    config = make_config(given_options)
    table = tomllib.loads(to_toml(config))["run"]
    assert make_config(table) == config


def test_every_option_has_a_help_text_and_a_place_in_the_samples() -> None:
    sample = sample_toml("title", {})
    for name, field in RunConfig.model_fields.items():
        assert field.description, name
        assert f"# {name.replace('_', '-')} = " in sample


def test_every_option_of_a_sample_is_valid_once_its_comment_is_taken_away() -> None:
    lines = sample_toml("title", {}).splitlines()
    assignments = [line.removeprefix("# ") for line in lines if line.startswith("# ") and " = " in line]
    assert len(assignments) == len(RunConfig.model_fields)
    make_config(tomllib.loads("\n".join(assignments)))


@pytest.mark.parametrize("name", ["webcam.toml", "video-file.toml", "raspberry-pi.toml"])
def test_the_samples_in_the_repository_are_the_generated_ones(name: str) -> None:
    import runpy

    samples = runpy.run_path(str(REPOSITORY / "scripts" / "make_configs.py"))["samples"]()
    assert (REPOSITORY / "configs" / name).read_text() == samples[name], "run: make configs"
    load_config(REPOSITORY / "configs" / name)


@pytest.mark.parametrize(
    ("given_options", "words"),
    [
        ({"bach": 1}, ["'bach'", "did you mean 'batch'"]),
        ({"target-fps": 0}, ["target-fps: 0: must be more than 0"]),
        ({"target-fps": "inf"}, ["target-fps: 'inf': must be a finite number"]),
        ({"target-fps": 5, "frame-step": 10}, ["frame-step 10 and target-fps 5 both choose frames; give one of them"]),
        ({"queue-frames": 0}, ["queue-frames: 0: must be at least 1"]),
        ({"target": "gpu"}, ["target", "'gpu'", "opencl"]),
        ({"camera-size": "1280"}, ["camera-size", "'1280'", "1280x720"]),
        ({"threshold": 1.5}, ["threshold", "1.5"]),
        ({"queue-mb": float("nan")}, ["queue-mb"]),
        ({"results": "rows.txt"}, ["rows.txt", ".jsonl", ".csv"]),
        ({"queue-frames": 10**9}, ["must be at most 10000"]),
        ({"queue-mb": 1e308}, ["must be at most 1000000"]),
        ({"batch": 100_000_000}, ["batch", "must be a whole number from 1 to 64, or auto"]),
        ({"batch": "many"}, ["batch", "'many'", "must be a whole number from 1 to 64, or auto"]),
        ({"batch": "9" * 5000}, ["must be a whole number from 1 to 64, or auto"]),
        ({"camera-size": [1, 2, 3]}, ["1280x720"]),
        ({"camera-format": "JPG"}, ["'JPG'", "four characters"]),
        ({"mirror": "maybe"}, ["must be true or false"]),
        ({"model": 3}, ["must be text in quotes"]),
        ({"top-k": 1, "top_k": 2}, ["top-k is given twice, once with - and once with _"]),
        ({"results": "-", "report": "-"}, ["standard output"]),
    ],
)
def test_a_wrong_option_is_named_with_what_would_be_right(given_options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        make_config(given_options)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        'sources = "rtsp://bob:SECRET@h/x"',
        'sources = {door = "rtsp://bob:SECRET@h/x"}',
        'sources = [["rtsp://bob:SECRET@h/x"]]',
        'model = ["rtsp://bob:SECRET@h/x"]',
        'results = "rtsp://bob:SECRET@h/x"',
    ],
)
def test_no_password_of_a_file_is_repeated(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"[run]\n{content}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert "SECRET" not in str(caught.value)
    if content.startswith("sources"):
        assert str(caught.value).endswith('sources: give a list of texts in quotes, for example sources = ["0"]')


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("model = 'x'\n", ["under [run]"]),
        ("[run]\nmodle = 'x'\n", ["'modle'", "did you mean 'model'"]),
        ("[run\n", ["not valid TOML"]),
        (f"[run]\ntop-k = {'9' * 5000}\n", ["not valid TOML"]),
        ("[run]\ntop-k = 1\ntop_k = 2\n", ["top-k is given twice"]),
        ("run = 3\n", ["not a table"]),
        ("[runs]\n", ["runs", "[run]"]),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, content: str, words: list[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    for word in ["mine.toml", *words]:
        assert word in str(caught.value)


def test_a_missing_or_binary_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        load_config(tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(tmp_path / "binary.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_options_are_written_with_dashes_or_underscores(tmp_path: Path) -> None:
    path = tmp_path / "both.toml"
    path.write_text("[run]\nqueue-frames = 3\ntop_k = 2\n")
    assert load_config(path) == {"queue_frames": 3, "top_k": 2}
