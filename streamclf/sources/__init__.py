"""Kinds of sources, one file each."""

# OpenCV before PyAV, always: both wheels carry libxcb-shm under one name but different libxcb, and with PyAV's copy loaded first
# OpenCV's first window hangs for ever (opencv-python 4.14 with PyAV 18; either import alone is fine).
import cv2 as _cv2  # noqa: F401
