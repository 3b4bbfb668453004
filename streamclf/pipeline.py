"""Threads and their one lifecycle: capture threads -> Inbox -> classify lanes -> Results -> whoever polls."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING

from streamclf.channel import Batch, DropPolicy, Inbox, Results
from streamclf.engine import Engine, EngineInfo, EngineLoader
from streamclf.errors import ChannelClosed, StageStuck
from streamclf.frame import Frame, Image
from streamclf.prediction import Latency, Prediction
from streamclf.source import FrameSource
from streamclf.stats import Clock, DropCause, Ending, RunStats, StatsBoard
from streamclf.vision.smoothing import Smoother

if TYPE_CHECKING:
    from streamclf.classifier import Interpreter


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
    max_frames: int | None = None
    realtime: bool = False
    """Play recorded sources at their own pace, as if they were live."""
    join_timeout_s: float = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A frame on its way to the network: what waits in the Inbox.

    Recorded frames are fitted before they wait (small things wait, and the work runs beside the network); live ones when they
    are taken (a dropped frame then costs only its decoding).
    """

    frame: Frame
    fitted: Image | None
    batch_key: tuple[int, int]
    """The size of the network's input."""
    queued_s: float

    @property
    def stream(self) -> str:
        """Whose lane."""
        return self.frame.stream

    @property
    def nbytes(self) -> int:
        """The picture's bytes as long as it is kept, plus the fitted input's."""
        return self.frame.picture.nbytes + (0 if self.fitted is None else self.fitted.nbytes)


@dataclass(frozen=True, slots=True, eq=False)
class _Classified:
    prediction: Prediction
    nbytes: int
    queue_ms: float
    infer_ms: float


class Pipeline:
    """Runs sources through one network. A context manager: entering opens and loads, leaving ends every thread.

    The sources run from the first ``poll`` on, so that outputs can be opened once the network is known to work.
    ``poll`` and iteration give predictions in the order of each stream and raise or stop at the end. Leaving raises the first
    failure of any stage in its own type, with a note naming the stage.
    """

    def __init__(
        self,
        sources: Sequence[FrameSource],
        loader: EngineLoader,
        interpreter: Interpreter,
        options: PipelineOptions,
        clock: Clock = time.monotonic,
    ):
        self._sources, self._loader, self._interpreter, self._options = sources, loader, interpreter, options
        self.pictures = True
        """Keep full-size pictures for whoever polls; settled by the first ``poll``."""
        self._clock = clock
        self._board = StatsBoard(clock)
        self._inbox: Inbox[Prepared] = Inbox(options.queue_bytes, self._board.dropped, self._board.queue_bytes)
        self._results: Results[_Classified] = Results(max_items=max(16, 4 * loader.lanes))
        self._smoothers: dict[str, Smoother] = {}
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []
        self._lock = threading.Lock()
        self._lanes_running = 0
        self._engine_info: EngineInfo | None = None
        self._capturing = self._stopped = False

    @property
    def stats(self) -> RunStats:
        """The run's numbers now."""
        for source in self._sources:
            self._board.corrupt(source.name, source.corrupt)
        target = self._engine_info.effective_target if self._engine_info else ""
        return self._board.snapshot(self._interpreter.name, target)

    @property
    def engine_info(self) -> EngineInfo:
        """What the engine really runs on; valid once entered."""
        if self._engine_info is None:
            raise ValueError("the pipeline was not entered")
        return self._engine_info

    @property
    def failures(self) -> Sequence[BaseException]:
        """What went wrong so far, first one first; a failed source is here while the others go on."""
        return tuple(self._failures)

    @property
    def streams(self) -> dict[str, FrameSource]:
        """The sources by their stream's name."""
        return {source.name: source for source in self._sources}

    def is_live(self, source: FrameSource) -> bool:
        """Whether ``source`` is treated as live: it is, or plays at its own pace."""
        return source.is_live or self._options.realtime

    def __enter__(self) -> Pipeline:
        """Open what is recorded, then load the network in its lanes."""
        try:
            for source in self._sources:
                live = self.is_live(source)
                if not source.is_live:
                    source.open()
                self._inbox.add_lane(source.name, self._policy(live), self._queue_frames(live), live)
                self._board.add_stream(source.name, live, None if source.is_live else source.info.frame_count)
            self._start_lanes()
        except BaseException:
            self._shut("failed")
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every thread; raise the first failure, unless one is on its way already."""
        stuck = self._shut("stopped" if failure is None else "failed")
        if failure is None and self._failures:
            raise self._failures[0]
        if failure is None and stuck:
            raise stuck

    def poll(self, timeout_s: float | None = None) -> list[Prediction]:
        """What was classified since: at least one prediction, or ``[]`` when nothing came within ``timeout_s``.

        Raises:
            ChannelClosed: the run has ended and everything was handed out.
        """
        if not self._capturing and not self._inbox.cancelled:
            self._capturing = True
            for source in self._sources:
                self._start(f"capture {source.name}", self._capture, source)
        return [self._deliver(classified) for classified in self._results.poll(timeout_s)]

    def __iter__(self) -> Iterator[Prediction]:
        """Predictions until the run ends."""
        while True:
            try:
                yield from self.poll()
            except ChannelClosed:
                return

    def written(self, prediction: Prediction) -> None:
        """Every sink has had ``prediction``: counts towards the sink rate."""
        self._board.written(prediction.frame.stream)

    def stop(self) -> None:
        """End the run in good order: what waits is dropped and counted, what was classified is still handed out."""
        self._stopped = True
        self._inbox.cancel("stopped")

    def _policy(self, live: bool) -> DropPolicy:
        return self._options.drop or ("oldest" if live else "never")

    def _queue_frames(self, live: bool) -> int:
        return self._options.live_queue_frames if live else self._options.recorded_queue_frames

    def _start(self, name: str, body: object, *arguments: object) -> None:
        thread = threading.Thread(target=body, args=arguments, name=f"streamclf {name}", daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _start_lanes(self) -> None:
        """One lane after the other, so that the first proves the batch sizes alone; raises what a load raises."""
        for number in range(self._loader.lanes):
            loaded = threading.Event()
            with self._lock:
                self._lanes_running += 1
            self._start(f"classify {number}", self._classify, loaded)
            loaded.wait()
            if self._failures:
                raise self._failures[0]

    def _shut(self, cause: DropCause) -> StageStuck | None:
        """Cancel every channel, join every thread under one deadline; the stuck ones as an error."""
        self._inbox.cancel(cause)
        if not self._capturing:  # else each capture thread closes its own
            for source in self._sources:
                source.close()
        deadline = time.monotonic() + self._options.join_timeout_s
        for classified in self._results.cancel():
            self._board.dropped(classified.prediction.frame.stream, cause)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        stuck = [thread.name for thread in self._threads if thread.is_alive()]
        if not stuck:
            return None
        return StageStuck(f"{', '.join(stuck)}: did not end within {self._options.join_timeout_s:g} s")

    def _fail(self, stage: str, failure: BaseException) -> None:
        failure.add_note(f"in stage: {stage}")
        with self._lock:
            self._failures.append(failure)

    # ---- capture threads

    def _capture(self, source: FrameSource) -> None:
        ending: Ending = "eof"
        error: str | None = None
        try:
            source.open()
            self._settle(source)
            ending = self._read(source)
        except ChannelClosed:
            ending = "stopped" if self._stopped or not self._failures else "failed"
        except BaseException as failure:
            ending, error = "failed", str(failure)
            self._fail(f"capture {source.name}", failure)
        finally:
            self._board.ended(source.name, ending, error)
            self._inbox.close_lane(source.name)
            source.close()

    def _settle(self, source: FrameSource) -> None:
        """Now that the source is open it is known whether it ends by itself."""
        self._board.frame_count(source.name, source.info.frame_count)
        live = self.is_live(source)
        self._inbox.set_lane(source.name, self._policy(live), self._queue_frames(live), live)

    def _read(self, source: FrameSource) -> Ending:
        kept = 0
        start_s: float | None = None
        for frame in source:
            if self._options.realtime and not source.is_live and frame.pts_s is not None:
                if start_s is None:
                    start_s = self._clock() - frame.pts_s
                self._inbox.wait_cancelled(start_s + frame.pts_s - self._clock())
                frame = replace(frame, captured_s=self._clock())
            self._board.captured(source.name)
            if frame.index % self._options.frame_step and not self._inbox.cancelled:
                self._board.dropped(source.name, "frame_step")
                continue
            self._inbox.put(self._prepare(frame, self.is_live(source)))
            kept += 1
            if kept == self._options.max_frames:
                return "limit"
        return "eof"

    def _prepare(self, frame: Frame, live: bool) -> Prepared:
        plan = self._interpreter.plan
        key = plan.geometry(frame.picture.size_wh).canvas_wh
        if live or self._inbox.cancelled:
            return Prepared(frame, None, key, self._clock())
        fitted = frame.picture.fit(plan)
        return Prepared(frame if self.pictures else frame.without_picture(), fitted, key, self._clock())

    # ---- classify lanes

    def _classify(self, loaded: threading.Event) -> None:
        engine: Engine | None = None
        try:
            engine = self._loader.load()
            self._engine_info = engine.info
            loaded.set()
            while True:
                self._serve(engine)
        except ChannelClosed:
            pass
        except BaseException as failure:
            self._fail("classify", failure)
            self._inbox.cancel("failed")
            self._results.close()
        finally:
            loaded.set()
            if engine is not None:
                engine.close()
            with self._lock:
                self._lanes_running -= 1
                last = not self._lanes_running
            if last:
                self._results.close()

    def _serve(self, engine: Engine) -> None:
        batch = self._inbox.take(engine.info.batch_sizes, engine.info.best_batch)
        try:
            self._results.put(batch.ticket, self._answer(engine, batch))
        except BaseException:
            for item in batch.items:
                self._board.dropped(item.stream, "stopped" if self._stopped and not self._failures else "failed")
            raise

    def _answer(self, engine: Engine, batch: Batch[Prepared]) -> list[_Classified]:
        import numpy as np

        taken_s = self._clock()
        plan = self._interpreter.plan
        fitted = [item.frame.picture.fit(plan) if item.fitted is None else item.fitted for item in batch.items]
        started_s = self._clock()
        outputs = engine.run(np.stack(fitted))
        infer_ms = (self._clock() - started_s) * 1e3
        frames = [item.frame if self.pictures else item.frame.without_picture() for item in batch.items]
        predictions = self._interpreter.predictions(frames, outputs)
        for item in batch.items:
            self._board.forwarded(item.stream)
        return [
            _Classified(prediction, item.nbytes, (taken_s - item.queued_s) * 1e3, infer_ms)
            for item, prediction in zip(batch.items, predictions, strict=True)
        ]

    # ---- whoever polls

    def _deliver(self, classified: _Classified) -> Prediction:
        prediction = classified.prediction
        frame = prediction.frame
        total_ms = (self._clock() - frame.captured_s) * 1e3
        self._inbox.release(classified.nbytes)
        self._board.classified(frame.stream, classified.queue_ms, classified.infer_ms, total_ms)
        steady = None
        if frame.pts_s is not None:
            smoother = self._smoothers.get(frame.stream)
            if smoother is None:
                smoother = Smoother(self._interpreter.labels, self._options.smooth_s, self._options.threshold)
                self._smoothers[frame.stream] = smoother
            steady = smoother.update(frame.pts_s, prediction.probabilities, frame.after_gap)
        return replace(prediction, steady=steady, latency=Latency(classified.queue_ms, classified.infer_ms, total_ms))
