from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import streamclf

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_public_names_are_these() -> None:
    assert sorted(streamclf.__all__) == [
        "Box",
        "ClassScore",
        "Classifier",
        "FitPlan",
        "Frame",
        "Latency",
        "Prediction",
        "StreamclfError",
        "__version__",
        "open",
    ]
    for name in streamclf.__all__:
        assert getattr(streamclf, name) is not None
    with pytest.raises(AttributeError):
        _ = streamclf.absent


def test_every_error_is_in_the_tree_that_the_module_draws() -> None:
    from streamclf import errors

    drawn = set(re.findall(r"[A-Z]\w*(?:Error|Stuck|Closed)\b", errors.__doc__ or ""))
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    builtin = {name for name in drawn if hasattr(__builtins__, name) or name in dir(__import__("builtins"))}
    assert drawn - builtin == classes


def test_importing_streamclf_is_cheap() -> None:
    code = "import streamclf, sys; sys.exit(bool({'numpy', 'cv2', 'av', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("example", re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.S))
def test_the_examples_of_the_readme_run(
    example: str,
    models_env: Path,
    videos: Path,
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "clip.mp4").symlink_to(videos / "torchcodec_h265_video.mp4")
    (tmp_path / "dog.jpg").symlink_to(images / "dog.jpg")
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) >= 5


def test_the_commands_of_the_readme_are_understood() -> None:
    """Every ``streamclf`` line of the README names commands and options that exist."""
    from typer.main import get_command

    from streamclf.cli.main import app

    group = get_command(app)
    lines = re.findall(r"^\$ streamclf ([^\n#]*)", (REPOSITORY / "README.md").read_text(), re.M)
    assert len(lines) > 8
    for line in lines:
        words = line.split()
        command = group
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
        known = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
        assert all(word in known for word in words if word.startswith("--")), line
