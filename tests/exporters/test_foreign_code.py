"""What a user's module and a framework do while a network is exported does not decide how streamclf ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streamclf.errors import ConfigError
from streamclf.exporters._frameworks import foreign, quiet
from streamclf.exporters.torch import TorchNetwork

Module = Callable[[str], None]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    def written(text: str) -> None:
        (tmp_path / "foreignnets.py").write_text("import sys, torch\n" + text, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.delitem(sys.modules, "foreignnets", raising=False)
        monkeypatch.syspath_prepend(tmp_path)

    return written


@pytest.mark.parametrize("text", ["sys.exit(0)", "def make():\n    sys.exit()"])
def test_a_module_that_ends_the_program_is_an_error(module: Module, text: str) -> None:
    module(text)
    with pytest.raises(ConfigError, match=r"it calls sys\.exit"):
        TorchNetwork("foreignnets:make")


def test_what_a_module_prints_stays_out_of_the_answer(
    module: Module, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module("print('loading')\ndef make():\n    print('making')\n    return torch.nn.Flatten()")
    TorchNetwork("foreignnets:make")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "loading\nmaking\n")


@pytest.mark.parametrize("around", [foreign, quiet])
@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(128 + int(signal.SIGTERM))])
def test_an_end_that_a_framework_wraps_into_an_error_ends_all_the_same(
    around: Callable[[], object], end: BaseException
) -> None:
    def wrapped() -> None:
        with around():  # type: ignore[attr-defined]
            try:
                raise end
            except BaseException as problem:
                raise ValueError("export failed") from problem

    with pytest.raises(type(end)):
        wrapped()


def test_frameworks_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet():
        print("chatter")
        print("chatter", file=sys.stderr)
    assert capsys.readouterr() == ("", "")
