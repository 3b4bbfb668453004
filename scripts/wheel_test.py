"""Build the wheel, install it into an empty environment, and use it from a folder that has nothing of the checkout."""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ASSETS = Path(os.environ.get("STREAMCLF_TEST_ASSETS") or REPOSITORY.parent / "shared")


def output_of(*command: object, cwd: Path, **environment: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("STREAMCLF_", "PYTHON"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**clean, **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        output_of(sys.executable, "-m", "build", "--wheel", "--outdir", here, cwd=REPOSITORY)
        venv.create(here / "venv", with_pip=True)
        python = here / "venv" / "bin" / "python"
        output_of(python, "-m", "pip", "install", "--quiet", next(here.glob("*.whl")), cwd=here)
        command = here / "venv" / "bin" / "streamclf"
        models = json.loads(output_of(command, "models", "list", "--json", cwd=here, HOME=folder))
        names = {model["name"] for model in models}
        assert names >= {"framecheck", "tiny-darknet", "mobilenet-v1-0.25", "mobilenet-v2-qdq"}, names
        configs = output_of(
            python,
            "-c",
            "from importlib.resources import files; print(*(p.name for p in (files('streamclf') / 'data' / 'configs').iterdir()))",
            cwd=here,
        )
        assert set(configs.split()) >= {"webcam.toml", "video-file.toml", "raspberry-pi.toml"}, configs
        doctor = json.loads(output_of(command, "doctor", "--json", cwd=here, HOME=folder))
        assert not doctor["problems"], doctor["problems"]
        output_of(command, "models", "verify", "framecheck", cwd=here, HOME=folder)
        demo(command, here)
        if (ASSETS / "media").is_dir():
            run(command, here)
    print("wheel: 1 passed, 0 failed")


def demo(command: Path, here: Path) -> None:
    """What comes along is enough for the first command, and how it was trained does not come along."""
    report = json.loads(output_of(command, "demo", "--no-display", "--json", cwd=here, HOME=str(here)))
    assert report["truth"]["segments_right"] == report["truth"]["segments"] > 8, report
    packed = {path.name for path in here.glob("venv/lib/*/site-packages/streamclf/data/models/framecheck/*")}
    assert packed == {"card.toml", "expected.json", "framecheck.onnx", "labels.txt", "README.md"}, packed


def run(command: Path, here: Path) -> None:
    clip = ASSETS / "media" / "video" / "flipping_a_pancake.mkv"
    arguments = [
        "--model",
        "mobilenet-v2-qdq",
        "--no-display",
        "--max-frames",
        20,
        "--results",
        "rows.jsonl",
        "--save",
        "out.mp4",
        "--report",
        "-",
    ]
    text = output_of(
        command, "run", clip, *arguments, cwd=here, STREAMCLF_MIRROR=str(ASSETS / "mirror"), HOME=str(here)
    )
    report = json.loads(text)
    assert report["streams"]["flipping_a_pancake.mkv"]["classified"] == 20, report
    assert len((here / "rows.jsonl").read_text().splitlines()) == 20
    assert (here / "out.mp4").stat().st_size > 10_000


if __name__ == "__main__":
    main()
