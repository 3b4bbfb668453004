"""Find a network by name or folder, and its files, each checked against its digest."""

from __future__ import annotations

import difflib
import hashlib
import logging
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from streamclf.catalogue.card import CARD_NAME, CardFile, FileRole, ModelCard, read_card
from streamclf.catalogue.download import shown
from streamclf.catalogue.labels import read_labels
from streamclf.errors import CardError, ConfigError, ModelFileError, UnknownModelError

log = logging.getLogger("streamclf")


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A network that is all here: its card, its files (digests checked) and its labels, one a class."""

    card: ModelCard
    folder: Path
    paths: dict[FileRole, Path]
    labels: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """All files together: what the card says, or where it does not know, what lies here."""
        known = self.card.size_bytes
        return sum(path.stat().st_size for path in self.paths.values()) if known is None else known


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A card that a name leads to. ``available``: every file is here, with the right size where the card says it.

    The digest is checked on loading.
    """

    card: ModelCard
    folder: Path
    available: bool

    @property
    def name(self) -> str:
        """What ``find_model`` takes."""
        return self.card.name

    @property
    def size_mb(self) -> float | None:
        """All files together, in megabytes (1e6 bytes); None where the size of one is not known."""
        size_bytes = self.card.size_bytes
        return None if size_bytes is None else size_bytes / 1e6


def find_model(name_or_folder: str | Path) -> ResolvedModel:
    """The network of that name, or of the folder that holds its ``card.toml``.

    Raises:
        UnknownModelError: no such name or folder; the nearest names are in the message.
        CardError: the card or its label list contradicts itself.
        ModelFileError: a file is missing or has another digest than the card says.
        ConfigError: a file has to be looked for in ``STREAMCLF_MIRROR``, and there is no such folder.
    """
    folder = _folder_of(name_or_folder)
    card = read_card(folder / CARD_NAME)
    return ResolvedModel(
        card, folder, {file.role: checked_file(file, card, folder) for file in card.files}, _labels(card, folder)
    )


def list_models() -> list[ModelEntry]:
    """Every network that ``find_model`` finds by name, by name; a broken card is logged and left out."""
    entries = {}
    for name, folder in sorted(named_folders().items()):
        try:
            card = read_card(folder / CARD_NAME)
            _check_name(card, folder)
        except CardError as error:
            log.warning("left out of the list: %s", error)
            continue
        entries[name] = _entry(card, folder)
    return list(entries.values())


def find_card(name_or_folder: str | Path) -> ModelEntry:
    """The card of that name or folder, whether its files are here or not. Raises as ``find_model`` does for its card."""
    folder = _folder_of(name_or_folder)
    return _entry(read_card(folder / CARD_NAME), folder)


def named_folder(name: str) -> Path | None:
    """The folder of the network of that name, by its folder's name alone: its card is not read. None if there is none."""
    return named_folders().get(name)


def named_folders() -> dict[str, Path]:
    """Every folder with a card in it that a name leads to, by that name; the cards are not read."""
    named: dict[str, Path] = {}
    for root in search_folders():
        for card in sorted(root.glob(f"*/{CARD_NAME}")):
            named.setdefault(card.parent.name, card.parent)
    return named


def find_file(file: CardFile, folder: Path) -> Path | None:
    """Where a file of a card in ``folder`` lies, by name and, if known, size (the digest is not looked at); None if nowhere."""
    return next((path for path in _candidates(file, folder) if _has_size(path, file)), None)


def is_here(file: CardFile, folder: Path) -> bool:
    """Whether a file of that name lies where a card in ``folder`` looks for it, the right one or another."""
    return next(_candidates(file, folder), None) is not None


def search_folders() -> list[Path]:
    """Where names are looked up, first one first."""
    own = [Path(part).expanduser() for part in os.environ.get("STREAMCLF_MODELS", "").split(os.pathsep) if part]
    return [*own, user_folder(), builtin_folder()]


def user_folder() -> Path:
    """Where ``models add`` puts networks."""
    return _users_folder("XDG_DATA_HOME", "~/.local/share") / "streamclf" / "models"


def builtin_folder() -> Path:
    """The catalogue that comes with streamclf: inside the wheel, or the top level of a checkout."""
    package = Path(__file__).resolve().parents[1]
    packed = package / "data" / "models"
    return packed if packed.is_dir() else package.parent / "models"


def cache_folder() -> Path:
    """Where fetched files are kept."""
    own = os.environ.get("STREAMCLF_CACHE")
    return Path(own).expanduser() if own else _users_folder("XDG_CACHE_HOME", "~/.cache") / "streamclf"


def mirror_folder() -> Path | None:
    """``STREAMCLF_MIRROR``, unless it is an address.

    Raises:
        ConfigError: there is no such folder.
    """
    mirror = os.environ.get("STREAMCLF_MIRROR")
    if not mirror or _is_address(mirror):
        return None
    folder = Path(mirror).expanduser()
    if not folder.is_dir():
        said = shown(mirror) if "://" in mirror else mirror
        raise ConfigError(
            f"STREAMCLF_MIRROR: there is no folder {said}; name one that is here or an http(s) address, or unset it"
        )
    return folder


def mirror_address(file: CardFile) -> str | None:
    """Where the mirror has the file, if ``STREAMCLF_MIRROR`` is an http(s) address: directly below it."""
    mirror = os.environ.get("STREAMCLF_MIRROR", "")
    base, mark, query = mirror.partition("?")
    return f"{base.rstrip('/')}/{quote(file.name)}{mark}{query}" if _is_address(mirror) else None


def checked_file(file: CardFile, card: ModelCard, folder: Path) -> Path:
    """Where a file of ``card`` in ``folder`` lies, its digest checked. What lies beside the card is meant; elsewhere another may
    only share the name.

    Raises:
        ModelFileError: it is nowhere, or another has its name.
        ConfigError: there is no folder ``STREAMCLF_MIRROR``, and it is not found before that.
    """
    wrong: str | None = None
    for path in _candidates(file, folder):
        problem = difference(path, file)
        if problem is None:
            return path
        wrong = (
            wrong
            or f"{path}: {problem}; this is not the file that the card of {card.name} describes: delete it and get it anew"
        )
        if path.parent == folder:
            break
    if wrong is None:
        raise ModelFileError(_missing(file, card, folder))
    raise ModelFileError(wrong)


def difference(path: Path, file: CardFile) -> str | None:
    """What tells the content of ``path`` from the file of the card, by its digests; None if nothing does."""
    try:
        for kind, wanted in (("sha256", file.sha256), ("sha1", file.sha1)):
            if wanted is None:
                continue
            with path.open("rb") as content:
                found = hashlib.file_digest(content, kind).hexdigest()
            if found != wanted:
                size = "" if file.bytes is None else f"{file.bytes} with "
                return f"{path.stat().st_size} bytes with {kind} {found[:12]}... instead of {size}{wanted[:12]}..."
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return None


def _users_folder(variable: str, usual: str) -> Path:
    """A folder of the user's by the XDG specification, which has a path that is not absolute ignored."""
    said = os.environ.get(variable, "")
    return Path(said) if os.path.isabs(said) else Path(usual).expanduser()


def _is_address(mirror: str) -> bool:
    return mirror.lower().startswith(("http://", "https://"))


def _entry(card: ModelCard, folder: Path) -> ModelEntry:
    return ModelEntry(card, folder, all(find_file(file, folder) is not None for file in card.files))


def _folder_of(name_or_folder: str | Path) -> Path:
    given = Path(name_or_folder).expanduser()
    if given.name == CARD_NAME and given.is_file():
        return given.parent
    if (given / CARD_NAME).is_file():
        return given
    name = str(name_or_folder)
    if isinstance(name_or_folder, Path) or len(given.parts) > 1 or name.startswith("."):
        problem = f"the folder holds no {CARD_NAME}" if given.is_dir() else "there is no such folder"
        raise UnknownModelError(f"{name}: {problem}")
    named = named_folders()
    if name not in named:
        close = difflib.get_close_matches(name, named, n=3, cutoff=0.6)
        raise UnknownModelError(
            f"{name}: no network of that name; did you mean {', '.join(close)}?"
            if close
            else f"{name}: no network of that name; 'streamclf models list' shows all {len(named)}"
        )
    _check_name(read_card(named[name] / CARD_NAME), named[name])
    return named[name]


def _check_name(card: ModelCard, folder: Path) -> None:
    if card.name != folder.name:
        raise CardError(
            f"{folder / CARD_NAME}: name is {card.name!r}, but the folder is {folder.name!r}; they must agree"
        )


def _labels(card: ModelCard, folder: Path) -> tuple[str, ...]:
    spec = card.labels
    if spec.file is not None:
        path = folder / spec.file
    else:
        sets = builtin_folder() / "labels"
        path = sets / f"{spec.set}.txt"
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in sets.glob("*.txt")))
            raise CardError(f"{folder / CARD_NAME}: labels.set {spec.set!r} is unknown; there are {known}")
    labels = read_labels(path, spec.format)
    if len(labels) != card.output.classes:
        raise CardError(
            f"{path}: {len(labels)} labels, but the card of {card.name} says output.classes = {card.output.classes}"
        )
    return labels


def _missing(file: CardFile, card: ModelCard, folder: Path) -> str:
    mirror = mirror_folder()
    looked = ", ".join(str(place) for place in (folder, cache_folder(), mirror) if place)
    sources = [shown(url) for url in (mirror_address(file), file.url) if url]
    given = card.name if named_folders().get(card.name) == folder else shlex.quote(str(folder))
    way_out = (
        f"'streamclf models pull {given}' fetches it from {' or '.join(sources)}"
        if sources
        else "put it beside the card"
    )
    mirrors = "" if os.environ.get("STREAMCLF_MIRROR") else ", or name a folder that holds it in STREAMCLF_MIRROR"
    size = "size unknown" if file.bytes is None else f"{file.bytes / 1e6:.1f} MB"
    return (
        f"{file.name}: a file of {card.name} ({size}, licence {card.licence}) is missing, looked in "
        f"{looked}; {way_out}{mirrors}"
    )


def _candidates(file: CardFile, folder: Path) -> Iterator[Path]:
    """Where a file of that name lies: beside the card, anywhere in the cache, anywhere in the mirror."""
    if (folder / file.name).is_file():
        yield folder / file.name
    for place in (cache_folder, mirror_folder):
        root = place()  # only now: what is in the cache does not need the mirror
        if root is not None:
            yield from (Path(parent, file.name) for parent, _, names in os.walk(root) if file.name in names)


def _has_size(path: Path, file: CardFile) -> bool:
    try:
        return file.bytes is None or path.stat().st_size == file.bytes
    except OSError:
        return False
