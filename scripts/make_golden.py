"""Write what each network says of each picture: tests/golden/NAME.json, a detector's boxes to tests/golden/boxes/NAME.json.

    STREAMCLF_MODELS=tests/cards STREAMCLF_MIRROR=../shared/mirror python scripts/make_golden.py ../shared/media/image tests/golden

tests/golden/test_golden.py and test_golden_boxes.py check them. Look at the difference before committing it: a changed answer is a
changed product.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from streamclf.catalogue.find import list_models
from streamclf.classifier import Classifier
from streamclf.prediction import Prediction


def answers(name: str, pictures: list[Path]) -> dict[str, list[list[object]]]:
    """What is said of every picture."""
    with Classifier(name) as classifier:
        return {
            picture.name: said(classifier.classify(np.asarray(cv2.imread(str(picture)), np.uint8)))
            for picture in pictures
        }


def said(prediction: Prediction) -> list[list[object]]:
    """The five best classes, ``[label, probability]`` at four decimals, or every box with its corners in whole pixels, too."""
    if prediction.boxes is None:
        return [[score.label, round(score.probability, 4)] for score in prediction.scores]
    return [[box.label, round(box.probability, 4), [round(side) for side in box.box_xyxy]] for box in prediction.boxes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", metavar="NAME", help="this network alone")
    arguments = parser.parse_args()
    pictures = sorted(path for path in arguments.pictures.iterdir() if path.suffix in (".jpg", ".png", ".bmp"))
    for entry in list_models():
        if arguments.only not in (None, entry.name):
            continue
        if not entry.available:
            print(f"{entry.name}: left out, its files are not here")
            continue
        path = arguments.out / ("boxes" if entry.card.task == "detection" else "") / f"{entry.name}.json"
        path.parent.mkdir(exist_ok=True)
        rows = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in answers(entry.name, pictures).items()]
        path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
        print(f"{path}: {len(rows)} pictures")


if __name__ == "__main__":
    main()
