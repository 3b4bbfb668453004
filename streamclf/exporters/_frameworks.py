"""What the exporters share: the extra that has to be installed, no pickles, quiet, the way from levels to an input."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import re
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from streamclf.errors import EngineError, ModelFileError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from streamclf.catalogue.card import InputSpec
    from streamclf.engine import FloatArray

NEEDED = {
    "keras": ("keras", "torch", "onnx", "onnxscript", "PIL"),
    "torch": ("torch", "onnx", "onnxscript", "PIL"),
}
"""The modules behind each extra of pyproject.toml."""
_LONGEST = 200
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_CHATTY = ("torch", "torch.onnx", "torch.export", "onnxscript", "onnx_ir", "keras")


class PickleRefusedError(ModelFileError):
    """A file asks for code to be found and run while it is read."""


class _Watch:
    """Whether unpickling is refused at the moment. An audit hook cannot be taken away again, so there is one that looks here."""

    is_set = False
    is_on = False


def check_installed(name: str, extra: str) -> None:
    """Raise EngineError where a module of ``extra`` is missing; ``name`` is the network's, as the user calls it."""
    missing = [module for module in NEEDED[extra] if importlib.util.find_spec(module) is None]
    if missing:
        raise EngineError(
            f"{name}: needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed; "
            f'pip install "streamclf[{extra}]"'
        )


@contextlib.contextmanager
def no_pickles(name: str) -> Iterator[None]:
    """While a file is read, no pickle in it gets to name a function.

    PyTorch reads .pt2 files with ``torch.load``, and where its safe reader refuses a pickle it tries again with the unsafe one. Python
    reports each name that a pickle looks up ("pickle.find_class"), before anything is called: there it is stopped.

    Raises:
        PickleRefusedError: a pickle tried to.
    """
    if not _Watch.is_set:
        sys.addaudithook(_refuse_lookup)
        _Watch.is_set = True
    _Watch.is_on = True
    try:
        yield
    except Exception as problem:
        for each in _behind(problem):
            if isinstance(each, PickleRefusedError):
                raise ModelFileError(f"{name}: {each}; get the file from someone you trust, exported anew") from None
        raise
    finally:
        _Watch.is_on = False


def _refuse_lookup(event: str, arguments: Sequence[Any]) -> None:
    if event == "pickle.find_class" and _Watch.is_on:
        raise PickleRefusedError(
            f"holds a pickle that wants to use {arguments[0]}.{arguments[1]}, which could run any program"
        )


@contextlib.contextmanager
def foreign() -> Iterator[None]:
    """Around what frameworks and the user's own modules do: their print goes to standard error, since standard output is a program's.

    Where they want to end this program, that is a fault of theirs; where the user does, it ends, whatever they make of Ctrl-C.

    Raises:
        RuntimeError: something called ``sys.exit``.
        Whatever is raised inside.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except SystemExit as end:
        if _is_told_to(end):
            raise
        raise RuntimeError("it calls sys.exit; keep what a script does under if __name__ == '__main__'") from end
    except Exception as problem:
        for each in _behind(problem):
            if _is_told_to(each):
                raise each from None
        raise


def _behind(problem: BaseException) -> Iterator[BaseException]:
    """``problem``, and what it was raised for, back to the first."""
    each: BaseException | None = problem
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__


def _is_told_to(end: BaseException) -> bool:
    """Ctrl-C, or the exit that SIGTERM became (cli/ending.py)."""
    return isinstance(end, KeyboardInterrupt) or (isinstance(end, SystemExit) and end.code == 128 + int(signal.SIGTERM))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """As ``foreign``, and what frameworks print and warn of goes nowhere; what they raise is said by ours."""
    before = {logger: logger.level for logger in map(logging.getLogger, _CHATTY)}
    for logger in before:
        logger.setLevel(logging.CRITICAL)
    try:
        with (
            foreign(),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)


def first_line(error: BaseException) -> str:
    """What a framework says, as far as it fits into a sentence."""
    try:
        said = _COLOURS.sub("", str(error))
    except Exception:  # the error of a module of the user's may fail at that, too
        said = ""
    text = next((line.strip() for line in said.splitlines() if line.strip()), type(error).__name__)
    return (text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...").rstrip(".")


def as_input(fitted: npt.NDArray[np.uint8], spec: InputSpec) -> npt.NDArray[np.float32]:
    """Fitted pictures (N, H, W, C) to the network's input in plain numpy, (N, H, W, C) float32, channels in the card's order."""
    import numpy as np

    ordered = fitted[..., ::-1] if spec.channels == "rgb" else fitted
    return ((ordered.astype(np.float64) * spec.scale - spec.means) / spec.stds).astype(np.float32)


def rows_of(output: Any, count: int, name: str) -> FloatArray:
    """A framework's answer as rows (count, classes); raises ModelFileError where it is none."""
    import numpy as np

    if not hasattr(output, "detach"):
        kind = f"{len(output)} outputs" if isinstance(output, (list, tuple, dict)) else type(output).__name__
        raise ModelFileError(f"{name}: puts out {kind}; streamclf takes one tensor, a row of numbers for each picture")
    if not output.is_floating_point():
        raise ModelFileError(f"{name}: puts out numbers of the kind {output.dtype}; streamclf takes float ones")
    rows = np.asarray(output.detach().cpu().float().numpy(), np.float32)
    if rows.ndim != 2 or len(rows) != count:
        raise ModelFileError(
            f"{name}: puts out {rows.shape} for {count} pictures, and should put out a row of classes for each: "
            f"({count}, classes); is its head cut off (include_top=False)?"
        )
    if rows.shape[1] == 1:
        raise ModelFileError(
            f"{name}: puts out one number for a picture; streamclf needs one for each class, so two for yes and no"
        )
    if not np.isfinite(rows).all():
        raise ModelFileError(f"{name}: puts out NaN or infinite numbers for ordinary pictures; are its weights whole?")
    return rows


def check_classes(rows: FloatArray, name: str) -> None:
    """Raise ModelFileError where the rows of several pictures are those of sigmoids: in 0..1, and no softmax made them.

    A network does not always say what it ends in; its numbers do.
    """
    from streamclf.vision.postprocess import softmax_contradiction

    if rows.min() >= 0 and rows.max() <= 1 and softmax_contradiction(rows, False) is None:
        refuse_sigmoid(name)


def refuse_sigmoid(name: str) -> NoReturn:
    """Raise ModelFileError: each class is judged on its own."""
    raise ModelFileError(
        f"{name}: ends in a sigmoid, so it judges every class on its own; streamclf takes networks of one class a picture, with a softmax"
    )
