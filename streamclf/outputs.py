"""Where results go: the configured outputs become sinks. The only module that knows every kind of sink."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from streamclf.config import RunConfig
from streamclf.errors import ConfigError
from streamclf.frame import Image
from streamclf.inputs import SourceSpec, unique_name
from streamclf.prediction import Prediction
from streamclf.sink import Result, Sink
from streamclf.stats import RunStats

if TYPE_CHECKING:
    from streamclf.sinks.window import WindowSink

log = logging.getLogger("streamclf")


class Annotator:
    """Draws predictions with the newest numbers; one for all sinks."""

    def __init__(self, threshold: float):
        self._threshold = threshold
        self.stats: RunStats | None = None
        self.window: WindowSink | None = None

    def draw(self, prediction: Prediction) -> Image:
        """A fresh annotated picture, (H, W, 3) uint8 BGR."""
        from streamclf.vision.draw import Numbers, annotate

        display_fps = None if self.window is None else self.window.display_fps
        numbers = Numbers.of(self.stats, prediction.frame.stream, display_fps, has_window=self.window is not None)
        return annotate(prediction, numbers, self._threshold)


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

    Each sink opens its file at once and begins it with the first result: a run without one leaves no trace, and what was there
    before stays. ``precious`` files may not become outputs, nor may an input. A name that no annotated video can have is refused here.
    """

    def __init__(self, config: RunConfig, specs: Sequence[SourceSpec], precious: Sequence[Path]):
        self._config, self._specs, self._precious = config, specs, precious
        self.sinks: list[Sink] = []
        self.opened = False
        self.window: WindowSink | None = None
        self._places = self._find_places()

    def __enter__(self) -> Outputs:
        """Open everything, or nothing."""
        try:
            self._open()
        except BaseException:
            with suppress(Exception):
                close_all(self.sinks)
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
        """The report's file, at once or not at all; '-' is the command line's affair. Nothing if the outputs never opened."""
        if self.opened and self._config.report not in (None, "-"):
            from streamclf.sinks._output import write_whole

            write_whole(Path(str(self._config.report)), (json.dumps(report, indent=2) + "\n").encode())

    def _open(self) -> None:
        config = self._config
        files = [Path(name) for name in (config.report, config.results) if name is not None and name != "-"]
        refuse_loss([*files, *self._places.values()], [*input_files(self._specs), *self._precious])
        if config.report is not None and config.report != "-":
            from streamclf.sinks._output import open_output

            open_output(Path(config.report), config.overwrite).close()  # can it be written? It comes at the end
        if config.save is not None:
            self.sinks.append(self._save_sink())
        if config.results is not None:
            self.sinks.append(self._results_sink(config.results))
        window = self._open_window()
        if window is not None:
            self.sinks.append(window)
        elif config.results is None and config.report != "-":
            from streamclf.sinks.console import ConsoleSink

            self.sinks.append(ConsoleSink())

    def _find_places(self) -> dict[str, Path]:
        """Where each stream's annotated pictures go; what is wrong with the name is raised before anything starts."""
        save = self._config.save
        if save is None:
            return {}
        streams = [spec.name for spec in self._specs]
        if len(streams) > 1 and "{stream}" not in save:
            raise ConfigError(f"save: {save}: {len(streams)} sources need {{stream}} in the name, one file for each")
        places: dict[str, Path] = {}
        taken: set[str] = set()
        for stream in streams:
            plain = re.sub(r"[^\w.-]+", "_", stream).strip(".") or "stream"
            name = unique_name(plain, taken, str.casefold)  # some file systems take A.mp4 for a.mp4
            taken.add(name.casefold())
            places[stream] = Path(save.replace("{stream}", name))
        for spec in self._specs:
            if spec.kind != "pictures":
                from streamclf.sinks.video_file import check_name

                check_name(places[spec.name])
        return places

    def _save_sink(self) -> Sink:
        kinds, places = {spec.name: spec.kind for spec in self._specs}, self._places
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
            self.window = WindowSink()
            return self.window
        log.log(logging.WARNING if self._config.display else logging.INFO, "no window: %s", reason)
        return None


def input_files(specs: Sequence[SourceSpec]) -> list[Path]:
    """Every file that the sources read."""
    from streamclf.sources.image_folder import find_pictures

    pictures = [given for spec in specs if spec.kind == "pictures" for given in spec.paths]
    clips = [path for spec in specs if spec.kind == "file" for path in spec.paths]
    return [Path(path) for path in clips + [found for given in pictures for found in find_pictures(given)]]


def refuse_loss(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Raise :class:`ConfigError` if an output would replace an input, hold one (a folder), or be another output as well."""
    read = {_identity(path) for path in inputs}
    folders = {_identity(path.absolute().parent) for path in inputs}
    written: set[object] = set()
    for output in outputs:
        identity = _identity(output)
        if identity in read:
            raise ConfigError(f"{output}: is read by this run, so it cannot be an output; name another file")
        if identity in folders:
            raise ConfigError(f"{output}: this folder holds files that the run reads; name another one")
        if identity in written:
            raise ConfigError(f"{output}: two outputs are the same file; name another one")
        if not output.is_char_device():
            written.add(identity)


def _identity(path: Path) -> object:
    """What two names of one file have in common, links and spellings aside."""
    try:
        found = path.stat()
    except OSError:
        return path.resolve()
    return found.st_dev, found.st_ino


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
