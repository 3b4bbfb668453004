"""A reader thread, a processing thread and queues between them, in the manner of OpenCV's object_detection sample.

The sample's asynchronous forward (``--async``) needs the Inference Engine backend, which the wheels on PyPI are built without:
on the CPU target ``forwardAsync`` refuses. So its other way is taken, one forward pass after the other. The sample drops
frames that the network cannot keep up with; here none may be lost, so the reader waits for room.
"""

import os
import queue
import sys
import threading

from _peer import Job, Tally, opencv_net, read_frames

WAITING = 16


def main() -> None:
    job = Job()
    net = opencv_net(job)
    frames: queue.Queue = queue.Queue(WAITING)
    answers: queue.Queue = queue.Queue()

    def read() -> None:
        for image in read_frames(job.clip):
            frames.put(image)
        frames.put(None)

    def process() -> None:
        while (image := frames.get()) is not None:
            net.setInput(job.blob(image))
            answers.put(net.forward())
        answers.put(None)

    for work in (read, process):
        threading.Thread(target=work, daemon=True).start()
    tally = Tally(job.frames)
    while not tally.full and (answer := answers.get()) is not None:
        tally.add(answer)
    tally.print()
    sys.stdout.flush()
    os._exit(0)  # the reader may still wait for room


main()
