"""A real file server on the loopback interface that misbehaves by script, and a network whose file it has."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import TypeAlias

from tests.networks import little_network
from tests.servers import LoopbackServer

DEADLINE_S = 20.0
CONTENT = bytes(range(256)) * 1024


def make_card(
    root: Path, url: str | None, name: str = "little", content: bytes = CONTENT, kind: str = "sha256"
) -> Path:
    """The folder of a network whose only file is ``NAME.onnx`` at ``url``; the file itself is not there."""
    digest = f'{kind} = "{hashlib.new(kind, content).hexdigest()}"'
    return little_network(root, name, content, digest=digest, url=f'url = "{url}"' if url else "")


class Handler(http.server.BaseHTTPRequestHandler):
    server: FileServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.close_connection = True
        with self.server.lock:
            self.server.asked.append(Asked(self.path, self.headers))
            acts = self.server.acts.get(self.path, [status(404)])
            act = acts.pop(0) if len(acts) > 1 else acts[0]
        with contextlib.suppress(OSError):  # the client may leave early
            act(self)

    def head(self, code: int, **headers: object) -> None:
        self.send_response(code)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


Act: TypeAlias = Callable[[Handler], None]


@dataclass
class Asked:
    path: str
    headers: Message

    @property
    def start(self) -> int:
        """From which byte on."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))
        assert match
        return int(match[1])


class FileServer(LoopbackServer):
    """Each request to a path gets the path's next act; the last one again and again."""

    def __init__(self) -> None:
        super().__init__(Handler)
        self.acts: dict[str, list[Act]] = {}
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        self.reached = threading.Event()

    def script(self, path: str, *acts: Act) -> str:
        """What ``path`` does; returns its address."""
        self.acts[path] = list(acts)
        return f"http://127.0.0.1:{self.server_port}{path}"


def file_server() -> contextlib.AbstractContextManager[FileServer]:
    return FileServer().running()


@dataclass(frozen=True)
class Give:
    """The file as a well-behaved server gives it, or less well by the fields' names."""

    content: bytes = CONTENT
    etag: str | None = None
    modified: str | None = None
    honours_range: bool = True
    honours_if_range: bool = True
    says_length: bool = True
    length: int | None = None
    cut_after: int | None = None
    hold: bool = False
    """Stop there in silence, until the server is released."""

    def __call__(self, handler: Handler) -> None:
        start = Asked("", handler.headers).start if self.honours_range else 0
        if_range = handler.headers.get("If-Range")
        if if_range is not None and self.honours_if_range and if_range not in (self.etag, self.modified):
            start = 0
        if start >= len(self.content):
            handler.head(416, Content_Range=f"bytes */{len(self.content)}", Content_Length=0)
            return
        piece = self.content[start:]
        length = (len(piece) if self.length is None else self.length) if self.says_length else None
        extent = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}" if start else None
        handler.head(
            206 if start else 200,
            Content_Length=length,
            Content_Range=extent,
            ETag=self.etag,
            Last_Modified=self.modified,
        )
        handler.wfile.write(piece[: self.cut_after])
        handler.wfile.flush()
        if self.hold:
            handler.server.reached.set()
            handler.server.released.wait(DEADLINE_S)
            handler.wfile.write(piece[self.cut_after :] if self.cut_after is not None else b"")


def status(code: int, **headers: object) -> Act:
    return lambda handler: handler.head(code, Content_Length=0, **headers)


def redirect(to: str) -> Act:
    return status(302, Location=to)


def silent(handler: Handler) -> None:
    """Say nothing at all."""
    handler.server.released.wait(DEADLINE_S)
