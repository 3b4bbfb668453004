"""What a tutorial does: VideoCapture.read, blobFromImage, forward, at OpenCV's default threads."""

from _peer import Job, Tally, opencv_net, read_frames


def main() -> None:
    job = Job()
    net = opencv_net(job)
    tally = Tally(job.frames)
    for image in read_frames(job.clip):
        net.setInput(job.blob(image))
        tally.add(net.forward())
        if tally.full:
            break
    tally.print()


main()
