"""A network's files from wherever they are nearest: what is here already, the mirror, the public address. Checked before they are used.

A file is fetched into ``CACHE/NETWORK/FILE.part`` and gets its own name only once its digest is right. One process at a time fetches a file; the
others wait, and find it there. Nothing that was fetched is ever executed or unpickled here.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from streamclf.catalogue.card import CardFile, ModelCard
from streamclf.catalogue.download import AddressFailed, OnBytes, Patience, discard, download, part_bytes, shown
from streamclf.catalogue.find import ModelEntry, cache_folder, checked_file, difference, mirror_address
from streamclf.errors import ModelFileError

log = logging.getLogger("streamclf")

_MIRROR = "name a folder or an http(s) address that has it in STREAMCLF_MIRROR"


@dataclass(frozen=True, slots=True)
class Fetched:
    """Where a file of a network is. ``origin``: "card" (beside it), "cache" or "mirror" (already there or fetched from it), or the address."""

    name: str
    path: Path
    size_bytes: int
    origin: str
    is_new: bool
    """It was fetched now."""


def fetch_file(
    file: CardFile, entry: ModelEntry, on_bytes: OnBytes | None = None, patience: Patience | None = None
) -> Fetched:
    """Have a file of ``entry``'s card here, with the right digest: fetch it where it is not.

    ``on_bytes`` hears how far the download is. Interrupted, it leaves what came for the next time.

    Raises:
        ModelFileError: no address gives the right file, the one beside the card is another, or the cache cannot be written.
        ConfigError: there is no folder ``STREAMCLF_MIRROR``.
    """
    here = _here(file, entry)
    if here is not None:
        return here
    target = cache_folder() / entry.card.name / file.name
    try:
        with _made(target.parent), _alone(target):
            # who held the lock before may have fetched it
            return _here(file, entry) or _fetch(file, entry, target, on_bytes or _nobody, patience or Patience())
    except OSError as problem:
        if isinstance(problem, ModelFileError):
            raise
        raise ModelFileError(_unwritable(problem, target)) from problem


def kept_bytes(file: CardFile, entry: ModelEntry) -> int:
    """What an interrupted download left for the next one."""
    return part_bytes(_part(cache_folder() / entry.card.name / file.name))


def size_text(size_bytes: int | None) -> str:
    """For people: "3.6 MB", "1183 bytes"."""
    if size_bytes is None:
        return "size unknown"
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 100_000 else f"{size_bytes} bytes"


def _nobody(done: int, total: int | None) -> None:
    pass


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _here(file: CardFile, entry: ModelEntry) -> Fetched | None:
    """The file, if it is anywhere with the right digest."""
    try:
        path = checked_file(file, entry.card, entry.folder)
    except ModelFileError:
        if (entry.folder / file.name).is_file():
            raise  # what lies beside the card is meant, also once the right one is in the cache
        return None
    origin = "card" if path.parent == entry.folder else "cache" if path.is_relative_to(cache_folder()) else "mirror"
    return Fetched(file.name, path, path.stat().st_size, origin, is_new=False)


def _fetch(file: CardFile, entry: ModelEntry, target: Path, on_bytes: OnBytes, patience: Patience) -> Fetched:
    mirror = mirror_address(file)
    addresses = [(origin, url) for origin, url in (("mirror", mirror), (file.url, file.url)) if origin and url]
    failure = AddressFailed(f"the card of {entry.name} has no address for it")
    for origin, url in addresses:
        try:
            _obtain(url, file, entry.card, _part(target), on_bytes, patience)
        except AddressFailed as problem:
            if origin == "mirror" and file.url:
                log.info("%s: %s; trying the public address", file.name, problem)
            failure = problem
            continue
        os.replace(_part(target), target)
        discard(_part(target))
        return Fetched(file.name, target, target.stat().st_size, origin, is_new=True)
    raise ModelFileError(f"{file.name}: {failure}; {_way_out(failure, file, target)}") from failure


def _obtain(url: str, file: CardFile, card: ModelCard, part: Path, on_bytes: OnBytes, patience: Patience) -> None:
    """The right content of ``file`` into ``part``."""
    log.info("%s: fetching it from %s (%s, licence %s)", file.name, shown(url), size_text(file.bytes), card.licence)
    for _ in range(2):
        pieced = download(url, part, file.bytes, on_bytes, patience)
        problem = difference(part, file)
        if problem is None:
            return
        discard(part)
        if not pieced:
            break
        log.info("%s: the pieces of several tries do not make the right file; once more from the start", file.name)
    raise AddressFailed(
        f"what {shown(url)} sends is not the file that the card of {card.name} describes: {problem}; it was deleted"
    )


def _way_out(failure: AddressFailed, file: CardFile, target: Path) -> str:
    if failure.passing:
        kept = part_bytes(_part(target))
        mirror = "" if os.environ.get("STREAMCLF_MIRROR") else f", or {_MIRROR}"
        return "check the network or try again later" + (
            f", the {size_text(kept)} that are here will be used{mirror}" if kept else mirror
        )
    return f"get it elsewhere and put it into {target.parent} as {file.name}, or {_MIRROR}"


def _unwritable(problem: OSError, target: Path) -> str:
    """Why the cache does not take the file, and what to do."""
    reason = problem.strerror or str(problem)
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{target.name}: the disk of {target.parent} is full ({reason}); make room there or name another folder in "
            "STREAMCLF_CACHE, then pull again"
        )
    return (
        f"{target.name}: cannot be written into {target.parent} ({reason}); name a folder of yours in STREAMCLF_CACHE"
    )


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """``folder`` is there; what was made for it and is empty in the end goes again."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for each in missing:
            with suppress(OSError):  # it holds something
                each.rmdir()


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """No other process fetches ``target`` meanwhile. The system lets go of a lock when its holder ends, however it ends."""
    path = target.with_name(f"{target.name}.lock")
    while True:
        with _opened(path) as lock:
            _hold(lock, target.name)
            if not _is_at(lock, path):
                continue  # its last holder has removed it, and another process may hold the one that is there now
            try:
                yield
            finally:
                with suppress(OSError):  # some systems do not remove what is open
                    path.unlink()
            return


def _opened(path: Path) -> IO[bytes]:
    while True:
        try:
            return path.open("ab")
        except FileNotFoundError:
            if path.parent.is_dir():
                raise
            path.parent.mkdir(parents=True, exist_ok=True)  # who failed to fetch it has just taken the folder away


def _is_at(lock: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":

    def _hold(lock: IO[bytes], name: str) -> None:
        """Nothing: there an open file is not replaced, and a mixed one has the wrong digest."""

else:
    import fcntl

    def _hold(lock: IO[bytes], name: str) -> None:
        """Wait until the lock is ours. Where the folder's file system has no locks, the digest alone protects."""
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("%s: another process is fetching it; waiting for that (Ctrl-C ends the waiting)", name)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as problem:
            log.debug("%s: no lock: %s", name, problem)
