"""Real-time video stream classifier."""

__version__ = "0.1.0"
