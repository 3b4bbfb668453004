"""What a tutorial does: VideoCapture.read -> blobFromImage -> forward, at OpenCV's default threads. Prints JSON.

Usage: plain_loop.py CLIP PROTOTXT CAFFEMODEL FRAMES
"""

import json
import sys
import time

import cv2


def main(clip: str, prototxt: str, caffemodel: str, frames: int) -> None:
    net = cv2.dnn.readNetFromCaffe(prototxt, caffemodel)
    capture = cv2.VideoCapture(clip)
    finished = []
    while len(finished) < frames:
        ok, image = capture.read()
        if not ok:
            break
        net.setInput(cv2.dnn.blobFromImage(image, 1.0, (227, 227), (104, 117, 123)))
        net.forward().reshape(-1).argmax()
        finished.append(time.perf_counter())
    print(json.dumps({"fps": (len(finished) - 1) / (finished[-1] - finished[0]), "frames": len(finished)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
