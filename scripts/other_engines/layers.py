"""What the networks of Caffe and Darknet are made of, in plain numpy: pictures are (C, H, W) float32."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def convolution(
    x: np.ndarray, weights: np.ndarray, bias: np.ndarray, stride: int = 1, pad: int = 0, groups: int = 1
) -> np.ndarray:
    """``weights`` (out, C / groups, k, k); zeros around the picture."""
    size = weights.shape[2]
    around = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    windows = sliding_window_view(around, (size, size), (1, 2))[:, ::stride, ::stride]
    each, every = x.shape[0] // groups, weights.shape[0] // groups
    parts = [
        np.tensordot(weights[g * every : (g + 1) * every], windows[g * each : (g + 1) * each], ((1, 2, 3), (0, 3, 4)))
        for g in range(groups)
    ]
    return np.concatenate(parts) + bias[:, None, None]


def max_pool(x: np.ndarray, size: int, stride: int, before: int, after: int) -> np.ndarray:
    """With ``before`` and ``after`` places around the picture that never win."""
    around = np.pad(x, ((0, 0), (before, after), (before, after)), constant_values=-np.inf)
    return sliding_window_view(around, (size, size), (1, 2))[:, ::stride, ::stride].max((3, 4))


def mean_pool(x: np.ndarray) -> np.ndarray:
    """(C,), the mean of all places."""
    return x.mean((1, 2))


def softmax(x: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    powers = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x.astype(np.float64)))
