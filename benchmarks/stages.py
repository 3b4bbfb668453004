"""CPU seconds per frame of each of our own stages alone on one thread, as JSON. Usage: stages.py CLIP MODEL FRAMES"""

import json
import sys
from pathlib import Path

from streamclf.catalogue.find import find_model
from streamclf.sources.video_file import VideoFileSource
from streamclf.stages import engine_cost_s, reading_costs


def main(clip: Path, model_name: str, frames: int) -> None:
    model = find_model(model_name)
    reading = reading_costs(VideoFileSource(clip, "bench", decoder_threads=1), model.card.fit_plan(), frames)
    forward_s = engine_cost_s(model, "opencv", "exact", reading.pictures)
    print(json.dumps({"decode_s": reading.decode_s, "fit_s": reading.fit_s, "forward_s": forward_s}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
