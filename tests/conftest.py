"""Shared fixtures: assets, and a watch over leaked threads and ERROR logs."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
for _variable in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
    os.environ.pop(_variable, None)  # a test that sets HOME has set the user's folders
ASSETS = Path(os.environ.get("STREAMCLF_TEST_ASSETS") or REPOSITORY.parent / "shared")


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real networks, clips and pictures; a skip where it is absent, unless that is forbidden."""
    if not (ASSETS / "media").is_dir():
        message = f"no test assets in {ASSETS}; set STREAMCLF_TEST_ASSETS"
        if os.environ.get("STREAMCLF_REQUIRE_ASSETS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return ASSETS


@pytest.fixture(scope="session")
def videos(assets: Path) -> Path:
    return assets / "media" / "video"


@pytest.fixture(scope="session")
def images(assets: Path) -> Path:
    return assets / "media" / "image"


@pytest.fixture(scope="session")
def hazards(assets: Path) -> Path:
    return assets / "media" / "hazard"


@pytest.fixture(scope="session")
def races(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the fastest engine of a network is remembered: measured once for all tests."""
    return tmp_path_factory.mktemp("races")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, races: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, but for the races."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "races").symlink_to(races)
    monkeypatch.setenv("STREAMCLF_CACHE", str(cache))
    return cache


@pytest.fixture
def models_env(assets: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Model folders and the mirror as the README sets them; the user's own folders are kept out."""
    monkeypatch.setenv("STREAMCLF_MODELS", str(REPOSITORY / "tests" / "cards"))
    monkeypatch.setenv("STREAMCLF_MIRROR", str(assets / "mirror"))
    return assets / "mirror"


@pytest.fixture(autouse=True)
def no_thread_leaks() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    leaked = [t for t in threading.enumerate() if t not in before and t.is_alive()]
    for thread in leaked:
        thread.join(timeout=5.0)
    leaked = [t for t in leaked if t.is_alive()]
    if leaked:
        faulthandler.dump_traceback(file=sys.__stderr__)
        pytest.fail(f"threads still alive: {[t.name for t in leaked]}")


@pytest.fixture(autouse=True)
def no_error_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    errors = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    if errors:
        pytest.fail(f"ERROR logs: {errors}")
