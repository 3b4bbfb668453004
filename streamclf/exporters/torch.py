"""PyTorch's networks: an exported program in a ``.pt2`` file, or what a function of the user's makes."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamclf.errors import ConfigError, ModelFileError
from streamclf.exporters._frameworks import (
    as_input,
    check_classes,
    check_installed,
    first_line,
    foreign,
    no_pickles,
    quiet,
    rows_of,
)
from streamclf.exporters._onnx import write_onnx
from streamclf.exporters._pt2_file import check_program

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from streamclf.catalogue.card import InputSpec
    from streamclf.engine import FloatArray
    from streamclf.frame import Image

_PICKLED = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle")
_HOW = (
    "in the program that knows the network: torch.export.save(torch.export.export(model.eval(), (torch.rand(2, 3, 224, 224),), "
    'dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)), "net.pt2"); or name a function that makes it, torch:module:function'
)


class TorchNetwork:
    """``given`` is FILE.pt2 or MODULE:FUNCTION, the latter looked for in the current folder, too.

    Raises:
        EngineError: the extra is not installed.
        ConfigError: it is neither, or there is no such module or function.
        ModelFileError: the file is none of ``torch.export.save``, or the function does not make a network.
    """

    def __init__(self, given: str):
        self.name = f"torch:{given}"
        self.found: tuple[str, ...] = ()
        self.note: str | None = None
        self.prepares_itself: str | None = None
        self.had_softmax = False
        self.known: Mapping[str, Any] = {}
        self.classes: int | None = None
        self._open_batch = True
        path = Path(given).expanduser()
        module, colon, factory = given.rpartition(":")
        if path.suffix.lower() in _PICKLED:
            raise ModelFileError(
                f"{given}: holds Python pickles, and reading one could run any program; make a .pt2 of it, {_HOW}"
            )
        is_file = path.suffix.lower() == ".pt2" or path.is_file()
        if not is_file and not (colon and module and factory.isidentifier()):
            raise ConfigError(
                f"torch:{given}: is neither a file that ends in .pt2 nor MODULE:FUNCTION, such as torch:flowers:make_network"
            )
        if is_file:
            _check_archive(path)
            check_installed(self.name, "torch")
            self._network = self._loaded(path)
        else:
            check_installed(self.name, "torch")
            self._network = _made(self.name, module, factory)
        self.plain_name = path.stem if is_file else factory
        import torch

        self.made_by = f"PyTorch {torch.__version__}"

    def prepare(self, spec: InputSpec, pictures: Sequence[Image]) -> None:
        """See :class:`~streamclf.exporter.SourceNetwork`."""
        import numpy as np

        self._spec = spec
        rows = self.answers(np.stack(pictures))
        check_classes(rows, self.name)
        self.classes = rows.shape[1]

    def write(self, path: Path) -> None:
        """See :class:`~streamclf.exporter.SourceNetwork`."""
        import torch

        spec = self._spec
        example = torch.zeros(2, spec.channel_count, spec.height, spec.width)
        program = self._program
        if program is None:
            write_onnx(self._network, example, path, self.name)
        else:
            write_onnx(program, example, path, self.name, open_batch=False)

    def answers(self, fitted: npt.NDArray[np.uint8]) -> FloatArray:
        """See :class:`~streamclf.exporter.SourceNetwork`."""
        import numpy as np
        import torch

        ready = torch.from_numpy(np.ascontiguousarray(as_input(fitted, self._spec).transpose(0, 3, 1, 2)))
        parts = [ready] if self._open_batch else list(ready.split(1))
        try:
            with quiet(), torch.no_grad():
                outputs = [self._network(part) for part in parts]
        except Exception as error:  # any fault of the user's own network
            side = f"{self._spec.channel_count}x{self._spec.height}x{self._spec.width}"
            raise ModelFileError(
                f"{self.name}: does not run on pictures of {side} ({first_line(error)}); does it want another --size or --channels?"
            ) from error
        return np.concatenate(
            [rows_of(output, len(part), self.name) for output, part in zip(outputs, parts, strict=True)]
        )

    _program: Any = None

    def _loaded(self, path: Path) -> Any:
        import torch

        try:
            check_program(path)
            with quiet(), no_pickles(str(path)):
                self._program = torch.export.load(str(path))
                network = self._program.module()
        except ModelFileError:
            raise
        except Exception as error:  # a damaged file fails in many ways
            raise ModelFileError(
                f"{path}: PyTorch {torch.__version__} cannot read it ({first_line(error)}); was it written by torch.export.save, "
                "with this or an older PyTorch?"
            ) from error
        inputs = [
            node.meta["val"].shape
            for node in self._program.graph.nodes
            if node.op == "placeholder" and node.name in self._program.graph_signature.user_inputs
        ]
        if len(inputs) != 1 or len(inputs[0]) != 4:
            shapes = ", ".join(str(tuple(shape)) for shape in inputs)
            raise ModelFileError(
                f"{path}: takes {shapes or 'nothing'}; streamclf gives one batch of pictures, (N, C, H, W)"
            )
        batch, channels, height, width = (int(side) if isinstance(side, int) else None for side in inputs[0])
        if channels not in (1, 3):
            raise ModelFileError(f"{path}: takes {tuple(inputs[0])}; streamclf gives (N, 1 or 3, H, W)")
        self._open_batch = batch is None
        if batch not in (None, 1):
            raise ModelFileError(
                f"{path}: takes exactly {batch} pictures at once; export it with the first axis open "
                "(dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))"
            )
        if batch == 1:
            self.found = ("it takes one picture at a time; with its first axis left open it would take several",)
        known: dict[str, Any] = {"channels": "grey"} if channels == 1 else {}
        if height and width:
            known["size"] = f"{width}x{height}"
        self.known = known
        return network


def _check_archive(path: Path) -> None:
    """Raise ModelFileError where ``path`` is plainly no file of ``torch.export.save``; nothing of it is loaded."""
    if not path.is_file():
        what = "is a folder; name the .pt2 file" if path.is_dir() else "there is no such file"
        raise ModelFileError(f"{path}: {what}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        with path.open("rb") as file:
            is_pickle = file.read(1) == b"\x80"
        what = (
            "is a Python pickle, and reading one could run any program"
            if is_pickle
            else "is no zip archive, so no .pt2 file"
        )
        raise ModelFileError(f"{path}: {what}; make a .pt2, {_HOW}") from None
    bare = {name.partition("/")[2] for name in names} | set(names)
    if not any(name.endswith("serialized_exported_program.json") or "models/" in name for name in bare):
        pickled = any(name.endswith("data.pkl") for name in names)
        what = (
            "is what torch.save or torch.jit.save writes, with Python pickles"
            if pickled
            else "is a zip of something else"
        )
        raise ModelFileError(f"{path}: {what}, not a file of torch.export.save; make a .pt2, {_HOW}")


def _made(name: str, module: str, factory: str) -> Any:
    """The network that the user's function makes, ready to answer."""
    import torch

    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        with foreign():
            home = importlib.import_module(module)
    except Exception as error:  # it is the user's program, and may do anything
        raise ConfigError(
            f"{name}: the module {module} cannot be imported ({first_line(error)}); it is looked for in {here} and among what is installed"
        ) from error
    function = getattr(home, factory, None)
    if function is None:
        near = difflib.get_close_matches(factory, dir(home), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise ConfigError(f"{name}: {module} has no {factory}{hint}")
    try:
        with foreign():
            network = function if isinstance(function, torch.nn.Module) else function()
    except Exception as error:  # as above
        raise ConfigError(f"{name}: {factory}() fails ({type(error).__name__}: {first_line(error)})") from error
    if not isinstance(network, torch.nn.Module):
        raise ConfigError(f"{name}: makes {type(network).__name__}, and should make a torch.nn.Module")
    try:
        return network.cpu().eval()
    except Exception as error:  # weights on a device that is none ("meta"), for example
        raise ModelFileError(f"{name}: its weights cannot be had ({first_line(error)})") from error
