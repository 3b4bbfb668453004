"""What every peer shares: its arguments, how pictures become the network's input, when a frame is finished, what is printed.

The rule for all: the network is loaded and has answered once before anything is measured; then the time runs from the first
finished frame to the last one. ``top1`` is printed so that it is seen that all do the same work.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Job:
    """A peer's arguments: ``PEER.py CLIP NETWORK.onnx SPEC.json FRAMES [SETTING]``."""

    def __init__(self, settings: tuple[str, ...] = ("default",)):
        parser = argparse.ArgumentParser()
        parser.add_argument("clip")
        parser.add_argument("network")
        parser.add_argument("spec", type=Path)
        parser.add_argument("frames", type=int)
        parser.add_argument("setting", nargs="?", choices=settings, default=settings[0])
        given = parser.parse_args()
        self.clip: str = given.clip
        self.network: str = given.network
        self.frames: int = given.frames
        self.setting: str = given.setting
        self._spec: dict[str, Any] = json.loads(given.spec.read_text())
        self.side: int = self._spec["side"]
        self.is_rgb = self._spec["channels"] == "rgb"
        self._std = np.float32(self._spec.get("std", [1.0] * 3))
        # what blobFromImage takes: a mean in levels from 0 to 255, in the channels' final order
        self._levels = [mean / self._spec["scale"] for mean in self._spec["mean"]]

    @property
    def mean(self) -> list[float]:
        """In levels from 0 to 255, in the network's order of channels."""
        return self._levels

    @property
    def scale(self) -> list[float]:
        """What a level has to be divided by after the mean went off, in the network's order of channels."""
        return [float(std / self._spec["scale"]) for std in self._std]

    def blob(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 BGR to (1, 3, side, side) float32, resized linearly, as OpenCV's classification sample does it."""
        size = (self.side, self.side)
        blob = cv2.dnn.blobFromImage(image, self._spec["scale"], size, self._levels, swapRB=self.is_rgb, crop=False)
        if "std" in self._spec:
            blob /= self._std.reshape(1, 3, 1, 1)
        return blob

    def blank(self) -> np.ndarray:
        """A black picture, to warm up."""
        return np.zeros((self.side, self.side, 3), np.uint8)


class Tally:
    """Counts finished frames; ``full`` after the last one wanted."""

    def __init__(self, frames: int):
        self._frames = frames
        self._top1: list[int] = []
        self._first_s = self._last_s = 0.0

    @property
    def full(self) -> bool:
        return len(self._top1) >= self._frames

    def add(self, output: Any) -> None:
        """The network's numbers for the next frame."""
        self._top1.append(int(np.argmax(output)))
        self._last_s = time.perf_counter()
        if len(self._top1) == 1:
            self._first_s = self._last_s

    def print(self, in_order: list[int] | None = None) -> None:
        """JSON: frames a second between the first and the last one; the answers ``in_order`` where they came in another."""
        seconds = self._last_s - self._first_s
        count = len(self._top1)
        fps = (count - 1) / seconds if seconds > 0 else None
        print(json.dumps({"fps": fps, "frames": count, "seconds": seconds, "top1": in_order or self._top1}))


def read_frames(clip: str) -> Iterator[np.ndarray]:
    """The plain loop over ``VideoCapture.read``."""
    capture = cv2.VideoCapture(clip)
    while True:
        ok, image = capture.read()
        if not ok:
            return
        yield image


def opencv_net(job: Job) -> cv2.dnn.Net:
    """cv2.dnn with its default threads, warm."""
    net = cv2.dnn.readNetFromONNX(job.network)
    net.setInput(job.blob(job.blank()))
    net.forward()
    return net
