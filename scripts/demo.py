"""The main job once: a clip through a network, into demo-out/ (annotated video, rows, report)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ASSETS = Path(os.environ.get("STREAMCLF_TEST_ASSETS") or REPOSITORY.parent / "shared")
OUT = REPOSITORY / "demo-out"


def main() -> int:
    mirror = Path(os.environ.get("STREAMCLF_MIRROR") or ASSETS / "mirror")
    clip = Path(sys.argv[1]) if len(sys.argv) > 1 else ASSETS / "media" / "video" / "intel_bottle-detection.mp4"
    if not mirror.is_dir():
        print(
            f"demo: no networks in {mirror}; set STREAMCLF_MIRROR to a folder that holds their files", file=sys.stderr
        )
        return 2
    if not clip.is_file():
        print(f"demo: no clip {clip}; name one: python scripts/demo.py CLIP", file=sys.stderr)
        return 2
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    command = [sys.executable, "-m", "streamclf", "run", f"demo={clip}"]
    command += [
        "--save",
        str(OUT / "annotated.mp4"),
        "--results",
        str(OUT / "rows.jsonl"),
        "--report",
        str(OUT / "report.json"),
    ]
    cards = REPOSITORY / "tests" / "cards"
    environment = {**os.environ, "STREAMCLF_MIRROR": str(mirror)}
    environment.setdefault("STREAMCLF_MODELS", str(cards))
    if environment["STREAMCLF_MODELS"] == str(cards):
        command += ["--model", "mobilenet-v2-dequant"]  # float32: surer than the 8-bit one of the catalogue
    code = subprocess.call(command, env=environment)
    print(f"demo: wrote {', '.join(sorted(str(path.relative_to(REPOSITORY)) for path in OUT.iterdir()))}")
    return code


if __name__ == "__main__":
    sys.exit(main())
