"""A network put into the user's own folder, whole or not at all, and taken out again.

``added.json`` beside its card lists what was put there, so that nothing else is ever removed.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from streamclf.catalogue.card import CARD_NAME, ModelCard, ModelName, read_card
from streamclf.catalogue.find import ResolvedModel, cache_folder, named_folder, user_folder
from streamclf.errors import CardError, ConfigError, ModelFileError, UnknownModelError, UsageError

_T = TypeVar("_T")
_MANIFEST = "added.json"
_WAITING = ".adding"
"""Where networks lie until they are whole: deeper than cards are looked for."""
_FORGOTTEN_S = 86_400
"""Older than this, what waits is of a program that was killed."""
_PULLED_ENDINGS = ("", ".part", ".part.from", ".lock")
"""What ``models pull`` leaves of a file."""


def check_name(name: str, overwrite: bool = False) -> None:
    """Raise UsageError where no network may be added as ``name``: it leaves its folder, or another one has it."""
    _check_plain(name)
    target = user_folder() / name
    if os.path.lexists(target):
        if not _was_added(target):
            raise UsageError(f"{name}: {target} is there, and 'models add' did not put it there; take another --name")
        if not overwrite:
            raise UsageError(f"{name}: was added before; replace it with --overwrite, or take another --name")
        foreign = sorted(set(target.iterdir()) - set(_listed(target)))
        if foreign:
            raise UsageError(f"{foreign[0]}: would be lost with the replaced network; move it somewhere else first")
        return
    taken = named_folder(name)
    if taken is not None:
        raise UsageError(f"{name}: is the name of the network in {taken}; take another --name")


def add_network(
    model: ResolvedModel,
    card_text: str,
    try_out: Callable[[Path], _T],
    link: bool = False,
    overwrite: bool = False,
    copies: Sequence[Path] = (),
) -> tuple[Path, _T]:
    """Put ``model`` into the user's folder: its card, its labels and its files, or with ``link`` links to these.

    ``copies`` are put beside the card as they are; a label list that is not among them is written a name a line.
    ``try_out`` gets the complete folder before it has its place; if that or anything else fails, everything is as it was.
    Returns the folder in its place, and what ``try_out`` returned.

    Raises:
        UsageError: the name is taken, or leaves its folder.
        ModelFileError: the folder cannot be written.
        Whatever ``try_out`` raises.
    """
    name = model.card.name
    check_name(name, overwrite)
    target = user_folder() / name
    with _staging(name) as staging:
        folder = staging / name
        with _written(target):
            folder.mkdir()
            _fill(folder, model, card_text, copies, target if link else None)
        outcome = try_out(folder)
        check_name(name, overwrite)  # trying it took a while, and somebody may have put something there
        with _written(target):
            _put_in_place(folder, target, staging / "replaced" if overwrite else None)
    return target, outcome


@dataclass(frozen=True, slots=True)
class Removal:
    """What ``remove`` would delete of a network. ``folder`` is that of an added one; None where only fetched files are."""

    name: str
    folder: Path | None
    files: tuple[Path, ...]

    @property
    def size_bytes(self) -> int:
        """Freed; a link frees nothing."""
        return sum(path.lstat().st_size for path in self.files if not path.is_symlink())


def plan_removal(name: str) -> Removal:
    """What ``models add`` put there and ``models pull`` fetched of the network ``name``.

    Raises:
        UnknownModelError: there is no network of that name.
        UsageError: nothing of it was added or fetched.
    """
    _check_plain(name)
    folder = user_folder() / name
    added = _was_added(folder)
    files = _listed(folder) if added else []
    place = named_folder(name)
    if place is None and not added:
        raise UnknownModelError(f"{name}: no network of that name; 'streamclf models list' shows them all")
    with suppress(CardError):  # of a damaged card the added files are known all the same
        files += _pulled(read_card((place or folder) / CARD_NAME))
    if not files:
        raise UsageError(
            f"{name}: {place} was not put there by 'models add', and nothing of it was fetched, so there is nothing to remove"
        )
    return Removal(name, folder if added else None, tuple(files))


def remove(removal: Removal) -> tuple[Path, ...]:
    """Delete what is planned, the card first; what others put into the added folder stays and is returned.

    Raises:
        ModelFileError: something cannot be deleted.
    """
    for path in sorted(removal.files, key=lambda path: path.name != CARD_NAME):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ModelFileError(f"{path}: cannot be deleted ({error.strerror or error})") from error
    for folder in {path.parent for path in removal.files}:
        with suppress(OSError):  # it holds something else
            folder.rmdir()
    left = removal.folder
    return tuple(sorted(left.iterdir())) if left is not None and left.is_dir() else ()


def _was_added(folder: Path) -> bool:
    return (folder / _MANIFEST).is_file() and not folder.is_symlink()


def _check_plain(name: str) -> None:
    try:
        TypeAdapter(ModelName).validate_python(name)
    except ValidationError as problem:
        message = problem.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"name {name!r}: {message[:1].lower()}{message[1:]}") from None


def _fill(folder: Path, model: ResolvedModel, card_text: str, copies: Sequence[Path], link_for: Path | None) -> None:
    names = [CARD_NAME, _MANIFEST]
    for file in model.card.files:
        source = model.paths[file.role].resolve()
        names.append(file.name)
        if link_for is None:
            shutil.copyfile(source, folder / file.name)
        elif source.is_relative_to(link_for.resolve()):
            raise UsageError(f"{source}: lies in the folder that is replaced; add it without --link")
        else:
            (folder / file.name).symlink_to(source)
    for copied in copies:
        names.append(copied.name)
        shutil.copyfile(copied, folder / copied.name)
    labels = model.card.labels.file
    if labels is not None and labels not in names:
        names.append(labels)
        (folder / labels).write_text("\n".join(model.labels) + "\n", encoding="utf-8")
    (folder / _MANIFEST).write_text(json.dumps({"files": names}, indent=2) + "\n", encoding="utf-8")
    (folder / CARD_NAME).write_text(card_text, encoding="utf-8")


@contextmanager
def _staging(name: str) -> Iterator[Path]:
    """An empty folder on the file system of the user's folder, gone afterwards."""
    waiting = user_folder() / _WAITING
    staging = waiting / f"{name}-{uuid.uuid4().hex[:8]}"
    with _written(user_folder() / name):
        staging.mkdir(parents=True)
    for other in waiting.iterdir():
        with suppress(OSError):  # another one has just ended
            if time.time() - other.stat().st_mtime > _FORGOTTEN_S:
                shutil.rmtree(other, ignore_errors=True)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        with suppress(OSError):  # another one is being added
            waiting.rmdir()


@contextmanager
def _written(target: Path) -> Iterator[None]:
    """What the system refuses, in a sentence."""
    try:
        yield
    except OSError as problem:
        if isinstance(problem, ModelFileError):
            raise
        reason = problem.strerror or str(problem)
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelFileError(
                f"{target}: the disk is full ({reason}), nothing was added; make room, or leave the files where they are with --link"
            ) from problem
        raise ModelFileError(f"{target}: cannot be written ({reason}); nothing was added") from problem


def _put_in_place(folder: Path, target: Path, replaced: Path | None) -> None:
    """What is at ``target`` moves to ``replaced``; None: nothing may be there, and the system refuses to lose it."""
    if replaced is not None and target.exists():
        os.rename(target, replaced)
    try:
        os.rename(folder, target)
    except BaseException:
        if replaced is not None and replaced.exists():
            os.rename(replaced, target)
        raise


def _listed(folder: Path) -> list[Path]:
    """The files of the manifest that are there; a name that leaves the folder is not taken."""
    try:
        content: object = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{folder / _MANIFEST}: is damaged ({error}); delete {folder} yourself") from error
    names = content.get("files") if isinstance(content, Mapping) else None
    if not isinstance(names, list) or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise ModelFileError(f"{folder / _MANIFEST}: is damaged; delete {folder} yourself")
    return [folder / name for name in dict.fromkeys(names) if os.path.lexists(folder / name)]


def _pulled(card: ModelCard) -> list[Path]:
    folder = cache_folder() / card.name
    names = [f"{file.name}{ending}" for file in card.files for ending in _PULLED_ENDINGS]
    return [folder / name for name in names if os.path.lexists(folder / name)]
