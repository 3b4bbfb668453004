"""Video files, read with PyAV: exact timestamps, upright pictures, any format FFmpeg knows."""

from __future__ import annotations

import os
import time
from pathlib import Path

import av
from av.container import InputContainer

from streamclf.errors import SourceError, SourceNotFoundError
from streamclf.sources._av import AvSource, Clock, log, refuse_text


class VideoFileSource(AvSource):
    """One clip, every frame of it, in order. Damaged parts are skipped and counted.

    ``decoder_threads`` is chosen by the picture's size and the machine's cores if None. Raises
    :class:`~streamclf.errors.SourceNotFoundError`, :class:`~streamclf.errors.NothingDecodableError` or
    :class:`~streamclf.errors.SourceError` when opened.
    """

    def __init__(self, path: str | Path, name: str, clock: Clock = time.monotonic, decoder_threads: int | None = None):
        super().__init__(str(path), name, clock, decoder_threads)
        self._path = os.fspath(path)

    @property
    def is_live(self) -> bool:
        """Never."""
        return False

    def _connect(self) -> InputContainer:
        label = self._label
        if os.path.isdir(self._path):
            raise SourceError(f"{label}: this is a folder, not a video file")
        if os.path.isfile(self._path) and os.path.getsize(self._path) == 0:
            raise SourceError(f"{label}: the file is empty")
        try:
            # "file:" so that no part of a name is taken for a protocol; tags of old files are often not UTF-8
            container = av.open(f"file:{self._path}", metadata_errors="replace")
        except av.FileNotFoundError as error:
            raise SourceNotFoundError(f"{label}: no such file") from error
        except av.PermissionError as error:
            raise SourceError(f"{label}: no permission to read this file") from error
        except av.InvalidDataError as error:
            raise SourceError(
                f"{label}: not a video or moving picture that can be read; the file is damaged or of another kind"
            ) from error
        except (av.FFmpegError, OSError) as error:
            raise SourceError(f"{label}: cannot be opened ({error.strerror})") from error
        refuse_text(container, label)
        return container

    def _broke(self, reason: str) -> None:
        self._corrupt += 1
        log.warning("%s: the file breaks off: %s", self._label, reason)
