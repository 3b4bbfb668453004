"""Streams over the loopback interface, from real servers."""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import subprocess
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from streamclf.errors import SourceError, SourceNotFoundError
from streamclf.frame import Frame
from streamclf.sources.network import NetworkSource
from tests.clips import grey_pictures, make_clip, number_of
from tests.servers import ClipServer, free_port, sending, serving, streaming

SECRET = "hunter2"


@pytest.fixture
def server() -> Iterator[ClipServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 frames, a key frame every 5."""
    return make_clip(
        tmp_path_factory.mktemp("net") / "c.mkv", grey_pictures(25, (320, 240)), "-pix_fmt", "yuv420p", "-g", "5"
    )


@pytest.fixture(scope="module")
def transport_stream(clip: Path) -> Path:
    options = ("-pix_fmt", "yuv420p", "-g", "5", "-f", "mpegts")
    return make_clip(clip.with_suffix(".ts"), grey_pictures(25), *options, rate="60")


def patient(url: str) -> NetworkSource:
    return NetworkSource(url, "net")


def impatient(url: str) -> NetworkSource:
    return NetworkSource(url, "net", open_timeout_s=0.3, read_timeout_s=0.3)


def connected(address: str, child: subprocess.Popen[bytes]) -> NetworkSource:
    """An open source, as soon as the child listens."""
    for _ in range(200):
        source = patient(address)
        try:
            source.open()
        except SourceError as error:
            if "connection refused" not in str(error):
                raise
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"ffmpeg ended with {child.wait(0.05)}")
        else:
            return source
    pytest.fail("ffmpeg never listened")


def failure(source: NetworkSource) -> tuple[list[Frame], SourceError]:
    frames: list[Frame] = []
    with closing(source), pytest.raises(SourceError) as raised:
        frames.extend(source)
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    return frames, raised.value


def test_a_stream_of_finite_length_is_recorded_and_whole(server: ClipServer, clip: Path) -> None:
    server.files["/clip.mkv"] = clip.read_bytes()
    source = patient(server.url("/clip.mkv"))
    assert source.is_live
    with closing(source):
        frames = list(source)
    assert [number_of(frame.image) for frame in frames] == list(range(25))
    assert not source.is_live
    assert source.info.frame_count == 25


def test_a_file_without_a_duration_is_recorded_because_it_has_a_size(server: ClipServer, tmp_path: Path) -> None:
    raw = make_clip(tmp_path / "raw.h264", grey_pictures(9), "-pix_fmt", "yuv420p")
    server.files["/raw.h264"] = raw.read_bytes()
    source = patient(server.url("/raw.h264"))
    with closing(source):
        assert len(list(source)) == 9
    assert not source.is_live


def test_a_stream_without_a_length_is_live(server: ClipServer, transport_stream: Path) -> None:
    server.files["/endless.ts"] = transport_stream.read_bytes()
    source = patient(server.url("/endless.ts"))
    with closing(source):
        frames = list(source)
    assert len(frames) == 25
    assert source.is_live
    assert source.info.is_live
    assert source.info.frame_count is None
    assert source.info.duration_s is None


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_transport_stream_sent_by_ffmpeg_is_live(transport_stream: Path, protocol: str) -> None:
    port = free_port(socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
    address = f"{protocol}://127.0.0.1:{port}"
    with sending(transport_stream, address + ("?listen=1" if protocol == "tcp" else "?pkt_size=1316")) as child:
        source = connected(address, child)
        with closing(source):
            frames = list(itertools.islice(source, 30))
    assert source.is_live
    assert len(frames) == 30
    assert {frame.picture.size_wh for frame in frames} == {(64, 48)}
    seconds = [frame.pts_s for frame in frames if frame.pts_s is not None]
    assert all(earlier < later for earlier, later in itertools.pairwise(seconds))


def test_a_stream_whose_clock_starts_anew_goes_on(transport_stream: Path) -> None:
    with streaming(transport_stream.read_bytes()) as url, closing(patient(url)) as source:
        seconds = [frame.pts_s for frame in itertools.islice(source, 60) if frame.pts_s is not None]
    steps = [later - earlier for earlier, later in itertools.pairwise(seconds)]
    assert min(steps) > 0
    assert max(steps) < 1


def test_a_connection_cut_in_the_middle_fails_after_the_frames_that_came(server: ClipServer, clip: Path) -> None:
    server.files["/cut.mkv"] = clip.read_bytes()
    frames, error = failure(patient(server.url("/cut.mkv")))
    assert 0 < len(frames) < 25
    assert str(error).endswith("/cut.mkv: the stream broke off: the connection was lost")


def test_a_peer_that_falls_silent_is_given_up_after_the_read_timeout(server: ClipServer, clip: Path) -> None:
    server.files["/pause.mkv"] = clip.read_bytes()
    frames, error = failure(NetworkSource(server.url("/pause.mkv"), "net", open_timeout_s=0.5, read_timeout_s=0.5))
    assert 0 < len(frames) < 25
    assert "nothing came for 0.5 s" in str(error)


def test_a_peer_that_never_answers_is_given_up_after_the_open_timeout(server: ClipServer) -> None:
    _, error = failure(impatient(server.url("/stall")))
    assert str(error) == f"{server.url('/stall')}: no answer within 0.3 s"


@pytest.mark.parametrize("scheme", ["rtsp", "tcp", "rtmp"])
def test_a_peer_that_accepts_and_says_nothing_is_given_up_after_the_open_timeout(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/x"
        _, error = failure(impatient(url))
    assert str(error) == f"{url}: no answer within 0.3 s"


def test_data_that_never_becomes_a_picture_is_given_up(server: ClipServer) -> None:
    silence = b"\x47\x1f\xff\x10" + b"\xff" * 184  # a transport stream's padding
    with streaming(silence) as url:
        _, error = failure(impatient(url))
    assert str(error).startswith(f"{url}: ")


def test_video_without_one_whole_picture_is_given_up(transport_stream: Path) -> None:
    data = transport_stream.read_bytes()
    for needed in (0x65, 0x67, 0x68):  # the key frames and what describes them, as H.264 marks them
        data = data.replace(bytes([0, 0, 1, needed]), bytes([0, 0, 1, 0x1E]))
    with streaming(data) as url:
        _, error = failure(NetworkSource(url, "net", open_timeout_s=0.5))
    assert str(error) == f"{url}: the stream broke off: no picture within 0.5 s"


def test_nobody_sending_is_given_up() -> None:
    _, error = failure(impatient(f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"))
    assert "no answer within 0.3 s" in str(error)


@pytest.mark.parametrize("scheme", ["http", "rtsp", "tcp"])
def test_a_refused_connection_says_so(scheme: str) -> None:
    port = free_port()
    _, error = failure(patient(f"{scheme}://me:{SECRET}@127.0.0.1:{port}/x?key={SECRET}"))
    assert str(error).startswith(f"{scheme}://127.0.0.1:{port}/x: connection refused")


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/none", SourceNotFoundError, "the server has nothing of this name (404)"),
        ("/private", SourceError, "the server wants another user or password"),
        (
            "/circle",
            SourceError,
            "cannot be reached; check the host's name and the network, and that the server does not redirect in a circle",
        ),
        ("/page", SourceError, "what comes from there is not a video that can be read"),
    ],
)
def test_what_the_server_says_is_one_sentence_without_secrets(
    server: ClipServer, path: str, kind: type[SourceError], expected: str
) -> None:
    server.files["/page"] = b"<html>no film at all</html>" * 50
    _, error = failure(patient(server.url(f"{path}?key={SECRET}", f"me:{SECRET}@")))
    assert isinstance(error, kind)
    assert str(error) == f"{server.url(path)}: {expected}"


def test_a_text_is_not_shown_as_a_film_of_letters(server: ClipServer) -> None:
    server.files["/letter.txt"] = b"no film at all\n" * 99
    _, error = failure(patient(server.url("/letter.txt")))
    assert str(error) == f"{server.url('/letter.txt')}: this is text, not a video"


def test_a_file_that_needs_range_requests_says_so(server: ClipServer, videos: Path) -> None:
    server.files["/late.mp4"] = (videos / "intel_bottle-detection.mp4").read_bytes()
    _, error = failure(patient(server.url("/late.mp4")))
    assert "needs a server that answers range requests" in str(error)


def test_a_protocol_that_is_not_read_is_refused_before_connecting() -> None:
    _, error = failure(patient(f"ftp://me:{SECRET}@127.0.0.1/film.mp4"))
    assert str(error).startswith("ftp://127.0.0.1/film.mp4: not an address of a kind that can be read (http, https, ")


def test_warnings_hold_no_secrets(server: ClipServer, clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = bytearray(clip.read_bytes())
    for place in range(len(data) // 3, len(data) - 1, 97):
        data[place] ^= 0x5A
    server.files["/noisy.mkv"] = bytes(data)
    source = patient(server.url(f"/noisy.mkv?key={SECRET}", f"me:{SECRET}@"))
    with closing(source):
        assert list(source)
    assert source.corrupt
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert SECRET not in caplog.text
    assert SECRET not in repr(source.info)
