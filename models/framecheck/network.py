"""The network: one small tower for the overview, one for the tiles, and what they found side by side."""

from __future__ import annotations

import torch
from damage import LABELS
from dataset import PLAN
from torch import Tensor, nn
from torch.nn import functional

HEIGHT = PLAN.size_wh[1]
TILE = HEIGHT // 2
COLUMNS = 2
"""Columns of full-size tiles, then as many of reduced ones, then a flat one; see ``streamclf/vision/overview.py``."""


def _conv(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class FrameCheck(nn.Module):
    """(N, 3, 128, 448) normalised BGR to (N, 9) logits.

    Only operations that cv2.dnn runs alike for every batch size: no reshape, no size taken from the data.
    """

    def __init__(self) -> None:
        super().__init__()
        # Widths are multiples of 16: others take training twice as long.
        self.tiles = nn.Sequential(_conv(3, 16, 2), _conv(16, 32, 2), _conv(32, 32), _conv(32, 80, 2), _conv(80, 80))
        self.tile = nn.Sequential(_conv(160, 64, size=1), _conv(64, 64, size=1))
        self.overview = nn.Sequential(
            _conv(3, 16, 2), _conv(16, 32, 2), _conv(32, 32, 2), _conv(32, 64, 2), _conv(64, 64)
        )
        self.head = nn.Sequential(_conv(6 * 64 + 2 * 64, 96, size=1), nn.Dropout(0.3), nn.Conv2d(96, len(LABELS), 1))

    def forward(self, blob: Tensor) -> Tensor:
        """Logits."""
        overview = self.overview(blob[:, :, :, :HEIGHT])
        places = self.tiles(blob[:, :, :, HEIGHT:])
        size = TILE // 8  # one cell a tile
        tiles = self.tile(torch.cat([functional.avg_pool2d(places, size), functional.max_pool2d(places, size)], 1))
        full, reduced, flat = tiles[:, :, :, :COLUMNS], tiles[:, :, :, COLUMNS:-1], tiles[:, :, :, -1:]
        parts = [
            pool(part, 1)
            for part in (full, reduced, flat, overview)
            for pool in (functional.adaptive_avg_pool2d, functional.adaptive_max_pool2d)
        ]
        return torch.flatten(self.head(torch.cat(parts, 1)), 1)
