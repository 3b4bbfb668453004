"""One public address into one file: goes on where an earlier try broke off, tries again, follows redirects, never from https to http.

What is being fetched lies in ``FILE.part``; ``FILE.part.from`` beside it notes where it came from and which state of the file it
was (the server's ETag or date), so that two states are not glued together. Nothing here knows digests: that is ``fetch.py``.
"""

from __future__ import annotations

import errno
import logging
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from streamclf.errors import ModelFileError

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("streamclf")

OnBytes: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes that are here and those there will be (None: nobody said)."""
Wait: TypeAlias = Callable[[float], object]
"""Lets so many seconds pass."""

MOST_REDIRECTS = 5
MOST_BYTES = 8_000_000_000
"""Where nobody says how long a file is: more than any network has, less than what fills a disk unseen."""
MOST_PAUSE_S = 60.0
"""However long a server asks us to wait."""
HEADWAY_BYTES = 1_000_000
"""A try that brought this much counts as a success: a line that often breaks still gets a large file across."""
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)  # Ctrl-C ends it


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may stay silent, and how often it is asked again."""

    connect_s: float = 10.0
    silence_s: float = 30.0
    tries: int = 5
    """In a row without headway."""
    vain_tries: int = 2
    """The same where nothing of the address was ever reached: most likely there is no network, or no such host."""
    pause_s: float = 1.0
    """Before the second try; doubled before each further one."""
    wait: Wait = _pause


class AddressFailed(ModelFileError):
    """The address does not give the file: the message says why. ``passing``: it may at another time."""

    def __init__(self, message: str, passing: bool = False):
        super().__init__(message)
        self.passing = passing


class _BrokeOff(Exception):
    """This try ended early; the next may do better, after ``pause_s`` if the server asked for it. ``reached``: there was a server."""

    def __init__(self, message: str, pause_s: float | None = None, reached: bool = True):
        super().__init__(message)
        self.pause_s, self.reached = pause_s, reached


def download(url: str, part: Path, size_bytes: int | None, on_bytes: OnBytes, patience: Patience) -> bool:
    """Fetch ``url`` into ``part``, going on with what it already holds. ``size_bytes``: what it must have in the end, if known.

    Returns whether ``part`` was put together from several tries, so that a wrong digest may be the gluing's fault.

    Raises:
        AddressFailed: no network, a refusal, another length.
        OSError: ``part`` cannot be written (disk full, no permission).
    """
    import httpx

    _check_address(url)
    try:
        # proxies and certificates come from the environment, as everywhere
        client = httpx.Client(
            timeout=httpx.Timeout(patience.silence_s, connect=patience.connect_s), headers={"User-Agent": "streamclf"}
        )
    except (ValueError, ImportError) as problem:
        raise AddressFailed(
            f"the proxy of HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used ({problem})"
        ) from problem
    failures = 0
    reached = False
    most = part_bytes(part)
    with client:
        while True:
            try:
                return _try(client, url, part, size_bytes, on_bytes)
            except _BrokeOff as problem:
                failures = 1 if part_bytes(part) - most >= HEADWAY_BYTES else failures + 1
                most = max(most, part_bytes(part))
                reached = reached or problem.reached
                if failures >= (patience.tries if reached else patience.vain_tries):
                    times = f", {failures} times" if failures > 1 else ""
                    raise AddressFailed(f"{problem}{times}", passing=True) from problem
                pause_s = min(problem.pause_s or patience.pause_s * 2 ** (failures - 1), MOST_PAUSE_S)
                log.info("%s; trying again in %g s", problem, pause_s)
                patience.wait(pause_s)


def discard(part: Path) -> None:
    """Forget what was fetched so far."""
    part.unlink(missing_ok=True)
    _note_path(part).unlink(missing_ok=True)


def part_bytes(part: Path) -> int:
    """How much of the file is here."""
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def shown(url: str) -> str:
    """The address for people: without user, password and query, which may be secret."""
    try:
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    except ValueError:
        return "the given address"


def check_redirect(url: str, target: str) -> None:
    """Raises ``AddressFailed`` where ``url`` may not lead to ``target``."""
    old, new = urlsplit(url).scheme, urlsplit(target).scheme
    if new not in ("http", "https") or (old == "https" and new == "http"):
        raise AddressFailed(f"{shown(url)} redirects from {old} to {new}, which is not safe to follow")


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_one = bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", url)
    except ValueError:
        is_one = False
    if not is_one:
        raise AddressFailed(f"{shown(url)} is no address of a file")


def _try(client: httpx.Client, url: str, part: Path, size_bytes: int | None, on_bytes: OnBytes) -> bool:
    """One request, and its content into ``part``; True where it was put behind what was there."""
    have = part_bytes(part)
    if have and have == size_bytes:
        return True
    # identity: the file's own bytes are counted and asked for by position, not those of a compressed copy
    headers = {"Accept-Encoding": "identity"}
    noted = _noted(part, url) if have else None
    if have:
        headers |= {"Range": f"bytes={have}-"} | ({"If-Range": noted} if noted else {})
    with _answer(client, url, headers) as answer:
        start, total = _extent(answer)
        if start is None and have and have == total:
            return True
        if not have and start != 0:
            raise AddressFailed(f"{shown(url)} answers with a piece of the file that nobody asked for")
        if start == 0 or (start == have and not _is_other_state(answer, noted)):
            _write(answer, url, part, start, total, size_bytes, on_bytes)
            return start > 0
    # ours is too long, or of another state, or the piece does not fit behind it
    discard(part)
    return _try(client, url, part, size_bytes, on_bytes)


@contextmanager
def _answer(client: httpx.Client, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    """The final answer, its content not yet read; what goes wrong meanwhile, also in the caller's reading, in our words."""
    import httpx

    host = shown(url)
    timeout = client.timeout
    try:
        request = client.build_request("GET", url, headers=headers)
        for _ in range(MOST_REDIRECTS + 1):
            host = request.url.netloc.decode()
            answer = client.send(request, stream=True)
            try:
                if answer.next_request is None:
                    _check_status(answer, url)
                    yield answer
                    return
                check_redirect(str(request.url), str(answer.next_request.url))
                request = answer.next_request
            finally:
                answer.close()
        raise AddressFailed(f"{shown(url)} redirects more than {MOST_REDIRECTS} times")
    except httpx.ConnectTimeout as problem:
        raise _BrokeOff(f"{host} does not answer within {timeout.connect:g} s", reached=False) from problem
    except httpx.TimeoutException as problem:
        raise _BrokeOff(f"{host} was silent for {timeout.read:g} s") from problem
    except (httpx.ConnectError, httpx.ProxyError) as problem:
        reason = re.sub(r"^\[.*?\] *", "", str(problem)) or "no connection"
        if "CERTIFICATE_VERIFY_FAILED" in str(problem):
            raise AddressFailed(
                f"the certificate of {host} is not trusted ({reason}); if your network has one of its own, name it in SSL_CERT_FILE"
            ) from problem
        raise _BrokeOff(f"{host} cannot be reached ({reason})", reached=False) from problem
    except httpx.TransportError as problem:
        raise _BrokeOff(f"the connection to {host} broke off") from problem
    except (httpx.InvalidURL, UnicodeError) as problem:
        raise AddressFailed(f"{shown(url)} is no address of a file, or leads to none") from problem


def _check_status(answer: httpx.Response, url: str) -> None:
    status = answer.status_code
    if status in (200, 206) or (status == 416 and "Range" in answer.request.headers):
        return
    message = f"{shown(url)} answers {status} ({answer.reason_phrase or 'no reason given'})"
    if status in _TRANSIENT:
        asked = answer.headers.get("Retry-After", "")
        raise _BrokeOff(message, float(asked) if re.fullmatch(r"\d{1,6}", asked) else None)
    raise AddressFailed(message)


def _extent(answer: httpx.Response) -> tuple[int | None, int | None]:
    """Where in the file the answer's content begins (None: it holds nothing), and how long the whole file is (None: not said)."""
    if answer.status_code == 200:
        length = answer.headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() else None
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", answer.headers.get("Content-Range", "").strip())
    start, total = match.groups() if match else (None, None)
    return None if start is None else int(start), None if total is None else int(total)


def _write(
    answer: httpx.Response,
    url: str,
    part: Path,
    start: int,
    total: int | None,
    size_bytes: int | None,
    on_bytes: OnBytes,
) -> None:
    """The answer's content into ``part``, from ``start`` on (0: anew)."""
    if size_bytes is not None and total not in (None, size_bytes):
        raise AddressFailed(f"{shown(url)} offers {total} bytes instead of {size_bytes}")
    expected = total if size_bytes is None else size_bytes
    _check_space(part, start, expected)
    with part.open("ab" if start else "wb") as content:
        if not start:
            _note(part, url, answer)
        done = start
        on_bytes(done, expected)
        for chunk in answer.iter_raw():
            done += len(chunk)
            if done > (expected or MOST_BYTES):
                break
            content.write(chunk)
            on_bytes(done, expected)
    if done > (expected or MOST_BYTES):
        discard(part)
        raise AddressFailed(f"{shown(url)} sends more than {expected or MOST_BYTES} bytes")
    if expected is not None and done < expected:
        raise _BrokeOff(f"{shown(url)} ended after {done} of {expected} bytes")


def _check_space(part: Path, start: int, expected: int | None) -> None:
    # what is replaced gives its room back
    free = shutil.disk_usage(part.parent).free + (0 if start else part_bytes(part))
    if expected is not None and expected - start > free:
        raise OSError(
            errno.ENOSPC, f"{(expected - start) / 1e6:.1f} MB are needed and {free / 1e6:.1f} MB free", str(part)
        )


def _note_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.from")


def _note(part: Path, url: str, answer: httpx.Response) -> None:
    """Keep which state of the file this is, if the server says it."""
    states = _states(answer)
    if states:
        _note_path(part).write_text(f"{shown(url)}\n{states[0]}\n", encoding="utf-8")
    else:
        _note_path(part).unlink(missing_ok=True)


def _noted(part: Path, url: str) -> str | None:
    """The state that ``part`` is of; None if it is not known, or of another address (then the digest alone decides)."""
    try:
        lines = _note_path(part).read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return None
    return lines[1] if len(lines) == 3 and lines[0] == shown(url) else None


def _states(answer: httpx.Response) -> list[str]:
    """What tells this state of the file from others, the surest first. A weak ETag does not hold byte for byte."""
    given = (answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""))
    return [state for state in given if state.isascii() and state.isprintable() and state[:2] not in ("", "W/")]


def _is_other_state(answer: httpx.Response, noted: str | None) -> bool:
    """A server may ignore If-Range and still send the piece."""
    states = _states(answer)
    return noted is not None and bool(states) and noted not in states
