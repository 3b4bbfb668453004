"""An ONNX Runtime session at the setting asked for."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

from _peer import CORES, Job

SETTINGS = ("default", "all-cores", "no-spinning")
"""As it comes; as many threads as cores; the same, whose threads do not spin while the decoder works."""


def session(job: Job) -> Callable[[np.ndarray], Any]:
    """A warm session: blob in, logits out."""
    options = onnxruntime.SessionOptions()
    if job.setting != "default":
        options.intra_op_num_threads = CORES
    if job.setting == "no-spinning":
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    loaded = onnxruntime.InferenceSession(job.network, options, providers=["CPUExecutionProvider"])
    name = loaded.get_inputs()[0].name
    loaded.run(None, {name: job.blob(job.blank())})
    return lambda blob: loaded.run(None, {name: blob})[0]
