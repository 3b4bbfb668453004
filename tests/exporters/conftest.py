"""Networks exported from Keras and PyTorch (make test-exporters): a home of the tests' own, and each network exported once."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from streamclf.catalogue.network_options import network_options
from streamclf.exporter import SourceNetwork
from streamclf.exporting import Exported, export, open_network
from tests.conftest import ASSETS

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PHOTOGRAPHS = [ASSETS / "media" / "image" / name for name in ("dog.jpg", "hot_dog.jpg", "granny_smith_0.jpg")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The frameworks warn of much that is none of ours."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session", autouse=True)
def no_watcher_of_bars() -> None:
    """Where tqdm happens to be installed, PyTorch opens a bar that shows nothing, and the first one starts a thread that never ends."""
    with contextlib.suppress(ImportError):
        import tqdm

        tqdm.tqdm.monitor_interval = 0


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = {name: os.environ.get(name) for name in ("HOME", "STREAMCLF_MODELS", "STREAMCLF_CACHE")}
    folder = tmp_path_factory.mktemp("home")
    os.environ.update(HOME=str(folder), STREAMCLF_MODELS="", STREAMCLF_CACHE=str(folder / "cache"))
    yield folder
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture
def own(home: Path) -> Path:
    """Where exported networks are put."""
    return home / ".local" / "share" / "streamclf" / "models"


@pytest.fixture(scope="session")
def exported(home: Path, assets: Path) -> Callable[[str], tuple[SourceNetwork, Exported]]:
    """One of Keras' own networks, untrained, exported and proven on the drawn pictures and on photographs."""

    @cache
    def once(name: str) -> tuple[SourceNetwork, Exported]:
        source = open_network(f"keras:{name}", "none", 1)
        return source, export(source, network_options({}), overwrite=True, pictures=PHOTOGRAPHS)

    return once


@pytest.fixture
def streamclf(home: Path, tmp_path: Path) -> Run:
    """Run ``streamclf ARGUMENTS...`` in an empty folder and wait for its end."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "streamclf", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=900,
        )

    return run
