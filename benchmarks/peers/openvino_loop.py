"""The plain loop with OpenVINO: VideoCapture.read, resize, infer."""

from _openvino import SETTINGS, compiled, prepared
from _peer import Job, Tally, read_frames


def main() -> None:
    job = Job(SETTINGS)
    network = compiled(job)
    request = network.create_infer_request()
    request.infer(prepared(job, job.blank()))
    tally = Tally(job.frames)
    for image in read_frames(job.clip):
        request.infer(prepared(job, image), share_inputs=True)
        tally.add(request.get_output_tensor().data)
        if tally.full:
            break
    tally.print()


main()
