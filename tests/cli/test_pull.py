from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streamclf.cli import models
from streamclf.cli.pull import Bar
from tests.downloads import CONTENT, FileServer, Give, file_server, make_card, status

Run = Callable[..., "subprocess.CompletedProcess[str]"]
HALF = len(CONTENT) // 2
SMALL = "mobilenet-v1-0.25"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as started:
        yield started


@pytest.fixture(autouse=True)
def places(models_env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Own models and cache, no mirror, no proxy; ``tmp_path``."""
    monkeypatch.setenv("STREAMCLF_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("STREAMCLF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("STREAMCLF_MIRROR", "")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


@pytest.fixture
def environment(places: Path) -> dict[str, str]:
    """What ``places`` has set is for the program, too."""
    return {**os.environ, "PYTHONWARNINGS": "error", "COLUMNS": "200"}


def begin(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "streamclf", "models", "pull", "little"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


def said(process: subprocess.Popen[str], words: str) -> None:
    """Wait until the process has said ``words`` on standard error."""
    assert process.stderr
    assert any(words in line for line in process.stderr)


def test_pull_says_where_the_file_is_and_the_second_time_that_it_is_there(
    streamclf: Run, server: FileServer, places: Path
) -> None:
    url = server.script("/net.onnx", Give())
    make_card(places / "models", url)
    path = places / "cache" / "little" / "little.onnx"
    done = streamclf("models", "pull", "little")
    assert (done.returncode, done.stdout) == (0, f"little: little.onnx (0.3 MB) is in {path}, fetched from {url}\n")
    assert "licence MIT" in done.stderr
    assert path.read_bytes() == CONTENT
    again = streamclf("models", "pull", "little")
    assert again.returncode == 0
    assert "fetching" not in again.stderr
    assert again.stdout == f"little: little.onnx (0.3 MB) is in {path}, already in the cache\n"
    rows = json.loads(streamclf("models", "pull", "little", "--json").stdout)
    assert rows == [
        {
            "model": "little",
            "name": "little.onnx",
            "path": str(path),
            "bytes": len(CONTENT),
            "from": "cache",
            "fetched": False,
            "error": None,
        }
    ]
    assert len(server.asked) == 1


@pytest.mark.parametrize("command", [("models", "pull"), ("models", "verify"), ("run", "synthetic:", "--model")])
def test_a_mirror_that_is_not_there_is_a_mistake_and_nothing_is_fetched(
    command: tuple[str, ...], streamclf: Run, server: FileServer, places: Path
) -> None:
    make_card(places / "models", server.script("/net.onnx", Give()))
    done = streamclf(*command, "little", STREAMCLF_MIRROR="/none/of/these")
    assert (done.returncode, done.stdout, server.asked) == (2, "", [])
    assert "STREAMCLF_MIRROR: there is no folder /none/of/these; name one" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_network_that_cannot_be_had_does_not_keep_the_others_away(
    streamclf: Run, server: FileServer, places: Path
) -> None:
    make_card(places / "models", server.script("/gone", status(404)), name="gone")
    make_card(places / "models", server.script("/net.onnx", Give()))
    done = streamclf("models", "pull", "gone", "little", "--json")
    assert done.returncode == 1
    gone, little = json.loads(done.stdout)
    assert "404 (Not Found)" in gone["error"]
    assert gone["path"] is None
    assert f"error: {gone['error']}" in done.stderr
    assert (little["error"], little["from"], little["fetched"]) == (None, server.script("/net.onnx", Give()), True)


def test_an_unknown_name_is_a_usage_error_and_nothing_is_fetched(
    streamclf: Run, server: FileServer, places: Path
) -> None:
    make_card(places / "models", server.script("/net.onnx", Give()))
    done = streamclf("models", "pull", "little", "litle")
    assert done.returncode == 2
    assert "did you mean little" in done.stderr
    assert server.asked == []


def test_two_processes_that_pull_the_same_file_fetch_it_once(
    environment: dict[str, str], server: FileServer, places: Path
) -> None:
    make_card(places / "models", server.script("/net.onnx", Give(cut_after=HALF, hold=True)))
    first = begin(environment)
    assert server.reached.wait(20)
    second = begin(environment)
    said(second, "another process is fetching it")
    server.released.set()
    assert end(first)[:1] == (0,)
    code, out, _ = end(second)
    assert code == 0
    assert "already in the cache" in out
    assert len(server.asked) == 1
    assert (places / "cache" / "little" / "little.onnx").read_bytes() == CONTENT


def test_the_lock_of_a_killed_process_does_not_last(
    streamclf: Run, environment: dict[str, str], server: FileServer, places: Path
) -> None:
    make_card(places / "models", server.script("/net.onnx", Give(cut_after=HALF, hold=True), Give()))
    killed = begin(environment)
    assert server.reached.wait(20)
    killed.kill()
    assert end(killed)[0] == -signal.SIGKILL
    assert (places / "cache" / "little" / "little.onnx.lock").exists()
    assert streamclf("models", "pull", "little").returncode == 0
    assert [path.name for path in (places / "cache" / "little").iterdir()] == ["little.onnx"]


def test_ctrl_c_ends_a_pull_with_its_own_code(environment: dict[str, str], server: FileServer, places: Path) -> None:
    make_card(places / "models", server.script("/net.onnx", Give(cut_after=HALF, hold=True)))
    process = begin(environment)
    assert server.reached.wait(20)
    process.send_signal(signal.SIGINT)
    code, out, err = end(process)
    assert (code, out) == (130, "")
    assert "little.onnx: stopped" in err
    assert "Traceback" not in err
    assert not (places / "cache" / "little" / "little.onnx").exists()


def test_a_stopped_pull_says_what_it_keeps_for_the_next(
    server: FileServer, places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # No more than this can have come when the stop does, however large the pieces are that the network hands over.
    make_card(places / "models", server.script("/net.onnx", Give(cut_after=120_000, hold=True)))

    def stop(bar: Bar, done: int, total: int | None) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    monkeypatch.setattr(Bar, "show", stop)
    done = CliRunner().invoke(models.app, ["pull", "little"])
    assert done.exit_code == 130
    assert "little.onnx: stopped; 0.1 MB are here, the next pull goes on from there" in done.output


def test_the_bar_is_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for wanted in (True, False):
        error = io.StringIO()
        monkeypatch.setattr(sys, "stderr", error)
        monkeypatch.setenv("FORCE_COLOR", "1")
        with Bar("little.onnx", wanted) as bar:
            bar.show(0, 2_000_000)
            bar.show(1_000_000, 2_000_000)
        assert ("1.0/2.0 MB" in error.getvalue()) is wanted


def test_a_network_that_is_not_here_says_how_to_pull_it_and_pull_does_it(
    streamclf: Run, server: FileServer, assets: Path, images: Path, places: Path
) -> None:
    content = next((assets / "mirror").rglob("mobilenet_v1_0.25_224_frozen.pb")).read_bytes()
    mirror = server.script("/nets/mobilenet_v1_0.25_224_frozen.pb", Give(content)).rpartition("/")[0]
    with_mirror = {"STREAMCLF_MIRROR": mirror}
    missing = streamclf("classify", images / "dog.jpg", "--model", SMALL, **with_mirror)
    assert missing.returncode == 1
    for part in ("2.0 MB", "licence Apache-2.0", f"'streamclf models pull {SMALL}'", f"{mirror}/mobilenet_v1"):
        assert part in missing.stderr
    assert server.asked == []
    done = streamclf("classify", images / "dog.jpg", "--model", SMALL, "--pull", "--json", **with_mirror)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["model"] == SMALL
    (places / "run.toml").write_text(f'[run]\nmodel = "{SMALL}"\n')
    run = ("run", images / "dog.jpg", "--config", "run.toml", "--no-display", "--results", "-", "--pull")
    (places / "cache" / SMALL / "mobilenet_v1_0.25_224_frozen.pb").unlink()
    done = streamclf(*run, **with_mirror)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"] == SMALL
    assert "fetching it from" in done.stderr
    assert len(server.asked) == 2
    assert "fetching it" not in streamclf(*run).stderr


def test_bench_pulls_a_network_too_once_its_other_arguments_make_sense(
    streamclf: Run, server: FileServer, assets: Path, places: Path
) -> None:
    content = next((assets / "mirror").rglob("mobilenet_v1_0.25_224_frozen.pb")).read_bytes()
    mirror = server.script("/nets/mobilenet_v1_0.25_224_frozen.pb", Give(content)).rpartition("/")[0]
    bench = ("bench", "--model", SMALL, "--pull", "--engines", "opencv", "--frames", 4, "--json")
    assert streamclf(*bench, "gone.mp4", STREAMCLF_MIRROR=mirror).returncode == 1
    assert server.asked == []
    done = streamclf(*bench, STREAMCLF_MIRROR=mirror)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"] == SMALL
    assert len(server.asked) == 1
