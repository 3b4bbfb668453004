"""OpenVINO's AsyncInferQueue: two streams, four requests in flight, while the loop reads and resizes the next frames."""

import numpy as np
from openvino import AsyncInferQueue

from _openvino import SETTINGS, compiled, prepared
from _peer import Job, Tally, read_frames

STREAMS, REQUESTS = 2, 4


def main() -> None:
    job = Job(SETTINGS)
    queue = AsyncInferQueue(compiled(job, STREAMS), REQUESTS)
    for _ in range(REQUESTS):
        queue.start_async(prepared(job, job.blank()))
    queue.wait_all()
    tally = Tally(job.frames)
    # answers come in the order in which they are ready: sorted at the end, as the frames' numbers are known
    answers: dict[int, int] = {}

    def done(request: object, number: int) -> None:
        answers[number] = int(np.argmax(request.get_output_tensor().data))
        tally.add(answers[number])

    queue.set_callback(done)
    for number, image in enumerate(read_frames(job.clip)):
        queue.start_async(prepared(job, image), number)
        if number + 1 == job.frames:
            break
    queue.wait_all()
    tally.print([answers[number] for number in sorted(answers)])


main()
