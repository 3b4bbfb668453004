"""A second thread for tests of what waits, libraries that look as if they were not installed, and the way to framecheck's own modules."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

DEADLINE_S = 5.0


class Background:
    """Runs ``body`` in a thread; ``result`` is what it returned or raised, or a failure after the deadline."""

    def __init__(self, body: Callable[[], Any]):
        self._body = body
        self._answer: Any = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer = self._body()
        except BaseException as failure:
            self._failure = failure

    @property
    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> Any:
        self._thread.join(DEADLINE_S)
        assert self.is_done, "still waiting"
        if self._failure is not None:
            raise self._failure
        return self._answer


@pytest.fixture
def background() -> type[Background]:
    return Background


@pytest.fixture(scope="module")
def framecheck_path() -> Iterator[None]:
    """The folder is no package: its modules import each other by name."""
    folder = str(Path(__file__).parents[2] / "models" / "framecheck")
    sys.path.insert(0, folder)
    yield
    sys.path.remove(folder)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes libraries look as if they were not installed."""
    real = importlib.util.find_spec

    def hide(*names: str) -> None:
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, *rest: None if name in names else real(name, *rest)
        )

    return hide
