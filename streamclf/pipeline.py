"""Threads and their one lifecycle: capture threads -> Inbox -> classify lanes -> Results -> whoever polls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING

from streamclf.answers import Answered, Answers
from streamclf.capture import Capture, Prepared
from streamclf.channel import Batch, DropPolicy, Inbox, Results
from streamclf.engine import Engine, EngineInfo, EngineLoader
from streamclf.errors import ChannelClosed, StageStuck
from streamclf.prediction import Latency, Prediction
from streamclf.source import FrameSource
from streamclf.stats import Cancellation, Clock, Ending, RunStats, StatsBoard

if TYPE_CHECKING:
    from streamclf.interpreter import Interpreter


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """How frames wait, which are kept, and how answers are smoothed. Defaults live in the configuration, not here."""

    live_queue_frames: int
    recorded_queue_frames: int
    queue_bytes: int
    smooth_s: float
    threshold: float
    drop: DropPolicy | None = None
    """None: ``oldest`` for live sources, ``never`` for recorded ones."""
    frame_step: int = 1
    target_fps: Fraction | None = None
    """Not both; ``thinning`` says what they mean."""
    max_frames: int | None = None
    realtime: bool = False
    """Play recorded sources at their own pace, as if they were live."""
    join_timeout_s: float = 5.0


class Pipeline:
    """Runs sources through one network. A context manager: entering opens and loads, leaving ends every thread.

    The sources run from the first ``poll`` on, so that outputs can be opened once the network is known to work.
    ``poll`` and iteration give predictions in the order of each stream and raise or stop at the end. Leaving raises the first
    failure of any stage in its own type, with a note naming the stage; one of the body's own goes on with such notes added.
    """

    def __init__(
        self,
        sources: Sequence[FrameSource],
        loader: EngineLoader,
        interpreter: Interpreter,
        options: PipelineOptions,
        clock: Clock = time.monotonic,
    ):
        self._loader, self._interpreter, self._options, self._clock = loader, interpreter, options, clock
        self.pictures = True
        """Keep full-size pictures for whoever polls; settled by the first ``poll``."""
        self._board = StatsBoard(clock)
        self._inbox: Inbox[Prepared] = Inbox(options.queue_bytes, self._board.dropped, self._board.queue_bytes)
        self._results: Results[Answered] = Results(max_items=2)
        self._answers = Answers(self._results, interpreter, options.smooth_s, options.threshold, self._nonsense)
        self._sources = {source.name: source for source in sources}
        if len(self._sources) < len(sources):
            raise ValueError(f"{', '.join(source.name for source in sources)}: two sources have one name; rename one")
        self._captures = {source.name: Capture(source, self._inbox, self._board, options, clock) for source in sources}
        self._idle = list(sources)
        """Not yet owned by a thread, which then closes them."""
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []
        self._lock = threading.Lock()
        self._lanes_running = 0
        self._engine_info: EngineInfo | None = None

    @property
    def stats(self) -> RunStats:
        """The run's numbers now."""
        for source in self._sources.values():
            self._board.corrupt(source.name, source.corrupt)
        return self._board.snapshot(self._interpreter.name, self._engine_label)

    @property
    def engine_info(self) -> EngineInfo:
        """What the engine really runs on; valid once entered."""
        if self._engine_info is None:
            raise ValueError("the pipeline was not entered")
        return self._engine_info

    @property
    def _engine_label(self) -> str:
        return self._engine_info.label if self._engine_info else ""

    @property
    def failures(self) -> Sequence[BaseException]:
        """What went wrong so far, first one first; a failed source is here while the others go on."""
        return tuple(self._failures)

    @property
    def streams(self) -> dict[str, FrameSource]:
        """The sources by their stream's name."""
        return dict(self._sources)

    def is_live(self, source: FrameSource) -> bool:
        """Whether ``source`` is treated as live: it is, or plays at its own pace. Final once it has opened."""
        return self._captures[source.name].is_live

    def __enter__(self) -> Pipeline:
        """Open what is recorded, then load the network in its lanes."""
        try:
            for source in self._sources.values():
                if not source.is_live:
                    with _stage(f"open {source.name}"):
                        self._captures[source.name].open()
            self._start_lanes()
        except BaseException as failure:
            self._end(failure)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every thread; raise the first failure, unless one is on its way already."""
        if isinstance(failure, Exception):
            failure.add_note("in stage: consumer")
        first = self._end(failure)
        if failure is None and first is not None:
            raise first

    def poll(self, timeout_s: float | None = None, limit: int | None = None) -> list[Prediction]:
        """What was classified since: at least one prediction, or ``[]`` when nothing came within ``timeout_s``.

        A prediction counts as delivered, and its picture no longer as queued, once it is returned: with ``limit`` 1 nothing but
        the one in hand leaves the queue.

        Raises:
            ChannelClosed: the run has ended and everything was handed out.
            ValueError: ``limit`` is below 1.
        """
        if limit is not None and limit < 1:
            raise ValueError(f"limit {limit}: must be at least 1")
        if not self._threads:
            raise ValueError("the pipeline was not entered; use it in a with statement")
        while self._idle and not self._inbox.cancelled:
            self._start(f"capture {self._idle[0].name}", self._capture, self._idle[0])
            del self._idle[0]
        return [self._deliver(self._answers.pop()) for _ in range(self._answers.wait(timeout_s, limit))]

    def __iter__(self) -> Iterator[Prediction]:
        """Predictions until the run ends."""
        while True:
            try:
                yield from self.poll(limit=1)
            except ChannelClosed:
                return

    def written(self, prediction: Prediction) -> None:
        """Every sink has had ``prediction``: counts towards the sink rate."""
        self._board.written(prediction.frame.stream)

    def stop(self) -> None:
        """End the run in good order: what waits is dropped and counted, what was classified is still handed out.

        Any thread, and a signal handler, may call it.
        """
        self._inbox.cancel("stopped")

    # ---- starting and ending

    def _start(self, name: str, body: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=body, args=arguments, name=f"streamclf {name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _start_lanes(self) -> None:
        """One lane after the other, so that the first proves the batch sizes alone; raises what a load raises."""
        lanes = self._lanes_running = self._loader.lanes
        self._results.max_items = 2 if lanes == 1 else max(16, 4 * lanes)
        if lanes > 1:  # as for recorded sources only: nobody waits for a single frame
            self._inbox.by_halves, self._results.wake_at = True, 8
        for number in range(lanes):
            loaded = threading.Event()
            self._start(f"classify {number}", self._classify, loaded)
            loaded.wait()
            if self._failures:
                raise self._failures[0]

    def _end(self, failure: BaseException | None) -> BaseException | None:
        """Cancel every channel, join every thread under one deadline; the first failure, with the later ones in its notes."""
        self._inbox.cancel("failed" if isinstance(failure, Exception) else "stopped")
        cause = self._inbox.cancelled or "stopped"
        self._close_idle(cause)
        self._lose(self._answers.cancel(), cause)
        stuck = self._join()
        if stuck or not isinstance(failure, Exception | None):
            self._board.settle(cause)
        self._board.finish()
        failures = ([] if failure is None else [failure]) + self._failures + stuck
        for later in failures[1:]:
            if later is not failures[0]:
                failures[0].add_note(f"also: {', '.join([f'{type(later).__name__}: {later}', *_notes(later)])}")
        return failures[0] if failures else None

    def _close_idle(self, cause: Cancellation) -> None:
        while self._idle:
            source = self._idle.pop()
            self._board.ended(source.name, cause)
            try:
                source.close()
            except Exception as failure:
                self._fail(f"close {source.name}", failure)

    def _join(self) -> list[BaseException]:
        deadline = time.monotonic() + self._options.join_timeout_s
        started = [thread for thread in self._threads if thread.ident is not None]
        for thread in started:
            thread.join(max(0.0, deadline - time.monotonic()))
        stuck = ", ".join(thread.name for thread in started if thread.is_alive())
        return [StageStuck(f"{stuck}: did not end within {self._options.join_timeout_s:g} s")] if stuck else []

    def _fail(self, stage: str, failure: BaseException) -> None:
        failure.add_note(f"in stage: {stage}")
        with self._lock:
            self._failures.append(failure)

    def _lose(self, items: Iterable[Prepared | Answered], cause: Cancellation) -> None:
        for item in items:
            self._board.dropped(item.frame.stream, cause)
            self._inbox.release(item.frame.stream, item.nbytes)

    # ---- capture threads

    def _capture(self, source: FrameSource) -> None:
        ending: Ending = "failed"
        error: str | None = None
        try:
            ending = self._captures[source.name].run(self._interpreter.plan, self.pictures)
        except BaseException as failure:
            error = str(failure) or type(failure).__name__
            self._fail(f"capture {source.name}", failure)
        finally:
            self._board.ended(source.name, ending, error)

    # ---- classify lanes

    def _classify(self, loaded: threading.Event) -> None:
        try:
            with closing(self._loader.load()) as engine:
                self._engine_info = engine.info
                loaded.set()
                self._serve(engine)
        except BaseException as failure:
            self._abort(failure)
        finally:
            loaded.set()

    def _abort(self, failure: BaseException) -> None:
        """Nothing can be classified any more: whoever waits anywhere is told at once."""
        self._fail("classify", failure)
        self._inbox.cancel("failed")
        self._results.close()

    def _serve(self, engine: Engine) -> None:
        """Batch after batch until nothing more comes, or is wanted. The last lane to end closes the results."""
        try:
            while True:
                self._pass_on(engine, self._inbox.take(engine.info.batch_sizes, engine.info.best_batch))
        except ChannelClosed:
            with self._lock:
                self._lanes_running -= 1
                last = not self._lanes_running
            if last:
                self._results.close()
        except BaseException as failure:
            self._abort(failure)

    def _pass_on(self, engine: Engine, batch: Batch[Prepared]) -> None:
        cause: Cancellation = "failed"
        try:
            answered = self._answer(engine, batch)
            try:
                self._results.put(batch.ticket, answered)
            except ChannelClosed:
                cause = self._inbox.cancelled or "failed"
                raise
        except BaseException:
            self._lose(batch.items, cause)
            raise

    def _answer(self, engine: Engine, batch: Batch[Prepared]) -> list[Answered]:
        import numpy as np

        taken_s = self._clock()
        plan = self._interpreter.plan
        fitted = [item.frame.picture.fit(plan) if item.fitted is None else item.fitted for item in batch.items]
        started_s = self._clock()
        outputs = engine.run(fitted[0][None] if len(fitted) == 1 else np.stack(fitted))
        infer_ms = (self._clock() - started_s) * 1e3
        self._board.forwarded(item.stream for item in batch.items)
        return [
            Answered(
                item.frame if self.pictures else item.frame.without_picture(),
                outputs if len(fitted) == 1 else {name: output[at : at + 1] for name, output in outputs.items()},
                item.nbytes,
                item.gaps,
                (taken_s - item.queued_s) * 1e3,
                infer_ms,
            )
            for at, item in enumerate(batch.items)
        ]

    # ---- whoever polls

    def _nonsense(self, failure: Exception, lost: Sequence[Answered]) -> None:
        self._abort(failure)
        self._lose(lost, "failed")

    def _deliver(self, answered: Answered) -> Prediction:
        frame = answered.frame
        latency = Latency(answered.queue_ms, answered.infer_ms, (self._clock() - frame.captured_s) * 1e3)
        self._inbox.release(frame.stream, answered.nbytes)
        self._board.classified(frame.stream, latency.queue_ms, latency.infer_ms, latency.total_ms)
        return self._answers.finish(answered, latency, self._engine_label)


@contextmanager
def _stage(name: str) -> Iterator[None]:
    try:
        yield
    except BaseException as failure:
        failure.add_note(f"in stage: {name}")
        raise


def _notes(failure: BaseException) -> list[str]:
    return getattr(failure, "__notes__", [])
