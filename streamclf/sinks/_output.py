"""A file that a run writes: opened before the run starts, replaced only once the run did."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from streamclf.errors import OutputExistsError, SinkError


def open_output(path: Path, overwrite: bool) -> OutputFile:
    """Open ``path`` for writing. Raises :class:`OutputExistsError` or :class:`SinkError`, naming what is wrong."""
    if path.is_dir():
        raise SinkError(f"{path}: is a folder; name a file")
    if not path.absolute().parent.is_dir():
        raise SinkError(f"{path}: there is no folder {path.parent}; make it first")
    kind = stat.S_IFMT(path.stat().st_mode) if path.exists() else 0
    if kind in (stat.S_IFIFO, stat.S_IFSOCK):
        raise SinkError(
            f"{path}: is a pipe, and whoever reads it could stop the run; name a file, or - for standard output"
        )
    overwrite = overwrite or kind == stat.S_IFCHR  # nothing is lost in a device
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    existed = os.path.lexists(path)
    try:
        descriptor = os.open(path, flags | (0 if overwrite else os.O_EXCL), 0o666)
    except FileExistsError:
        raise OutputExistsError(f"{path}: exists already; give --overwrite to replace it") from None
    except OSError as problem:
        raise SinkError(f"{path}: cannot be written: {problem.strerror}") from problem
    return OutputFile(path, descriptor, existed)


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` at once or not at all, whatever was there before. Raises :class:`SinkError`."""
    direct = path.exists() and not path.is_file()  # a device
    partial = path if direct else path.with_name(path.name + ".part")
    output = open_output(partial, overwrite=True)
    try:
        output.write(data)
        output.close()
        if not direct:
            os.replace(partial, path)
    except OSError as problem:
        output.close()
        output.remove()
        if isinstance(problem, SinkError):
            raise
        raise SinkError(f"{path}: cannot be written: {problem.strerror}") from problem


class OutputFile:
    """An open file with whole writes, errors that name it, and an old content that stays until :meth:`begin`.

    ``seek``, ``tell`` and ``write`` are what PyAV asks of a file.
    """

    def __init__(self, path: Path, descriptor: int, existed: bool):
        self.path, self.begun = path, False
        self._descriptor, self._existed = descriptor, existed
        self._failure: SinkError | None = None

    @property
    def failed(self) -> bool:
        """True once a write was refused; every later one is refused too, so that what lies there stays as it is."""
        return self._failure is not None

    def begin(self) -> None:
        """The run has started: what the file held before goes."""
        if not self.begun:
            self.begun = True
            try:
                os.ftruncate(self._descriptor, 0)
            except OSError as problem:  # a device or a pipe has no length
                if problem.errno != errno.EINVAL:
                    self._fail(problem)

    def write(self, data: bytes) -> int:
        """All of ``data``, or :class:`SinkError`."""
        if self._failure is not None:
            raise self._failure
        self.begin()
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except OSError as problem:
                self._fail(problem)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As a file's."""
        return os.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        """As a file's; 0 for a pipe."""
        try:
            return os.lseek(self._descriptor, 0, os.SEEK_CUR)
        except OSError:
            return 0

    def cut(self, size: int) -> None:
        """Take away what lies behind the first ``size`` bytes, if that is possible."""
        try:
            os.ftruncate(self._descriptor, size)
        except OSError:
            return

    def sync(self) -> None:
        """Have what was written reach the disk: a power cut costs what came later."""
        try:
            getattr(os, "fdatasync", os.fsync)(self._descriptor)
        except OSError as problem:
            if problem.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):  # a device or a pipe has no disk
                self._fail(problem)

    def close(self) -> None:
        """Let the file go; a new one in which the run never began is taken away, an old one left as it was. Idempotent."""
        if self._descriptor < 0:
            return
        os.close(self._descriptor)
        self._descriptor = -1
        if not self.begun and not self._existed:
            self.remove()

    def remove(self) -> None:
        """Take the file away, unless it is a device or a pipe."""
        if self.path.is_file():
            self.path.unlink()

    def _fail(self, problem: OSError) -> None:
        self._failure = SinkError(
            f"{self.path}: cannot be written on: {problem.strerror}; free some space or name another"
        )
        raise self._failure from problem
