"""What every use of OpenCV's dnn module shares: reading a network of any framework, saying what went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from streamclf.catalogue.card import NEEDS_CONFIG, FileRole, Framework
from streamclf.errors import EngineError

_SILENT = 0  # OpenCV's LOG_LEVEL_SILENT

READERS: dict[Framework, str] = {
    "caffe": "readNetFromCaffe",
    "tensorflow": "readNetFromTensorflow",
    "torch": "readNetFromTorch",
    "darknet": "readNetFromDarknet",
    "onnx": "readNetFromONNX",
}
# cv2's messages may hold bytes of the broken file that are no text.
FAULTS = (cv2.error, UnicodeError, SystemError, MemoryError)


def read_net(name: str, framework: Framework, paths: Mapping[FileRole, Path]) -> Any:
    """The cv2 net of these files; raises EngineError, where ``name`` is the network's."""
    reader = getattr(cv2.dnn, READERS[framework], None)
    if reader is None:
        raise EngineError(
            f"{name}: OpenCV {cv2.__version__} does not read {framework} networks; install opencv-python below 5, or "
            "take a network in ONNX form"
        )
    config_first: tuple[FileRole, ...] = ("config", "weights")
    order = config_first if framework in NEEDS_CONFIG else config_first[::-1]
    files = [str(paths[role]) for role in order if role in paths]
    try:
        net = reader(*files)
    except FAULTS as error:
        raise EngineError(f"{' and '.join(files)}: not a readable {framework} network{in_words(error)}") from error
    if net.empty():
        raise EngineError(f"{' and '.join(files)}: holds no {framework} network")
    return net


def in_words(error: BaseException) -> str:
    """What cv2 says, in brackets, where a person can use it; most often it is a condition from its sources."""
    text = " ".join((getattr(error, "err", "") or str(error)).replace(">", " ").split())
    unknown = re.search(r"Can't create layer .* of type \"([^\"]+)\"|Unknown layer type: (\S+)", text)
    if unknown:
        return f" (OpenCV {cv2.__version__} knows no layer of the type {unknown[1] or unknown[2]})"
    node = re.search(r"Node \[([^@\]]+)[^\]]*\]:\((?:onnx_node!)?([^)]*)\) parse error", text)
    if node:
        return f" (OpenCV {cv2.__version__} fails at its node {node[2]}, a {node[1]})"
    text = re.split(r"(?<=.)[: ]*OpenCV\(\d", text, maxsplit=1)[0]  # where it quotes one of its own messages
    empty = "Failed to parse" in text or text.startswith("Transpose the weights")  # said of any broken file
    if empty or not re.search(r"([A-Za-z']+,? ){3}[A-Za-z']{2,}", text):
        return ""
    return f" ({text if len(text) <= 160 else text[:157] + '...'})"


@contextmanager
def quiet_cv2() -> Iterator[None]:
    """cv2 prints what it then raises: nothing of it while a network is read and tried out."""
    logging: Any = getattr(cv2.utils, "logging", cv2)  # where the two functions are depends on the release of OpenCV 4
    level = logging.getLogLevel()
    logging.setLogLevel(_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)
