"""Real servers on the loopback interface, each bounded in time and stopped at the end."""

from __future__ import annotations

import contextlib
import http.server
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self


class _Handler(http.server.BaseHTTPRequestHandler):
    server: ClipServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.close_connection = True
        if path == "/stall":
            self.server.released.wait(20)
        elif path == "/private":
            self.send_error(401)
        elif path == "/circle":
            self.send_response(302)
            self.send_header("Location", self.path)
            self.end_headers()
        elif path not in self.server.files:
            self.send_error(404)
        else:
            data = self.server.files[path]
            self.send_response(200)
            length = ("Transfer-Encoding", "chunked") if path == "/endless.ts" else ("Content-Length", str(len(data)))
            self.send_header(*length)
            self.end_headers()
            with contextlib.suppress(OSError):
                self._send(path, data)

    def _send(self, path: str, data: bytes) -> None:
        if path.startswith(("/cut", "/pause")):
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            if path.startswith("/pause"):
                self.server.released.wait(20)
            return
        self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if path == "/endless.ts" else data)


class LoopbackServer(http.server.ThreadingHTTPServer):
    """An HTTP server on a free port of this machine; ``released`` ends what its handlers wait for."""

    daemon_threads = False

    def __init__(self, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.released = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        pass

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        """Answers in a thread of its own, which has ended when this is left."""
        with self:
            thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            try:
                yield self
            finally:
                self.released.set()
                self.shutdown()
                thread.join()


class ClipServer(LoopbackServer):
    """Serves ``files`` by path. ``/stall`` never answers, ``/cut*`` breaks off in the middle, ``/pause*`` stops there in silence,
    ``/private`` wants a password, ``/circle`` redirects to itself, ``/endless.ts`` has no stated length."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.files: dict[str, bytes] = {}

    def url(self, path: str, userinfo: str = "") -> str:
        return f"http://{userinfo}127.0.0.1:{self.server_port}{path}"


def serving() -> contextlib.AbstractContextManager[ClipServer]:
    return ClipServer().running()


@contextlib.contextmanager
def streaming(data: bytes) -> Iterator[str]:
    """A TCP address that sends ``data`` over and over to whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stopped = threading.Event()
        thread = threading.Thread(target=_stream, args=(listener, data, stopped))
        thread.start()
        host, port = listener.getsockname()
        try:
            yield f"tcp://{host}:{port}"
        finally:
            # accept() is not interrupted by closing the listener: a last caller who says nothing wakes it
            stopped.set()
            socket.create_connection((host, port)).close()
            thread.join()


def _stream(listener: socket.socket, data: bytes, stopped: threading.Event) -> None:
    while not stopped.is_set():
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            while not stopped.is_set():
                connection.sendall(data)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def sending(clip: Path, target: str) -> Iterator[subprocess.Popen[bytes]]:
    """The ffmpeg binary sends a clip over and over, at its own pace, as an MPEG transport stream."""
    command = ["ffmpeg", "-v", "quiet", "-nostdin", "-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy"]
    child = subprocess.Popen([*command, "-f", "mpegts", target])
    try:
        yield child
    finally:
        child.kill()
        child.wait()
