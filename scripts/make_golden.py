"""Write what each network says of each picture: tests/golden/NAME.json, checked by tests/golden/test_golden.py.

    STREAMCLF_MODELS=tests/cards STREAMCLF_MIRROR=../shared/mirror python scripts/make_golden.py ../shared/media/image tests/golden

Look at the difference before committing it: a changed answer is a changed product.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from streamclf.catalogue.find import list_models
from streamclf.classifier import Classifier


def answers(name: str, pictures: list[Path]) -> dict[str, list[list[object]]]:
    """The five best classes of every picture, ``[label, probability]``, at four decimals."""
    with Classifier(name) as classifier:
        return {
            picture.name: [
                [score.label, round(score.probability, 4)]
                for score in classifier.classify(np.asarray(cv2.imread(str(picture)), np.uint8)).scores
            ]
            for picture in pictures
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    pictures = sorted(path for path in arguments.pictures.iterdir() if path.suffix in (".jpg", ".png", ".bmp"))
    for entry in list_models():
        if not entry.available:
            print(f"{entry.name}: left out, its files are not here")
            continue
        path = arguments.out / f"{entry.name}.json"
        rows = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in answers(entry.name, pictures).items()]
        path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
        print(f"{path}: {len(rows)} pictures")


if __name__ == "__main__":
    main()
