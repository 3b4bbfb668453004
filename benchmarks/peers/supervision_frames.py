"""supervision's frame generator, and ONNX Runtime behind it: the library reads and draws, the network is the user's affair."""

import supervision

from _onnx_runtime import SETTINGS, session
from _peer import Job, Tally


def main() -> None:
    job = Job(SETTINGS)
    run = session(job)
    tally = Tally(job.frames)
    for image in supervision.get_video_frames_generator(job.clip):
        tally.add(run(job.blob(image)))
        if tally.full:
            break
    tally.print()


main()
