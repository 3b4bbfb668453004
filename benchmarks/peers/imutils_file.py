"""imutils' FileVideoStream, which reads in a thread of its own into a queue of 128 frames, then cv2.dnn's forward."""

import os
import sys

from imutils.video import FileVideoStream

from _peer import Job, Tally, opencv_net


def main() -> None:
    job = Job(("queue", "transform"))
    net = opencv_net(job)
    tally = Tally(job.frames)
    # it can prepare the pictures in its thread, too: the better of both ways counts
    in_thread = job.setting == "transform"
    stream = FileVideoStream(job.clip, transform=job.blob if in_thread else None).start()
    while stream.more():
        image = stream.read()
        if image is None:  # how it says that the clip has ended
            break
        net.setInput(image if in_thread else job.blob(image))
        tally.add(net.forward())
        if tally.full:
            break
    tally.print()
    sys.stdout.flush()
    os._exit(0)  # its thread waits for room in a queue that nobody reads any more


main()
