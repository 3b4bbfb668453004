"""Annotated pictures, each under its own name, in one folder."""

from __future__ import annotations

import os
from pathlib import Path

from streamclf.errors import OutputExistsError, SinkError, UsageError
from streamclf.sink import Result
from streamclf.sinks._encode import encode as encode
from streamclf.sinks._output import open_output
from streamclf.stats import RunStats

_JPEG_LIMIT = 65_500
_PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


class PictureFolderSink:
    """Saves each picture under its own file name: JPEG stays JPEG, everything else becomes PNG.

    Pictures of one name from several folders get ``-2``, ``-3``. The folder is made if need be; one that holds
    something already is refused unless ``overwrite``.
    """

    needs_picture = True
    wants_stop = False

    def __init__(self, folder: Path, overwrite: bool = False):
        if folder.suffix.lower() in _PICTURE_SUFFIXES and not folder.is_dir():
            raise UsageError(f"{folder}: pictures are saved into a folder; name one, for example {folder.stem}")
        self._folder, self._overwrite = folder, overwrite
        self._taken: set[str] = set()
        try:
            folder.mkdir(exist_ok=True)
            held = any(folder.iterdir())
        except FileExistsError:
            raise SinkError(f"{folder}: is a file; pictures are saved into a folder") from None
        except FileNotFoundError:
            raise SinkError(f"{folder}: there is no folder {folder.parent}; make it first") from None
        except OSError as problem:
            raise SinkError(f"{folder}: cannot be written: {problem.strerror}") from problem
        if held and not overwrite:
            raise OutputExistsError(f"{folder}: holds files already; name a new folder or give --overwrite")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise SinkError(f"{folder}: no permission to write here")

    def write(self, result: Result) -> None:
        """One picture, complete on the disk when this returns."""
        frame = result.prediction.frame
        name = Path(frame.origin or f"{frame.stream}-{frame.index:06d}.png").name
        suffix = Path(name).suffix if Path(name).suffix.lower() in (".jpg", ".jpeg") else ".png"
        if max(result.annotated.shape[:2]) > _JPEG_LIMIT:
            suffix = ".png"
        path = self._folder / self._unique(Path(name).stem, suffix)
        data = encode(result.annotated, suffix, path)
        output = open_output(path, self._overwrite)
        try:
            output.write(data)
        except SinkError:
            output.close()
            output.remove()  # half a picture is none
            raise
        output.close()

    def tick(self, stats: RunStats) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing to finish: each picture is complete."""

    def _unique(self, stem: str, suffix: str) -> str:
        number, name = 1, stem + suffix
        while name.casefold() in self._taken:  # some file systems take Dog.jpg for dog.jpg
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._taken.add(name.casefold())
        return name
