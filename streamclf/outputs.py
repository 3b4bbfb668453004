"""Where results go: the configured outputs become sinks. The only module that knows every kind of sink."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from streamclf.config import RunConfig
from streamclf.errors import ConfigError, OutputExistsError, SinkError
from streamclf.frame import Image
from streamclf.inputs import SourceSpec
from streamclf.prediction import Prediction
from streamclf.sink import Result, Sink
from streamclf.stats import RunStats

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
    """One sink a stream, made when its first result comes (a live source's size is not known before)."""

    def __init__(self, make: Callable[[str], Sink], streams: Sequence[str]):
        self._sinks = {stream: make(stream) for stream in streams}
        self.needs_picture = any(sink.needs_picture for sink in self._sinks.values())

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
    """The configured sinks: all are opened, or none; whatever happens, all are closed."""

    def __init__(self, config: RunConfig, specs: Sequence[SourceSpec]):
        self._config, self._specs = config, specs
        self._created: list[Path] = []
        self.sinks: list[Sink] = []
        self.opened = False

    def __enter__(self) -> Outputs:
        """Open everything; if one cannot be, take away what the others made."""
        try:
            self._open()
        except BaseException:
            with suppress(Exception):
                close_all(self.sinks)
            self._discard()
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
        """The report's file, at once or not at all; '-' is the command line's affair."""
        if self._config.report in (None, "-"):
            return
        path = Path(str(self._config.report))
        partial = path.with_name(path.name + ".part")
        try:
            partial.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
            os.replace(partial, path)
        except OSError as problem:
            partial.unlink(missing_ok=True)
            raise SinkError(f"{path}: the report cannot be written: {problem.strerror}") from problem

    def _open(self) -> None:
        config = self._config
        if config.report not in (None, "-"):
            check_output(Path(str(config.report)), config.overwrite)
        if config.save is not None:
            self.sinks.append(self._save_sink(config.save))
        if config.results is not None:
            self.sinks.append(self._results_sink(config.results))
        window = self._window()
        if window is not None:
            self.sinks.append(window)
        elif config.results is None and config.report != "-":
            from streamclf.sinks.console import ConsoleSink

            self.sinks.append(ConsoleSink(sys.stdout))

    def _save_sink(self, save: str) -> Sink:
        names = [spec.name for spec in self._specs]
        if len(names) > 1 and "{stream}" not in save:
            raise ConfigError(f"save: {save}: {len(names)} sources need {{stream}} in the name, one file for each")
        kinds = {spec.name: spec.kind for spec in self._specs}

        def make(stream: str) -> Sink:
            path = Path(save.replace("{stream}", re.sub(r"[^\w.-]+", "_", stream)))
            self._remember(path)
            if kinds[stream] == "pictures":
                from streamclf.sinks.picture_folder import PictureFolderSink

                return PictureFolderSink(path, self._config.overwrite)
            from streamclf.sinks.video_file import AnnotatedVideoSink

            return AnnotatedVideoSink(path, self._config.overwrite)

        return PerStream(make, names)

    def _results_sink(self, results: str) -> Sink:
        if results != "-":
            self._remember(Path(results))
        if results.lower().endswith(".csv"):
            from streamclf.sinks.csv import CsvSink

            return CsvSink(Path(results), self._config.overwrite)
        from streamclf.sinks.json_lines import JsonLinesSink

        return JsonLinesSink(results if results == "-" else Path(results), self._config.overwrite)

    def _window(self) -> Sink | None:
        if self._config.display is False:
            return None
        from streamclf.sinks.window import WindowSink, probe_display

        reason = probe_display()
        if reason is None:
            return WindowSink()
        log.log(logging.WARNING if self._config.display else logging.INFO, "no window: %s", reason)
        return None

    def _remember(self, path: Path) -> None:
        if not path.exists():
            self._created.append(path)

    def _discard(self) -> None:
        for path in self._created:
            if path.is_file():
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def check_output(path: Path, overwrite: bool) -> None:
    """Raise :class:`OutputExistsError` or :class:`SinkError` if ``path`` cannot become a new file."""
    if path.is_dir():
        raise SinkError(f"{path}: is a folder; name a file")
    if path.exists() and not overwrite:
        raise OutputExistsError(f"{path}: exists already; give --overwrite to replace it")
    if not path.absolute().parent.is_dir():
        raise SinkError(f"{path}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise SinkError(f"{path}: no permission to write here")


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
