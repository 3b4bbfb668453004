"""What ``streamclf demo`` shows: the camera if it gives pictures and there is a screen, else the generated scene."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamclf.cli import demo
from streamclf.config import RunConfig
from streamclf.errors import SourceNotFoundError
from streamclf.sources import camera
from streamclf.sources.camera import CameraSource
from tests.cameras import FakeCapture
from tests.clips import grey_pictures


class Chosen(Exception):
    """Instead of a run."""

    def __init__(self, config: RunConfig):
        self.config = config


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch, models_env: Path, tmp_path: Path) -> None:
    def chosen(config: RunConfig, *_: object) -> None:
        raise Chosen(config)

    monkeypatch.setattr(demo, "carry_out", chosen)
    monkeypatch.chdir(tmp_path)


def plug(monkeypatch: pytest.MonkeyPatch, capture: FakeCapture) -> None:
    monkeypatch.setattr(
        camera, "CameraSource", lambda device, name: CameraSource(device, name, opener=lambda _: capture)
    )


def choose(monkeypatch: pytest.MonkeyPatch, screen: bool = True, synthetic: bool = False) -> RunConfig:
    monkeypatch.setattr(demo, "_has_screen", lambda: screen)
    with pytest.raises(Chosen) as raised:
        demo.command(True, synthetic, Path("demo-out"), "mobilenet-v1-0.25", False)
    return raised.value.config


def test_a_camera_and_a_screen_show_the_camera_and_write_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = FakeCapture(grey_pictures(3))
    plug(monkeypatch, capture)
    config = choose(monkeypatch)
    assert (config.sources, config.display) == (("0",), True)
    assert (config.save, config.results, config.report) == (None, None, None)
    assert capture.released == 1, "the run itself opens it"
    assert "cover the lens" in capsys.readouterr().err
    assert not Path("demo-out").exists()


@pytest.mark.parametrize(
    "capture", [FakeCapture(grey_pictures(3), opens=False), FakeCapture([])], ids=["cannot be opened", "sends nothing"]
)
def test_a_camera_without_pictures_is_one_sentence_and_the_scene_is_shown_live(
    capture: FakeCapture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plug(monkeypatch, capture)
    config = choose(monkeypatch)
    assert (config.sources, config.display, config.realtime) == (("synthetic:",), True, True)
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if "camera 0" in line]) == 1
    assert "a generated scene instead" in lines[0]


def test_without_any_camera_the_scene_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(device: int, name: str) -> CameraSource:
        source = CameraSource(device, name)
        monkeypatch.setattr(
            source, "open", lambda: (_ for _ in ()).throw(SourceNotFoundError("camera 0: no such camera"))
        )
        return source

    monkeypatch.setattr(camera, "CameraSource", missing)
    assert choose(monkeypatch).sources == ("synthetic:",)
    assert "there is no camera 0: a generated scene instead" in capsys.readouterr().err


@pytest.mark.parametrize(("screen", "synthetic"), [(False, False), (True, True)])
def test_without_a_screen_or_if_the_scene_is_asked_for_no_camera_is_touched(
    screen: bool, synthetic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = FakeCapture(grey_pictures(3))
    plug(monkeypatch, capture)
    config = choose(monkeypatch, screen, synthetic)
    assert (config.sources, config.display, config.realtime) == (("synthetic:",), screen, screen)
    assert not capture.asked
    assert not Path("demo-out").exists(), "an empty folder is taken away"
