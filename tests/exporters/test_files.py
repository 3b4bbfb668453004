from __future__ import annotations

import io
import json
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamclf.catalogue.network_options import network_options
from streamclf.errors import ConfigError, ModelFileError, StreamclfError
from streamclf.exporting import Exported, export, open_network

COLOURS = "blue\ngreen\nred\n"
PLAIN = {"channels": "rgb", "scale": "1/255"}


@pytest.fixture
def labels(tmp_path: Path) -> str:
    path = tmp_path / "labels.txt"
    path.write_text(COLOURS, encoding="utf-8")
    return str(path)


@pytest.fixture
def exported(own: Path, labels: str) -> Callable[..., Exported]:
    def done(target: str, **said: Any) -> Exported:
        source = open_network(target, None, None)
        return export(source, network_options({**PLAIN, "labels": labels, **said}), name="mine", overwrite=True)

    return done


def refused(own: Path, target: str, **said: Any) -> str:
    """The sentence; and nothing is left behind."""
    before = sorted(own.rglob("*")) if own.is_dir() else []
    with pytest.raises(StreamclfError) as problem:
        export(open_network(target, None, None), network_options({**PLAIN, **said}), name="refused")
    assert (sorted(own.rglob("*")) if own.is_dir() else []) == before
    return str(problem.value)


def keras_model(*more: Any, side: int | None = 32, channels: int = 3, end: Any = None) -> Any:
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    keras.utils.set_random_seed(3)
    layers = [keras.Input((side, side, channels)), keras.layers.Conv2D(8, 3, padding="same", activation="relu"), *more]
    return keras.Sequential(
        [*layers, keras.layers.GlobalAveragePooling2D(), end or keras.layers.Dense(3, activation="softmax")]
    )


def pytorch_module(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "mynets.py").write_text("import torch\n" + text, encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.delitem(sys.modules, "mynets", raising=False)
    monkeypatch.syspath_prepend(folder)


TINY = """
def make():
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        torch.nn.Conv2d(8, 8, 5, 4), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 3))
"""


def test_a_network_that_prepares_its_pictures_itself_is_found_out(
    own: Path, exported: Callable[..., Exported], labels: str, tmp_path: Path
) -> None:
    plain = keras_model()
    import keras

    pictures = keras.Input((32, 32, 3))
    rescaling = keras.layers.Rescaling(1 / 127.5, offset=-1)
    inner = keras.Sequential([keras.Input((32, 32, 3)), rescaling])
    of_levels = keras.layers.Normalization(mean=[120.0, 110.0, 100.0], variance=[3000.0] * 3)
    of_scaled = keras.layers.Normalization(mean=[0.5, 0.4, 0.4], variance=[0.1] * 3)
    cases = {
        "rescaling": (rescaling(pictures), "a Rescaling layer"),
        "nested": (inner(pictures), "a Rescaling layer"),
        "levels": (of_levels(pictures), "a Normalization layer"),
        "tf": (keras.applications.mobilenet_v2.preprocess_input(pictures), "arithmetic"),
        "caffe": (keras.applications.resnet50.preprocess_input(pictures), "arithmetic"),
        "scaled": (of_scaled(pictures), None),
        "none": (pictures, None),
    }
    for name, (prepared, what) in cases.items():
        path = tmp_path / f"{name}.keras"
        keras.Model(pictures, plain(prepared) if name != "none" else plain(pictures)).save(path)
        source = open_network(f"keras:{path}", None, None)
        if what is None:
            with pytest.raises(ConfigError, match="how its pictures were prepared"):
                export(source, network_options({"labels": labels}))
            continue
        done = export(source, network_options({"labels": labels}), name="mine", overwrite=True)
        assert f"it prepares its pictures itself ({what}" in " ".join(done.found)
        assert (done.model.card.input.scale, done.model.card.input.channels) == (1.0, "rgb")
        assert not done.warnings
    twice = exported(f"keras:{tmp_path}/rescaling.keras", preset="imagenet-tf", scale=None)
    assert "prepares them once more" in twice.warnings[0]
    assert any("hardly depend on the picture" in warning for warning in twice.warnings)


def test_sigmoids_of_pytorch_are_refused_as_those_of_keras(
    own: Path, labels: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TINY + "def sigm():\n    return torch.nn.Sequential(make(), torch.nn.Sigmoid())\n"
    text += "def soft():\n    return torch.nn.Sequential(make(), torch.nn.Softmax(1))\n"
    pytorch_module(text, tmp_path, monkeypatch)
    assert "ends in a sigmoid" in refused(own, "torch:mynets:sigm", size="32x32", labels=labels)
    done = export(
        open_network("torch:mynets:soft", None, None),
        network_options({**PLAIN, "size": "32x32", "labels": labels}),
        name="mine",
        overwrite=True,
    )
    assert done.model.card.output.softmax is True


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_file_of_keras_keeps_its_logits(exported: Callable[..., Exported], tmp_path: Path, ending: str) -> None:
    keras_model().save(tmp_path / f"net.{ending}")
    done = exported(f"keras:{tmp_path}/net.{ending}")
    assert done.proof.difference <= 1e-4
    assert done.model.card.output.softmax is False
    assert done.model.labels == ("blue", "green", "red")
    assert done.model.card.input.layout == "NCHW"


def test_layers_that_cannot_be_turned_stay_as_keras_has_them(exported: Callable[..., Exported], tmp_path: Path) -> None:
    model = keras_model()
    import keras

    keras_model(keras.layers.LayerNormalization()).save(tmp_path / "net.keras")
    del model
    done = exported(f"keras:{tmp_path}/net.keras")
    assert done.proof.difference <= 1e-4
    assert done.model.card.input.layout == "NHWC"


def test_arithmetic_without_a_layer_is_turned_only_where_it_has_no_axis(
    exported: Callable[..., Exported], tmp_path: Path
) -> None:
    plain = keras_model()
    import keras

    pictures = keras.Input((32, 32, 3))
    of_channels = np.array([0.1, 0.2, 0.3], np.float32)
    cases = {
        "NCHW": (pictures * 2.0 - 1.0) + pictures,
        "NHWC": pictures - of_channels,
    }
    for layout, prepared in cases.items():
        found = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(prepared)
        ended = plain.layers[-1](keras.layers.GlobalAveragePooling2D()(found + found))
        keras.Model(pictures, ended).save(tmp_path / f"{layout}.keras")
        done = exported(f"keras:{tmp_path}/{layout}.keras")
        assert done.proof.difference <= 1e-4
        assert done.model.card.input.layout == layout


def test_a_network_of_grey_pictures_and_any_size(exported: Callable[..., Exported], tmp_path: Path) -> None:
    keras_model(side=None, channels=1).save(tmp_path / "grey.keras")
    done = exported(f"keras:{tmp_path}/grey.keras", channels="grey", size="40x24")
    assert (done.model.card.input.width, done.model.card.input.height) == (40, 24)
    assert done.proof.exchanged_colours is None


def test_a_function_and_a_pt2_file_of_pytorch(
    exported: Callable[..., Exported], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    pytorch_module(TINY, tmp_path, monkeypatch)
    done = exported("torch:mynets:make", size="32x32", mean="0.5", std="0.25")
    assert done.proof.difference <= 1e-4
    assert {1, 2, 4} <= set(done.proof.batch_sizes)

    import mynets  # type: ignore[import-not-found]

    for name, shapes in (("open", ({0: torch.export.Dim.DYNAMIC},)), ("single", None)):
        example = torch.rand(1 if shapes is None else 2, 3, 32, 48)
        torch.export.save(torch.export.export(mynets.make().eval(), (example,), dynamic_shapes=shapes), f"{name}.pt2")
        done = exported(f"torch:{name}.pt2")
        assert done.proof.difference <= 1e-4
        assert (done.model.card.input.width, done.model.card.input.height) == (48, 32)
        assert ("one picture at a time" in " ".join(done.found)) == (name == "single")


class Evil:
    """What a pickle may hold."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("harmed",)


def test_a_pickle_inside_a_pt2_file_is_never_run(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    pytorch_module(TINY, tmp_path, monkeypatch)
    import mynets

    torch.export.save(torch.export.export(mynets.make().eval(), (torch.rand(1, 3, 32, 32),)), "good.pt2")
    buffer = io.BytesIO()
    torch.save(Evil(), buffer)
    with zipfile.ZipFile("good.pt2") as good:
        names = [name for name in good.namelist() if name.endswith(".pt")]
        assert names
        for number, bad in enumerate(names):
            with zipfile.ZipFile(f"evil{number}.pt2", "w") as evil:
                for name in good.namelist():
                    evil.writestr(name, buffer.getvalue() if name == bad else good.read(name))
            said = refused(own, f"torch:evil{number}.pt2", labels=None)
            assert "pickle" in said
    assert not Path("harmed").exists()


def test_programs_inside_keras_files_are_refused(own: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    model = keras_model()
    import keras

    model = keras.Sequential([*model.layers[:1], keras.layers.Lambda(lambda x: x * 2), *model.layers[1:]])
    model.build((None, 32, 32, 3))
    for path in (tmp_path / "net.keras", tmp_path / "net.h5"):
        model.save(path)
        assert "has a Lambda layer, a program inside the file" in refused(own, f"keras:{path}")

    keras_model().save(path := tmp_path / "foreign.keras")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1]["module"] = "os"
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    assert "is none of Keras' own layers" in refused(own, f"keras:{path}")


def test_networks_that_streamclf_cannot_use_are_named_with_what_is_wrong(own: Path, tmp_path: Path) -> None:
    keras_model()
    import keras

    dense = keras.layers.Dense
    cases = {
        "headless": (keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3)]), "is its head cut off"),
        "yes": (keras_model(end=dense(1)), "one number for a picture"),
        "many": (keras_model(end=dense(3, activation="sigmoid")), "ends in a sigmoid"),
        "open": (keras_model(side=None), "give --size WxH"),
        "labels": (keras_model(), "give --labels"),
    }
    for name, (model, sentence) in cases.items():
        model.save(tmp_path / f"{name}.keras")
        assert sentence in refused(own, f"keras:{tmp_path}/{name}.keras")
    keras_model().save_weights(tmp_path / "only.weights.h5")
    assert "weights" in refused(own, f"keras:{tmp_path}/only.weights.h5")
    whole = (tmp_path / "labels.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: len(whole) // 2])
    assert "is no file of Keras'" in refused(own, f"keras:{tmp_path}/cut.keras")


def test_functions_that_make_no_network_are_named(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TINY + "def number():\n    return 3\ndef needs(x):\n    return x\nflat = torch.nn.Flatten()\n"
    pytorch_module(text, tmp_path, monkeypatch)
    size = {"size": "32x32"}
    assert "did you mean make?" in refused(own, "torch:mynets:mak", **size)
    assert "makes int, and should make a torch.nn.Module" in refused(own, "torch:mynets:number", **size)
    assert "needs() fails (TypeError" in refused(own, "torch:mynets:needs", **size)
    assert "cannot be imported" in refused(own, "torch:nowhere:make", **size)
    assert "the size of its input is not in the file" in refused(own, "torch:mynets:make")


def test_torchs_own_archives_are_refused_unread(own: Path, tmp_path: Path) -> None:
    import torch

    torch.save(Evil(), tmp_path / "net.pt2")
    assert "torch.save" in refused(own, f"torch:{tmp_path}/net.pt2")
    (tmp_path / "bare.pt2").write_bytes(pickle.dumps(Evil()))
    assert "is a Python pickle" in refused(own, f"torch:{tmp_path}/bare.pt2")
    assert not (tmp_path / "harmed").exists()


def test_what_fails_after_the_network_was_written_leaves_nothing(
    own: Path, labels: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras_model().save(tmp_path / "net.keras")
    before = sorted(own.rglob("*")) if own.is_dir() else []

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("streamclf.exporting.prove", interrupted)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with pytest.raises(KeyboardInterrupt):
        export(
            open_network(f"keras:{tmp_path}/net.keras", None, None),
            network_options({**PLAIN, "labels": labels}),
            name="x",
        )
    assert (sorted(own.rglob("*")) if own.is_dir() else []) == before
    assert list((tmp_path / "temporary").iterdir()) == []
    with pytest.raises(ConfigError):
        open_network("keras:resnet5", None, None)
    with pytest.raises(ModelFileError):
        open_network("torch:net.pth", None, None)
