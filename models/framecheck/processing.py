"""Processing: what a camera does to every picture, and what a recorder writes over it; none of it is damage."""

from __future__ import annotations

import cv2
import numpy as np
from pixels import FONTS, LEVELS, Rng, luma, word

from streamclf.frame import Image


def processing(image: Image, rng: Rng) -> Image:
    """White balance, gamma, saturation and sharpening within what cameras do."""
    out = image
    if rng.random() < 0.5:
        gains = rng.uniform(0.93, 1.07, 3) if rng.random() < 0.8 else rng.uniform(0.8, 1.15, 3)
        gamma = rng.uniform(0.88, 1.12)
        curves = [np.clip(255 * (LEVELS / 255) ** gamma * gain, 0, 255) for gain in gains]
        out = np.asarray(cv2.LUT(out, np.dstack(curves).round().astype(np.uint8)), np.uint8)
    if rng.random() < 0.25:
        amount = rng.uniform(0.1, 0.6)
        soft = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.8, 1.6))
        out = np.asarray(cv2.addWeighted(out, 1 + amount, soft, -amount, 0), np.uint8)
    if rng.random() < 0.12:
        grey = cv2.cvtColor(luma(out), cv2.COLOR_GRAY2BGR)
        share = 1.0 if rng.random() < 0.6 else rng.uniform(0.3, 0.9)
        out = np.asarray(cv2.addWeighted(out, 1 - share, grey, share, 0), np.uint8)
    return out


def overlay(image: Image, rng: Rng) -> Image:
    """A clock and a camera's name, as recorders write them: always sharp, whatever the picture is."""
    height, width = image.shape[:2]
    out = image.copy()
    lines = min(height, width)
    for _ in range(int(rng.integers(1, 3))):
        size = max(0.3, lines / 720 * rng.uniform(0.7, 2.0))
        numbers = rng.integers(0, 60, 6)
        text = "20{:02d}-{:02d}-{:02d} {:02d}:{:02d}:{:02d}".format(*numbers % (60, 12, 28, 24, 60, 60))
        if rng.random() < 0.4:
            text = f"CAM {numbers[0]} {word(rng)}".upper()
        font, thick = int(rng.choice(FONTS)), max(1, round(size * 1.6))
        (text_w, text_h), _ = cv2.getTextSize(text, font, size, thick)
        margin = round(lines * 0.03)
        x = margin if rng.random() < 0.5 else max(0, width - text_w - margin)
        y = text_h + margin if rng.random() < 0.5 else height - margin
        if rng.random() < 0.4:
            cv2.rectangle(out, (x - 3, y - text_h - 4), (x + text_w + 3, y + 5), (0, 0, 0), -1)
        else:
            cv2.putText(out, text, (x, y), font, size, (0, 0, 0), thick + 2, cv2.LINE_AA)
        cv2.putText(out, text, (x, y), font, size, (255, 255, 255), thick, cv2.LINE_AA)
    return out


def bars(image: Image, rng: Rng) -> Image:
    """Black bars above and below, or left and right, as when formats are mixed."""
    out = image.copy()
    share = rng.uniform(0.05, 0.14)
    if rng.random() < 0.5:
        side = round(out.shape[0] * share)
        out[:side] = out[out.shape[0] - side :] = 0
    else:
        side = round(out.shape[1] * share)
        out[:, :side] = out[:, out.shape[1] - side :] = 0
    return out
