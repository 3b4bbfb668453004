"""A .pt2 file can hold Python in more places than its pickles; none of it may run."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from streamclf.errors import ModelFileError
from streamclf.exporters._pt2_file import check_program
from streamclf.exporters.torch import TorchNetwork


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3, 2, 1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
        )

    def forward(self, pictures: torch.Tensor) -> Any:
        return self.layers(pictures).view(pictures.shape[0], -1)


def saved(path: Path, open_axes: tuple[int, ...]) -> Path:
    shapes = (dict.fromkeys(open_axes, torch.export.Dim.DYNAMIC),)
    torch.export.save(torch.export.export(Net().eval(), (torch.rand(2, 3, 32, 32),), dynamic_shapes=shapes), str(path))
    return path


def changed(good: Path, change: Callable[[dict[str, Any]], None], extra: str | None = None) -> Path:
    path = good.with_name("evil.pt2")
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w") as evil:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("models/model.json"):
                description = json.loads(data)
                change(description)
                data = json.dumps(description).encode()
            evil.writestr(name, data)
        if extra:
            evil.writestr(f"{source.namelist()[0].partition('/')[0]}/{extra}", b"\x7fELF")
    return path


@pytest.mark.parametrize("open_axes", [(), (0,), (0, 2, 3)])
def test_what_pytorch_itself_writes_passes(tmp_path: Path, open_axes: tuple[int, ...]) -> None:
    check_program(saved(tmp_path / "good.pt2", open_axes))


def in_guard(description: dict[str, Any]) -> None:
    description["guards_code"] = ["__import__('pathlib').Path('harmed').touch() is None"]


def in_a_size(description: dict[str, Any]) -> None:
    def put(value: Any) -> None:
        for part in value.values() if isinstance(value, dict) else value:
            if isinstance(part, dict) and "expr_str" in part:
                part["expr_str"] = "__import__('pathlib').Path('harmed').touch()"
            elif isinstance(part, (dict, list)):
                put(part)

    put(description)
    assert "harmed" in json.dumps(description)


def in_an_operator(description: dict[str, Any]) -> None:
    description["graph_module"]["graph"]["nodes"][0]["target"] = "torch.ops.aten.from_file.default"


def in_another_operator(description: dict[str, Any]) -> None:
    description["graph_module"]["graph"]["nodes"][0]["target"] = "torch.os.system"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (in_guard, "holds the condition"),
        (in_a_size, "holds the size"),
        (in_an_operator, "uses torch.ops.aten.from_file"),
        (in_another_operator, "uses torch.os.system"),
    ],
)
def test_a_program_in_the_description_is_refused_and_never_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    evil = changed(saved(tmp_path / "good.pt2", (0,)), change)
    with pytest.raises(ModelFileError, match=said):
        TorchNetwork(str(evil))
    assert not Path("harmed").exists()


def test_a_compiled_program_beside_the_network_is_refused(tmp_path: Path) -> None:
    evil = changed(saved(tmp_path / "good.pt2", (0,)), lambda description: None, "data/aotinductor/model/wrapper.so")
    with pytest.raises(ModelFileError, match=r"holds the part 'data/aotinductor/model/wrapper\.so'"):
        TorchNetwork(str(evil))
