"""Write the sample configurations: every option, its help and default, those that fit the occasion set."""

from pathlib import Path
from typing import Any

from streamclf.config import sample_toml

FOLDER = Path(__file__).resolve().parents[1] / "configs"

SAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "webcam.toml": (
        "A webcam at a desk: newest frame first, a window, a mirror.\n\n    streamclf run --config webcam.toml",
        {"sources": ["0"], "camera_size": "1280x720", "camera_fps": 30, "mirror": True, "smooth": 0.7},
    ),
    "video-file.toml": (
        "Recorded files: every frame, annotated video, rows and a report, no window.\n\n"
        "    streamclf run clip.mp4 --config video-file.toml",
        {
            "display": False,
            "save": "annotated-{stream}.mp4",
            "results": "results.jsonl",
            "report": "report.json",
            "overwrite": True,
        },
    ),
    "raspberry-pi.toml": (
        "Headless on a Raspberry Pi: a small picture, a small queue, rows on the card.\n\n"
        "    streamclf run --config raspberry-pi.toml --results door-$(date +%Y%m%d-%H%M%S).jsonl\n\n"
        "A run never replaces the rows of an earlier one, so a service that starts anew names a new file each time, as above.",
        {
            "sources": ["door=/dev/video0"],
            "model": "mobilenet-v1-0.25",
            "queue_mb": 32,
            "camera_size": "640x480",
            "camera_fps": 15,
            "smooth": 1.0,
            "display": False,
        },
    ),
}


def samples() -> dict[str, str]:
    """File names to texts."""
    return {name: sample_toml(title, chosen) for name, (title, chosen) in SAMPLES.items()}


if __name__ == "__main__":
    for name, text in samples().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)
