"""The plain loop with ONNX Runtime: VideoCapture.read, the blob, session.run."""

from _onnx_runtime import SETTINGS, session
from _peer import Job, Tally, read_frames


def main() -> None:
    job = Job(SETTINGS)
    run = session(job)
    tally = Tally(job.frames)
    for image in read_frames(job.clip):
        tally.add(run(job.blob(image)))
        if tally.full:
            break
    tally.print()


main()
