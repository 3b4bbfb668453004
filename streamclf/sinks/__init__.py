"""Kinds of sinks, one file each."""

import cv2 as _cv2  # noqa: F401  # before PyAV: sources/__init__.py says why
