"""ONNX networks through ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

MADE_BY = f"ONNX Runtime {onnxruntime.__version__}"


def run(weights: Path, x: np.ndarray) -> list[np.ndarray]:
    """Every output, for one picture."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # not its advice about weights that are inputs, too
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})
