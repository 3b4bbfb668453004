"""The window on a real, virtual screen: what it shows, its keys, and what happens where there is no screen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamclf.sinks.window import probe_display, save_snapshot
from tests.results import flat
from tests.window.screen import REPOSITORY, Screen, Viewer, comes_true, virtual_screen

pytestmark = pytest.mark.window

BLUE, GREEN, RED = (200, 60, 20), (40, 180, 60), (30, 40, 210)


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    with virtual_screen(tmp_path_factory.mktemp("screen")) as screen:
        yield screen


@pytest.fixture
def viewer(screen: Screen, tmp_path: Path) -> Iterator[Viewer]:
    viewer = Viewer(screen, tmp_path)
    yield viewer
    viewer.kill()


def share(screen: Screen, colour: tuple[int, int, int]) -> float:
    """How much of a 640x360 picture of that colour is on the screen."""
    near = np.abs(screen.pixels().astype(int) - colour).max(axis=2) <= 3
    return float(near.sum() / (640 * 360))


def test_the_newest_picture_is_on_the_screen_with_its_overlay(screen: Screen, viewer: Viewer) -> None:
    viewer.show("cam", BLUE)
    assert comes_true(viewer, lambda: 0.7 < share(screen, BLUE) < 0.97), "the picture, less its panel"
    bright = screen.pixels().min(axis=2) > 230
    assert bright.sum() > 50, "the headline's letters"
    viewer.show("cam", GREEN)
    assert comes_true(viewer, lambda: share(screen, GREEN) > 0.7)
    assert comes_true(viewer, lambda: share(screen, BLUE) == 0)
    viewer.end()


def test_several_streams_tile_into_one_window(screen: Screen, viewer: Viewer) -> None:
    for stream, colour in (("a", BLUE), ("b", GREEN), ("c", RED)):
        viewer.show(stream, colour)

    def alike_and_large() -> bool:
        shares = [share(screen, colour) for colour in (BLUE, GREEN, RED)]
        return min(shares) > 0.1 and max(shares) - min(shares) < 0.02  # how large is the window manager's affair

    assert comes_true(viewer, alike_and_large)
    viewer.end()


@pytest.mark.parametrize("key", ["q", "Escape"])
def test_q_and_escape_end_the_run(key: str, screen: Screen, viewer: Viewer) -> None:
    viewer.show("cam", BLUE)
    screen.key(key)
    assert viewer.order("until sink.wants_stop")["stop"]
    viewer.end()
    assert comes_true(None, lambda: share(screen, BLUE) == 0), "and the window is gone"


def test_the_arrow_keys_do_not_end_the_run(screen: Screen, viewer: Viewer) -> None:
    viewer.show("cam", BLUE)
    screen.key("Left")  # its code ends in that of Q
    viewer.order("tick 30")  # Qt keeps only the last key between two looks
    screen.key("h")
    assert viewer.order("until sink._bare") == {"stop": False, "paused": False, "bare": True}
    viewer.end()


def test_closing_the_window_ends_the_run(screen: Screen, viewer: Viewer) -> None:
    viewer.show("cam", BLUE)
    screen.close_window()
    assert viewer.order("until sink.wants_stop")["stop"]
    viewer.end()


def test_space_freezes_the_picture_while_results_go_on(screen: Screen, viewer: Viewer) -> None:
    viewer.show("cam", BLUE)
    assert comes_true(viewer, lambda: share(screen, BLUE) > 0.6)
    screen.key("space")
    assert viewer.order("until sink._paused")["paused"]
    viewer.show("cam", GREEN)
    assert share(screen, GREEN) == 0
    assert comes_true(viewer, lambda: share(screen, BLUE) > 0.6)
    screen.key("space")
    assert not viewer.order("until not sink._paused")["paused"]
    assert comes_true(viewer, lambda: share(screen, GREEN) > 0.7)
    viewer.end()


def test_h_hides_the_overlay_and_shows_it_again(screen: Screen, viewer: Viewer) -> None:
    viewer.show("cam", BLUE)
    screen.key("h")
    viewer.order("until sink._bare")
    assert comes_true(viewer, lambda: share(screen, BLUE) >= 0.97)
    screen.key("h")
    viewer.order("until not sink._bare")
    assert comes_true(viewer, lambda: share(screen, BLUE) < 0.97)
    viewer.end()


def test_s_saves_what_is_seen_and_says_so(screen: Screen, viewer: Viewer, tmp_path: Path) -> None:
    viewer.show("cam", BLUE)
    screen.key("s")
    viewer.order("until sink._notice")
    errors = viewer.end()
    (path,) = tmp_path.glob("streamclf-*.png")
    assert f"snapshot saved: {path}" in errors
    saved = cv2.imread(str(path))
    assert saved is not None
    assert saved.shape == (360, 640, 3)
    assert tuple(saved[300, 600]) == BLUE
    assert not (saved == BLUE).all()


def test_nothing_but_the_log_reaches_standard_error(viewer: Viewer) -> None:
    viewer.show("cam", BLUE)
    assert viewer.end() == ""


def test_a_snapshot_never_replaces_another(tmp_path: Path) -> None:
    paths = {save_snapshot(flat(), tmp_path) for _ in range(3)}
    assert len(paths) == 3
    assert all(path.stat().st_size for path in paths)


def test_a_screen_that_answers_is_usable(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", screen.display)
    assert probe_display() is None


@pytest.mark.parametrize(
    ("display", "wayland", "reason"),
    [
        (None, None, "DISPLAY is not set"),
        ("", None, "DISPLAY is not set"),
        (None, "wayland-0", "needs X11"),
        (":7654", None, "display :7654 does not answer"),
        ("127.0.0.1:7654", None, "cannot open a window"),
    ],
)
def test_without_a_screen_the_reason_is_told_and_nothing_aborts(
    display: str | None, wayland: str | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("DISPLAY", display), ("WAYLAND_DISPLAY", wayland)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    answer = probe_display()
    assert answer is not None
    assert reason in answer


def test_one_picture_is_shown_until_a_key(screen: Screen) -> None:
    code = (
        "from streamclf.sinks.window import show_picture; from tests.results import flat; "
        f"print('ready', flush=True); show_picture('streamclf: dog.jpg', flat({RED}, (640, 360)))"
    )
    environment = screen.environment | {"PYTHONPATH": str(REPOSITORY)}
    child = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    command = [
        "xdotool",
        "search",
        "--sync",
        "--onlyvisible",
        "--name",
        "streamclf",
        "windowfocus",
        "--sync",
        "key",
        "x",
    ]
    subprocess.run(command, env=screen.environment, check=True, timeout=20)
    assert child.wait(timeout=20) == 0
    child.stdout.close()
    assert os.environ.get("DISPLAY") != screen.display


RATES = """
from streamclf.sinks.window import WindowSink
from streamclf.testing import ManualClock
from tests.results import STATS, make_result

drawn = []
def draw(prediction):
    drawn.append(prediction.frame.index)
    return prediction.frame.image.copy()

clock = ManualClock()
sink = WindowSink(clock=clock)
for index in range(100):  # a fast file: a result and a tick every millisecond
    sink.write(make_result(index=index, pts=index, draw=draw))
    sink.tick(STATS)
    clock.advance(0.001)
print(len(drawn), drawn[-1])
for _ in range(30):  # then nothing more comes for three seconds
    clock.advance(0.1)
    sink.tick(STATS)
print(len(drawn), drawn[-1])
sink.close()
"""


def test_a_fast_file_is_drawn_60_times_a_second_and_a_silent_stream_goes_on_showing_its_numbers(screen: Screen) -> None:
    environment = screen.environment | {"PYTHONPATH": str(REPOSITORY)}
    out = subprocess.run(
        [sys.executable, "-c", RATES], env=environment, check=True, capture_output=True, text=True, timeout=30
    ).stdout
    (busy, _), (silent, last) = (map(int, line.split()) for line in out.splitlines())
    assert 5 <= busy <= 9, out
    assert 6 <= silent - busy <= 8, "the last picture at once, then twice a second"
    assert last == 99
