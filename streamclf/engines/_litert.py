"""A network in LiteRT's interpreter: read without a word on the terminal, run, its failures in one sentence."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from streamclf.engines._tflite import TfliteFile
from streamclf.errors import EngineError
from streamclf.wording import first_line

VERSION = version("ai-edge-litert")


class LiteRtNet:
    """One interpreter, for one thread at a time; ``file`` says what goes in and comes out.

    Raises:
        EngineError: LiteRT cannot read the file.
        ModelFileError: it is no whole TensorFlow Lite network.
    """

    def __init__(self, path: Path, threads: int):
        self.file = TfliteFile(path)
        self._path, self._threads = path, threads
        self._shape: tuple[int, ...] | None = None
        self._interpreter: Any = self._read()

    def run(self, values: Any) -> list[Any]:
        """Every output for an input of the network's type and layout, arrays of their own.

        Another shape than before is planned anew. Raises EngineError where the network does not run on it.
        """
        try:
            if values.shape != self._shape:
                self._resize(values.shape)
            self._interpreter.set_tensor(self._input, values)
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index) for index in self._outputs]
        except Exception as error:  # what is C++ inside has no errors of its own
            self._shape = None
            raise EngineError(
                f"{self._path}: LiteRT {VERSION} failed on an input of the shape {values.shape} ({first_line(error)})"
            ) from error

    def close(self) -> None:
        """Free the interpreter."""
        self._interpreter = self._shape = None

    def _read(self) -> Any:
        try:
            interpreter = Interpreter(str(self._path), num_threads=self._threads)
            (self._input,) = (each["index"] for each in interpreter.get_input_details())
            self._outputs = [each["index"] for each in interpreter.get_output_details()]
        except Exception as error:
            raise EngineError(f"{self._path}: LiteRT {VERSION} cannot read it ({first_line(error)})") from error
        return interpreter

    def _resize(self, shape: tuple[int, ...]) -> None:
        if self._shape is None:  # new, or no more to be trusted since it failed
            self._interpreter = self._read()
        details = self._interpreter.get_input_details()[0]
        if tuple(details["shape"]) != shape:
            self._interpreter.resize_tensor_input(self._input, shape)
        with _unannounced():
            self._interpreter.allocate_tensors()
        self._shape = shape


_ANNOUNCING = threading.Lock()


@contextmanager
def _unannounced() -> Iterator[None]:
    """Keeps LiteRT from telling the terminal at the first network that it has made a delegate: nothing turns that off.

    It writes to C's ``stderr``, a variable that glibc's manual allows to set (as other systems do not): to nowhere, for
    as long as this lasts. Python's ``sys.stderr`` and other processes write to the file descriptor, which stays as it is.
    """
    stderr = _c_stderr()
    if stderr is None:
        yield
        return
    with _ANNOUNCING:
        before, stderr.value = stderr.value, _nowhere()
        try:
            yield
        finally:
            stderr.value = before


@lru_cache
def _c_stderr() -> ctypes.c_void_p | None:
    """The variable; None where there is no glibc."""
    if os.name != "posix":
        return None
    library = ctypes.CDLL(None)
    return ctypes.c_void_p.in_dll(library, "stderr") if hasattr(library, "gnu_get_libc_version") else None


@lru_cache
def _nowhere() -> int | None:
    """A C stream that swallows everything, never closed, since another thread may still be writing."""
    library = ctypes.CDLL(None)
    library.fopen.restype = ctypes.c_void_p
    opened: int | None = library.fopen(os.devnull.encode(), b"w")
    return opened
