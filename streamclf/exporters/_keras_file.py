"""Reading a ``.keras`` or ``.h5`` file without running anything that it brings along."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamclf.errors import ModelFileError
from streamclf.exporters._frameworks import first_line, no_pickles, quiet

_H5 = b"\x89HDF\r\n"
_SAVE = "write it with model.save('net.keras')"


def read_keras(path: Path) -> Any:
    """The Keras model of a file.

    Its description is looked through before Keras builds anything of it: layers with a program of their own are refused.

    Raises:
        ModelFileError: it is no whole Keras network, or one that only its author's program can build.
    """
    import keras

    _check_layers(_description(path), path)
    try:
        with quiet(), no_pickles(str(path)):
            return keras.saving.load_model(str(path), compile=False, safe_mode=True)
    except ModelFileError:
        raise
    except Exception as error:  # a damaged file fails in many ways
        raise ModelFileError(
            f"{path}: Keras {keras.__version__} cannot read it ({first_line(error)}); {_SAVE} of the same version"
        ) from error


def check_file(path: Path) -> None:
    """Raise ModelFileError where ``path`` is plainly no file of Keras'; needs no Keras."""
    if not path.is_file():
        what = "is a folder; Keras writes one file" if path.is_dir() else "there is no such file"
        raise ModelFileError(f"{path}: {what}" + (f", {_SAVE}" if path.is_dir() else ""))
    try:
        with path.open("rb") as file:
            head = file.read(len(_H5))
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    is_h5 = head == _H5
    if not is_h5:
        _check_zip(path, head)
    endings = (".h5", ".hdf5") if is_h5 else (".keras",)
    if (
        path.suffix not in endings
    ):  # Keras goes by the ending, so what is looked through here has to be what it will read
        raise ModelFileError(f"{path}: is what Keras writes into a file that ends in {endings[0]}; name it so")


def _check_zip(path: Path, head: bytes) -> None:
    if not zipfile.is_zipfile(path):
        what = "is empty" if not head else "is no file of Keras', which is HDF5 or a zip archive"
        if head[:1] == b"\x80":
            what = "is a Python pickle, and reading one could run any program"
        raise ModelFileError(f"{path}: {what}; {_SAVE}")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if "config.json" not in names:
        what = (
            "what PyTorch saves" if any(name.endswith("data.pkl") for name in names) else "something else than Keras'"
        )
        raise ModelFileError(f"{path}: is a zip archive of {what}; {_SAVE}")


def _description(path: Path) -> Any:
    """The layers and how they hang together, as JSON says it."""
    check_file(path)
    try:
        if path.suffix != ".keras":
            return _h5_description(path)
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, RuntimeError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path}: is damaged ({first_line(error)}); get it anew, or {_SAVE}") from error


def _h5_description(path: Path) -> Any:
    import h5py

    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
        if text is None:
            weights = "model_weights" in file or "layer_names" in file.attrs or "layers" in file
            what = "holds weights without the network they belong to" if weights else "holds no network"
            own = (
                "; of one of Keras' own networks, say 'streamclf export keras:resnet50 --weights FILE'"
                if weights
                else ""
            )
            raise ModelFileError(f"{path}: {what}; {_SAVE}{own}")
        return json.loads(text)


def _check_layers(description: Any, path: Path) -> None:
    for part in _parts(description):
        kind, module = part["class_name"], part.get("module")
        if kind in ("Lambda", "__lambda__", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer"):
            what = "a Lambda layer" if "ambda" in kind else f"a {kind} layer"
            raise ModelFileError(
                f"{path}: has {what}, a program inside the file, and streamclf runs none; replace it by a layer of Keras "
                "(a Rescaling, for example) and save the network anew"
            )
        foreign = module is not None and str(module).split(".")[0] not in ("keras", "builtins")
        if foreign or str(part.get("registered_name") or "").count(">") or kind == "function":
            raise ModelFileError(
                f"{path}: {kind} is none of Keras' own layers, but {module or 'its author'}'s; streamclf builds networks of Keras' layers "
                "only: replace it and save the network anew"
            )


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every table anywhere in ``value`` that describes an object."""
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str):
            yield value
        for each in value.values():
            yield from _parts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _parts(each)
