"""An OpenVINO network with its preparation built in, as its documentation recommends (PrePostProcessor).

The picture goes in as bytes, (1, side, side, 3) BGR, resized by cv2: mean, scale, channel order and layout become part of the
network. OpenVINO can resize, too (``graph-resize``), which costs more at these sizes; the better way counts.
"""

from typing import Any

import cv2
import numpy as np
import openvino
from openvino.preprocess import ColorFormat, PrePostProcessor, ResizeAlgorithm

from _peer import CORES, Job

SETTINGS = ("f32", "f32+graph-resize", "default", "default+graph-resize")
"""All in float32, or in what OpenVINO chooses: bf16 where the processor has it."""


def prepared(job: Job, image: np.ndarray) -> np.ndarray:
    """The picture as the network takes it."""
    if job.setting.endswith("graph-resize"):
        return image[None]
    return cv2.resize(image, (job.side, job.side), interpolation=cv2.INTER_LINEAR)[None]


def compiled(job: Job, streams: int | None = None) -> Any:
    """The compiled network: one request at a time at the lowest latency, or that many streams."""
    core = openvino.Core()
    model = core.read_model(job.network)
    steps = PrePostProcessor(model)
    tensor = steps.input().tensor()
    tensor.set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC")).set_color_format(ColorFormat.BGR)
    work = steps.input().preprocess()
    if job.setting.endswith("graph-resize"):
        tensor.set_spatial_dynamic_shape()
        work.resize(ResizeAlgorithm.RESIZE_LINEAR)
    work.convert_element_type(openvino.Type.f32)
    if job.is_rgb:
        work.convert_color(ColorFormat.RGB)
    work.mean(job.mean).scale(job.scale)
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    model = steps.build()
    if not job.setting.endswith("graph-resize"):
        model.reshape([1, job.side, job.side, 3])
    options: dict[str, Any] = {"INFERENCE_NUM_THREADS": CORES}
    if job.setting.startswith("f32"):
        options["INFERENCE_PRECISION_HINT"] = "f32"
    options |= {"NUM_STREAMS": streams} if streams else {"PERFORMANCE_HINT": "LATENCY"}
    return core.compile_model(model, "CPU", options)
