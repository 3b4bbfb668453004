"""Where results go: the configured outputs become sinks. The only module that knows every kind of sink."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from streamclf.config import RunConfig
from streamclf.errors import ConfigError
from streamclf.frame import Image
from streamclf.inputs import SourceSpec
from streamclf.prediction import Prediction
from streamclf.sink import Result, Sink
from streamclf.stats import RunStats

if TYPE_CHECKING:
    from streamclf.sinks._output import OutputFile

log = logging.getLogger("streamclf")


class Annotator:
    """Draws predictions with the newest numbers; one for all sinks."""

    def __init__(self, threshold: float):
        self._threshold = threshold
        self.stats: RunStats | None = None

    def draw(self, prediction: Prediction) -> Image:
        """A fresh annotated picture, (H, W, 3) uint8 BGR."""
        from streamclf.vision.draw import Numbers, annotate

        return annotate(prediction, Numbers.of(self.stats, prediction.frame.stream), self._threshold)


class PerStream:
    """One sink a stream."""

    def __init__(self, sinks: Mapping[str, Sink]):
        self._sinks = sinks
        self.needs_picture = any(sink.needs_picture for sink in sinks.values())

    @property
    def wants_stop(self) -> bool:
        """True if any of them does."""
        return any(sink.wants_stop for sink in self._sinks.values())

    def write(self, result: Result) -> None:
        """To the stream's own sink."""
        self._sinks[result.prediction.frame.stream].write(result)

    def tick(self, stats: RunStats) -> None:
        """To all."""
        for sink in self._sinks.values():
            sink.tick(stats)

    def close(self) -> None:
        """All of them, whatever one does."""
        close_all(list(self._sinks.values()))


class Outputs:
    """The configured sinks: all are opened, or none; whatever happens, all are closed.

    Each sink opens its file at once and begins it with the first ``tick``: a run that never starts leaves no trace.
    """

    def __init__(self, config: RunConfig, specs: Sequence[SourceSpec]):
        self._config, self._specs = config, specs
        self._report: OutputFile | None = None
        self.sinks: list[Sink] = []
        self.opened = self.window = False

    def __enter__(self) -> Outputs:
        """Open everything, or nothing."""
        try:
            self._open()
        except BaseException:
            with suppress(Exception):
                close_all(self.sinks)
            if self._report is not None:
                self._report.close()
            raise
        self.opened = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish every output; a failure to do so is raised unless another one is on its way already."""
        try:
            close_all(self.sinks)
        except Exception as problem:
            if failure is None:
                raise
            log.warning("%s", problem)

    def write_report(self, report: dict[str, Any]) -> None:
        """The report's file; '-' is the command line's affair."""
        if self._report is not None:
            try:
                self._report.write((json.dumps(report, indent=2) + "\n").encode())
            finally:
                self._report.close()

    def _open(self) -> None:
        config = self._config
        if config.report is not None and config.report != "-":
            from streamclf.sinks._output import open_output

            self._report = open_output(Path(config.report), config.overwrite)
        if config.save is not None:
            self.sinks.append(self._save_sink(config.save))
        if config.results is not None:
            self.sinks.append(self._results_sink(config.results))
        window = self._open_window()
        if window is not None:
            self.sinks.append(window)
        elif config.results is None and config.report != "-":
            from streamclf.sinks.console import ConsoleSink

            self.sinks.append(ConsoleSink(sys.stdout))

    def _save_sink(self, save: str) -> Sink:
        kinds = {spec.name: spec.kind for spec in self._specs}
        if len(kinds) > 1 and "{stream}" not in save:
            raise ConfigError(f"save: {save}: {len(kinds)} sources need {{stream}} in the name, one file for each")
        places = {stream: Path(save.replace("{stream}", re.sub(r"[^\w.-]+", "_", stream))) for stream in kinds}
        sinks: dict[str, Sink] = {}
        try:
            for stream, kind in kinds.items():
                if kind == "pictures":
                    from streamclf.sinks.picture_folder import PictureFolderSink

                    sinks[stream] = PictureFolderSink(places[stream], self._config.overwrite)
                else:
                    from streamclf.sinks.video_file import AnnotatedVideoSink

                    sinks[stream] = AnnotatedVideoSink(places[stream], self._config.overwrite)
        except BaseException:
            with suppress(Exception):
                close_all(list(sinks.values()))
            raise
        return PerStream(sinks)

    def _results_sink(self, results: str) -> Sink:
        if results.lower().endswith(".csv"):
            from streamclf.sinks.csv import CsvSink

            return CsvSink(Path(results), self._config.overwrite)
        from streamclf.sinks.json_lines import JsonLinesSink

        return JsonLinesSink("-" if results == "-" else Path(results), self._config.overwrite)

    def _open_window(self) -> Sink | None:
        if self._config.display is False:
            return None
        from streamclf.sinks.window import WindowSink, probe_display

        reason = probe_display()
        if reason is None:
            self.window = True
            return WindowSink()
        log.log(logging.WARNING if self._config.display else logging.INFO, "no window: %s", reason)
        return None


def close_all(sinks: Sequence[Sink]) -> None:
    """Close every sink, whatever one of them does; then raise the first failure."""
    failures: list[Exception] = []
    for sink in sinks:
        try:
            sink.close()
        except Exception as failure:
            if failures:
                log.warning("%s", failure)
            failures.append(failure)
    if failures:
        raise failures[0]
