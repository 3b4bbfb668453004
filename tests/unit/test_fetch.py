from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import socket
import threading
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from streamclf.catalogue import download
from streamclf.catalogue.download import AddressFailed, Patience, check_redirect
from streamclf.catalogue.fetch import Fetched, fetch_file, kept_bytes
from streamclf.catalogue.find import find_card, find_model
from streamclf.errors import ModelFileError
from tests.downloads import CONTENT, FileServer, Give, file_server, make_card, redirect, silent, status

HALF = len(CONTENT) // 2
OTHER = CONTENT[::-1]


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as started:
        yield started


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Path:
    """Own folders, no mirror, no proxy."""
    for variable, folder in (("HOME", "home"), ("STREAMCLF_CACHE", "cache"), ("STREAMCLF_MODELS", "models")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / folder))
    monkeypatch.delenv("STREAMCLF_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    caplog.set_level(logging.INFO, logger="streamclf")
    return tmp_path


class Puller:
    """Pulls the only file of the network, and remembers the pauses."""

    def __init__(self, root: Path):
        self.cache = root / "cache" / "little"
        self.pauses: list[float] = []
        self.seen: list[tuple[int, int | None]] = []
        self.patience = Patience(connect_s=5, silence_s=5, tries=3, wait=self.pauses.append)

    def __call__(self, size: int | None = len(CONTENT)) -> Fetched:
        entry = find_card("little")
        file = entry.card.files[0].model_copy(update={"bytes": size})
        return fetch_file(file, entry, lambda done, total: self.seen.append((done, total)), self.patience)

    def fails(self, *parts: object) -> str:
        with pytest.raises(ModelFileError) as caught:
            self()
        message = str(caught.value)
        assert message.startswith("little.onnx: "), message
        assert caught.value.exit_code == 1
        for part in parts:
            assert str(part) in message
        assert not (self.cache / "little.onnx").exists()
        return message

    @property
    def left(self) -> list[str]:
        return sorted(path.name for path in self.cache.glob("*"))

    @property
    def part(self) -> Path:
        return self.cache / "little.onnx.part"


@pytest.fixture
def pull(places: Path) -> Puller:
    return Puller(places)


def starts(server: FileServer) -> list[int]:
    return [asked.start for asked in server.asked]


def offer(server: FileServer, places: Path, *acts: download.Callable[..., None], kind: str = "sha256") -> str:
    """A card whose file is at the address that does ``acts``."""
    url = server.script("/net.onnx", *acts)
    make_card(places / "models", url, kind=kind)
    return url


@pytest.mark.parametrize("kind", ["sha256", "sha1"])
def test_a_file_is_fetched_into_its_networks_folder_of_the_cache_and_found_there(
    server: FileServer, places: Path, pull: Puller, kind: str
) -> None:
    url = offer(server, places, Give(), kind=kind)
    fetched = pull()
    assert fetched == Fetched("little.onnx", pull.cache / "little.onnx", len(CONTENT), url, is_new=True)
    assert find_model("little").paths["weights"] == fetched.path
    assert pull.left == ["little.onnx"]
    assert pull.seen[0] == (0, len(CONTENT))
    assert pull.seen[-1] == (len(CONTENT), len(CONTENT))
    assert server.asked[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("folder", "origin"), [("models/little", "card"), ("cache/deep/down", "cache"), ("mirror/deep", "mirror")]
)
def test_what_is_here_with_the_right_digest_is_not_fetched_again(
    server: FileServer, places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch, folder: str, origin: str
) -> None:
    offer(server, places, Give())
    monkeypatch.setenv("STREAMCLF_MIRROR", str(places / "mirror"))
    path = places / folder / "little.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CONTENT)
    assert pull() == Fetched("little.onnx", path, len(CONTENT), origin, is_new=False)
    assert server.asked == []
    assert not pull.cache.exists()


def test_a_wrong_file_in_the_cache_is_replaced_by_the_right_one(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, Give())
    pull.cache.mkdir()
    (pull.cache / "little.onnx").write_bytes(OTHER)
    assert pull().is_new
    assert (pull.cache / "little.onnx").read_bytes() == CONTENT


def test_a_wrong_file_beside_the_card_has_to_be_deleted_first(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, Give())
    (places / "models" / "little" / "little.onnx").write_bytes(OTHER)
    with pytest.raises(ModelFileError, match=r"models/little/little\.onnx: .*delete it"):
        pull()
    assert server.asked == []


def test_a_mirror_with_an_address_is_asked_before_the_public_one(
    server: FileServer, places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    offer(server, places, Give())
    base = server.script("/nets/little.onnx", Give()).removesuffix("/little.onnx")
    monkeypatch.setenv("STREAMCLF_MIRROR", base.replace("//", "//me:SECRET@") + "/")
    assert pull().origin == "mirror"
    assert [asked.path for asked in server.asked] == ["/nets/little.onnx"]
    assert "/nets/little.onnx" in caplog.text
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize("failure", [status(404), Give(OTHER), Give(CONTENT[:-1])])
def test_a_mirror_that_has_not_the_right_file_is_passed_over(
    server: FileServer, places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch, failure: object
) -> None:
    url = offer(server, places, Give())
    monkeypatch.setenv("STREAMCLF_MIRROR", server.script("/little.onnx", failure).removesuffix("/little.onnx"))
    assert pull().origin == url
    assert [asked.path for asked in server.asked] == ["/little.onnx", "/net.onnx"]


def test_a_broken_connection_is_taken_up_where_it_broke(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, Give(cut_after=HALF), Give(cut_after=1000), Give())
    assert pull().path.read_bytes() == CONTENT
    assert starts(server) == [0, HALF, HALF + 1000]
    assert pull.pauses == [1, 2]
    assert pull.left == ["little.onnx"]


def test_a_file_that_ends_early_without_a_stated_length_is_taken_up_too(
    server: FileServer, places: Path, pull: Puller
) -> None:
    offer(server, places, Give(cut_after=HALF, says_length=False), Give())
    assert pull().path.read_bytes() == CONTENT
    assert starts(server) == [0, HALF]


def test_what_an_ended_pull_left_is_used_by_the_next(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, Give(cut_after=HALF), status(503))
    message = pull.fails("503", "3 times", "try again later", f"{HALF / 1e6:.1f} MB that are here will be used")
    assert "elsewhere" not in message
    assert pull.part.read_bytes() == CONTENT[:HALF]
    server.script("/net.onnx", Give())
    server.asked.clear()
    assert pull().path.read_bytes() == CONTENT
    assert starts(server) == [HALF]


def test_ctrl_c_leaves_what_came_for_the_next_pull(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, Give())

    def stop(done: int, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    entry = find_card("little")
    with pytest.raises(KeyboardInterrupt):
        fetch_file(entry.card.files[0], entry, stop, pull.patience)
    kept = kept_bytes(entry.card.files[0], entry)
    assert 0 < kept < len(CONTENT)
    assert pull.part.read_bytes() == CONTENT[:kept]
    pull()
    assert starts(server) == [0, kept]
    assert kept_bytes(entry.card.files[0], entry) == 0


def test_a_server_that_knows_no_ranges_begins_anew(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, Give(cut_after=HALF), Give(honours_range=False))
    assert pull().path.read_bytes() == CONTENT
    assert starts(server) == [0, HALF]


def test_a_kept_part_that_is_too_long_is_thrown_away(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, Give())
    pull.cache.mkdir()
    pull.part.write_bytes(CONTENT + b"more")
    assert pull().path.read_bytes() == CONTENT
    assert starts(server) == [len(CONTENT) + 4, 0]


def test_a_kept_part_that_is_complete_needs_no_server(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, status(404))
    pull.cache.mkdir()
    pull.part.write_bytes(CONTENT)
    assert pull().path.read_bytes() == CONTENT
    assert server.asked == []


def test_pieces_that_do_not_make_the_right_file_are_fetched_once_more_as_a_whole(
    server: FileServer, places: Path, pull: Puller
) -> None:
    offer(server, places, Give(OTHER, cut_after=HALF), Give())
    assert pull().path.read_bytes() == CONTENT
    assert starts(server) == [0, HALF, 0]


@pytest.mark.parametrize("honours_if_range", [True, False])
@pytest.mark.parametrize(
    ("old", "new", "noted"),
    [
        ({"etag": '"a"'}, {"etag": '"b"'}, '"a"'),
        ({"etag": 'W/"a"', "modified": "Mon"}, {"etag": 'W/"a"', "modified": "Tue"}, "Mon"),
    ],
)
def test_a_file_that_changed_meanwhile_is_not_glued_to_its_old_half(
    server: FileServer,
    places: Path,
    pull: Puller,
    caplog: pytest.LogCaptureFixture,
    honours_if_range: bool,
    old: dict[str, str],
    new: dict[str, str],
    noted: str,
) -> None:
    offer(server, places, Give(OTHER, cut_after=HALF, **old), Give(honours_if_range=honours_if_range, **new))
    assert pull().path.read_bytes() == CONTENT
    assert server.asked[1].headers["If-Range"] == noted
    assert starts(server) == ([0, HALF] if honours_if_range else [0, HALF, 0])
    assert "once more" not in caplog.text
    assert pull.left == ["little.onnx"]


def test_a_part_from_the_mirror_is_taken_up_at_the_public_address_without_its_etag(
    server: FileServer, places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = offer(server, places, Give(etag='"public"'))
    mirror = server.script("/little.onnx", Give(etag='"mirror"', cut_after=HALF), status(404))
    monkeypatch.setenv("STREAMCLF_MIRROR", mirror.removesuffix("/little.onnx"))
    assert pull().origin == url
    assert [(asked.path, asked.start, asked.headers["If-Range"]) for asked in server.asked] == [
        ("/little.onnx", 0, None),
        ("/little.onnx", HALF, '"mirror"'),
        ("/net.onnx", HALF, None),
    ]


@pytest.mark.parametrize("kind", ["sha256", "sha1"])
def test_wrong_content_never_gets_the_files_name(server: FileServer, places: Path, pull: Puller, kind: str) -> None:
    url = offer(server, places, Give(OTHER), kind=kind)
    right, wrong = (hashlib.new(kind, content).hexdigest()[:12] for content in (CONTENT, OTHER))
    pull.fails(url, kind, right, wrong, "the card of little", "deleted", "put it into", "STREAMCLF_MIRROR")
    assert pull.left == []
    assert len(server.asked) == 1


def test_another_announced_length_is_refused_before_anything_is_fetched(
    server: FileServer, places: Path, pull: Puller
) -> None:
    url = offer(server, places, Give(b"<html>Please log in</html>"))
    pull.fails(url, "offers 26 bytes instead of 262144", "put it into")
    assert pull.seen == []
    assert pull.left == []


def test_more_than_the_card_says_is_cut_off_and_thrown_away(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, Give(CONTENT + CONTENT, says_length=False))
    pull.fails("sends more than 262144 bytes")
    assert pull.left == []


@pytest.mark.parametrize("says_length", [True, False])
def test_a_file_of_unknown_size_is_fetched_and_its_digest_decides(
    server: FileServer, places: Path, pull: Puller, says_length: bool
) -> None:
    offer(server, places, Give(cut_after=HALF), Give(says_length=says_length))
    assert pull(None).path.read_bytes() == CONTENT
    assert starts(server) == [0, HALF]
    assert pull.seen[0] == (0, len(CONTENT))


def test_a_complete_part_of_unknown_size_is_recognised_by_the_servers_word(
    server: FileServer, places: Path, pull: Puller
) -> None:
    offer(server, places, Give())
    pull.cache.mkdir()
    pull.part.write_bytes(CONTENT)
    assert pull(None).path.read_bytes() == CONTENT
    assert starts(server) == [len(CONTENT)]


def test_an_endless_file_of_unknown_size_is_cut_off(
    server: FileServer, places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MOST_BYTES", HALF)
    offer(server, places, Give(says_length=False))
    with pytest.raises(ModelFileError, match=f"sends more than {HALF} bytes"):
        pull(None)
    assert pull.left == []


@pytest.mark.parametrize(("code", "words"), [(404, "404 (Not Found)"), (403, "403 (Forbidden)")])
def test_a_refusal_is_final_and_says_what_to_do(
    server: FileServer, places: Path, pull: Puller, code: int, words: str
) -> None:
    url = offer(server, places, status(code))
    pull.fails(f"{url} answers {words}", "get it elsewhere", pull.cache, "as little.onnx", "STREAMCLF_MIRROR")
    assert len(server.asked) == 1
    assert pull.pauses == []


def test_a_busy_server_is_asked_again_after_the_pause_it_asks_for(
    server: FileServer, places: Path, pull: Puller, caplog: pytest.LogCaptureFixture
) -> None:
    offer(server, places, status(503, Retry_After=7), status(429, Retry_After=100000), Give())
    assert pull().is_new
    assert pull.pauses == [7, 60]
    assert "503 (Service Unavailable); trying again in 7 s" in caplog.text


def test_headway_makes_a_line_that_often_breaks_good(
    server: FileServer, places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "HEADWAY_BYTES", len(CONTENT) // 10)
    offer(server, places, *[Give(cut_after=len(CONTENT) // 8)] * 7, Give())
    assert pull().path.read_bytes() == CONTENT
    assert pull.pauses == [1] * 7


def test_bytes_that_were_here_before_are_no_headway(
    server: FileServer, places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "HEADWAY_BYTES", 1000)
    cuts = [Give(honours_range=False, cut_after=cut) for cut in (HALF, 2000, HALF, 2000)]
    offer(server, places, *cuts)
    pull.fails("3 times")
    assert len(server.asked) == 3


def test_a_silent_server_is_given_up(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, silent)
    pull.patience = replace(pull.patience, silence_s=0.05)
    pull.fails(f"127.0.0.1:{server.server_port} was silent for 0.05 s, 3 times", "try again later")


def test_silence_in_the_middle_is_a_break_like_any_other(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, Give(cut_after=HALF, hold=True), Give())
    pull.patience = replace(pull.patience, silence_s=0.5)
    assert pull().path.read_bytes() == CONTENT
    assert starts(server)[0] == 0
    assert starts(server)[1] == HALF


def test_without_a_network_the_host_is_named(places: Path, pull: Puller) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but nobody listens
        make_card(places / "models", f"http://127.0.0.1:{closed.getsockname()[1]}/net.onnx?key=SECRET")
        message = pull.fails("127.0.0.1", "cannot be reached (Connection refused), 2 times", "try again later")
    assert "SECRET" not in message
    assert len(pull.pauses) == 1


def test_a_mirror_that_nobody_serves_is_soon_passed_over(
    server: FileServer, places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = offer(server, places, Give())
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("STREAMCLF_MIRROR", f"http://127.0.0.1:{closed.getsockname()[1]}/nets")
        pull.patience = replace(pull.patience, tries=50)
        assert pull().origin == url
    assert len(pull.pauses) == 1
    assert "cannot be reached (Connection refused), 2 times; trying the public address" in caplog.text


def test_a_server_that_goes_away_in_the_middle_gets_all_tries(server: FileServer, places: Path, pull: Puller) -> None:
    def leave(pause_s: float) -> None:
        server.shutdown()
        server.server_close()

    offer(server, places, Give(cut_after=HALF))
    pull.patience = replace(pull.patience, tries=5, wait=leave)
    pull.fails(
        "cannot be reached",
        "5 times",
        f"the {HALF / 1e6:.1f} MB that are here will be used, or name",
        "STREAMCLF_MIRROR",
    )


def test_a_pull_in_vain_leaves_no_folder(
    server: FileServer, places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = places / "no" / "cache"
    monkeypatch.setenv("STREAMCLF_CACHE", str(deep))
    pull.cache = deep / "little"
    offer(server, places, status(404))
    pull.fails("404")
    assert not (places / "no").exists()
    server.script("/net.onnx", Give(cut_after=HALF), status(404))
    pull.fails("404")
    assert pull.left == ["little.onnx.part"]  # what came stays


def test_a_card_without_an_address_says_where_to_put_the_file(places: Path, pull: Puller) -> None:
    make_card(places / "models", None)
    pull.fails("the card of little has no address", "put it into", pull.cache, "STREAMCLF_MIRROR")


@pytest.mark.parametrize(
    "url", ["http://[", "http://a b/", "http://" + "x" * 300 + "/n", "http:///n", "http://h:99999/n"]
)
def test_an_address_that_is_none_is_said_so(places: Path, pull: Puller, url: str) -> None:
    make_card(places / "models", url)
    pull.fails("no address of a file", "STREAMCLF_MIRROR")
    assert pull.pauses == []


def test_a_certificate_that_is_not_trusted_is_no_matter_of_patience(
    places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate")

    monkeypatch.setattr(httpx.Client, "send", refuse)
    make_card(places / "models", "https://example.org/net.onnx")
    pull.fails("the certificate of example.org is not trusted", "self-signed", "SSL_CERT_FILE")
    assert pull.pauses == []


def test_redirects_are_followed(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, redirect("/a"))
    server.script("/a", redirect(server.script("/b", Give(cut_after=HALF), Give())))
    assert pull().path.read_bytes() == CONTENT
    assert starts(server) == [0, 0, 0, HALF, HALF, HALF]


def test_redirects_in_a_circle_end(server: FileServer, places: Path, pull: Puller) -> None:
    url = offer(server, places, redirect("/net.onnx"))
    pull.fails(f"{url} redirects more than 5 times")
    assert len(server.asked) == 6


def test_a_redirect_never_leaves_https_nor_http() -> None:
    check_redirect("https://a.org/x", "https://b.org/x")
    check_redirect("http://a.org/x", "https://b.org/x")
    for old, new in (("https", "http"), ("https", "ftp"), ("http", "file")):
        with pytest.raises(AddressFailed, match=f"redirects from {old} to {new}"):
            check_redirect(f"{old}://a.org/x", f"{new}://a.org/x")


def test_a_redirect_to_a_file_is_not_followed(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, redirect("file:///etc/passwd"))
    pull.fails("redirects from http to file")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_is_said_so(server: FileServer, places: Path, pull: Puller) -> None:
    offer(server, places, Give())
    pull.cache.mkdir()
    pull.part.symlink_to("/dev/full")
    pull.fails("the disk of", pull.cache, "is full", "make room", "STREAMCLF_CACHE")


def test_too_little_room_is_seen_before_anything_is_written(
    server: FileServer, places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server, places, Give())
    free = namedtuple("free", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: free(len(CONTENT) - 1))
    pull.fails("is full (0.3 MB are needed and 0.3 MB free)")
    assert pull.seen == []
    pull.cache.mkdir()
    pull.part.write_bytes(CONTENT[:1])  # with one byte here, there is room for the others
    assert pull().is_new


def test_a_cache_that_cannot_be_written_is_said_so(
    server: FileServer, places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server, places, Give())
    (places / "file").write_text("in the way")
    monkeypatch.setenv("STREAMCLF_CACHE", str(places / "file" / "cache"))
    pull.fails("cannot be written into", places / "file", "STREAMCLF_CACHE")
    assert server.asked == []


def test_a_cache_without_permission_is_said_so(
    server: FileServer, places: Path, pull: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server, places, Give())

    def refuse(old: object, new: object) -> None:
        raise PermissionError(13, "Permission denied", str(new))

    monkeypatch.setattr(os, "replace", refuse)
    pull.fails("cannot be written into", "Permission denied")
    assert pull.part.read_bytes() == CONTENT


@pytest.fixture
def waiting() -> Iterator[threading.Semaphore]:
    """Released each time that somebody says to wait for another process."""
    said = threading.Semaphore(0)

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "another process" in record.getMessage():
                said.release()

    listener = Listener()
    logging.getLogger("streamclf").addHandler(listener)
    yield said
    logging.getLogger("streamclf").removeHandler(listener)


def test_who_comes_second_waits_and_finds_the_file(
    server: FileServer, places: Path, pull: Puller, background: type, waiting: threading.Semaphore
) -> None:
    offer(server, places, Give(cut_after=HALF, hold=True))
    first = background(pull)
    assert server.reached.wait(5)
    second = background(pull)
    assert waiting.acquire(timeout=5)
    server.released.set()
    assert first.result().is_new
    assert second.result() == replace(first.result(), origin="cache", is_new=False)
    assert len(server.asked) == 1
    assert pull.left == ["little.onnx"]


def test_a_lock_that_its_holder_took_away_is_not_enough_to_begin(
    server: FileServer, places: Path, pull: Puller, background: type, waiting: threading.Semaphore
) -> None:
    offer(server, places, Give())
    pull.cache.mkdir()
    path = pull.cache / "little.onnx.lock"
    with contextlib.ExitStack() as held:
        with path.open("ab") as first:
            fcntl.flock(first, fcntl.LOCK_EX)
            second = background(pull)
            assert waiting.acquire(timeout=5)
            path.unlink()
            fcntl.flock(held.enter_context(path.open("ab")), fcntl.LOCK_EX)  # a third one came in between
        assert waiting.acquire(timeout=5)
        assert server.asked == []
    assert second.result().is_new


def test_who_waited_for_one_that_failed_tries_itself(
    server: FileServer, places: Path, pull: Puller, background: type
) -> None:
    offer(server, places, Give(OTHER, cut_after=HALF, hold=True), Give())
    first = background(pull)
    assert server.reached.wait(5)
    second = background(pull)
    server.released.set()
    with pytest.raises(ModelFileError):
        first.result()
    assert second.result().is_new
    assert pull.left == ["little.onnx"]
