"""Network streams, read with PyAV: http(s), rtsp and the like, with timeouts that interrupt a dead peer."""

from __future__ import annotations

import errno
import time

import av
from av.container import InputContainer

from streamclf.errors import SourceError, SourceNotFoundError
from streamclf.sources._av import AvSource, Clock, refuse_text
from streamclf.sources.address import SCHEMES, redact_url, scheme_of

__all__ = ["NetworkSource", "redact_url"]


class NetworkSource(AvSource):
    """One stream at an address. Live unless it has a finite length, which is known once it is open.

    Raises :class:`~streamclf.errors.SourceError` when nothing answers within ``open_timeout_s``, when no data comes for
    ``read_timeout_s``, and when the connection breaks. No message holds the user, password or query of the address.
    """

    def __init__(
        self,
        url: str,
        name: str,
        clock: Clock = time.monotonic,
        open_timeout_s: float = 10.0,
        read_timeout_s: float = 10.0,
    ):
        super().__init__(redact_url(url), name, clock, None)
        self._url, self._open_timeout_s, self._read_timeout_s = url, open_timeout_s, read_timeout_s
        self._patience_s = open_timeout_s
        self._live = True

    @property
    def is_live(self) -> bool:
        """True until it is open and turns out to be of finite length."""
        return self._live

    def _connect(self) -> InputContainer:
        if scheme_of(self._url) not in SCHEMES:
            raise SourceError(
                f"{self._label}: not an address of a kind that can be read ({', '.join(sorted(SCHEMES))})"
            )
        give_up_s = time.monotonic() + self._open_timeout_s
        try:
            container = av.open(
                self._url,
                # no "nobuffer": it throws the first key frame away with what was probed, and saves nothing once it runs
                options={"rtsp_transport": "tcp"},
                timeout=(self._open_timeout_s, self._read_timeout_s),
                metadata_errors="replace",
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            failure = self._failure(error, late=time.monotonic() >= give_up_s)
        else:
            refuse_text(container, self._label)
            self._live = not _is_finite(container)
            return container
        # outside of the handler: the cause would show the whole address in a traceback
        raise failure

    def _broke(self, reason: str) -> None:
        if reason == _INTERRUPTED:
            reason = f"nothing came for {self._read_timeout_s:g} s"
        else:
            reason = _PLAIN.get(reason, reason)
            if self._info is None and self._container is not None and self._container.size > 0:
                reason += "; a file whose index is at its end needs a server that answers range requests"
        raise SourceError(f"{self._label}: the stream broke off: {reason}")

    def _failure(self, error: Exception, late: bool) -> SourceError:
        label = self._label
        if isinstance(error, (av.HTTPNotFoundError, av.FileNotFoundError)):
            return SourceNotFoundError(f"{label}: the server has nothing of this name (404)")
        if isinstance(error, (av.HTTPUnauthorizedError, av.HTTPForbiddenError, av.PermissionError)):
            return SourceError(f"{label}: the server wants another user or password")
        if isinstance(error, av.ConnectionRefusedError):
            return SourceError(f"{label}: connection refused; is the server running, and is the port right?")
        if late or isinstance(error, (av.ExitError, av.TimeoutError)):  # of RTSP a timeout comes out as another error
            return SourceError(f"{label}: no answer within {self._open_timeout_s:g} s")
        if isinstance(error, av.InvalidDataError):
            return SourceError(f"{label}: what comes from there is not a video that can be read")
        if isinstance(error, av.FFmpegError) and error.errno == errno.EIO:
            # FFmpeg has one error for an unknown host and for a server that redirects without end
            redirects = ", and that the server does not redirect in a circle" if label.startswith("http") else ""
            return SourceError(f"{label}: cannot be reached; check the host's name and the network{redirects}")
        if isinstance(error, av.FFmpegError):
            reason = error.strerror or type(error).__name__
            return SourceError(f"{label}: cannot be opened ({_PLAIN.get(reason, reason)})")
        return SourceError(f"{label}: cannot be opened ({type(error).__name__})")


_INTERRUPTED = "Immediate exit requested"
"""FFmpeg's words when the timeout ended a wait."""
_PLAIN = {
    "Input/output error": "the connection was lost",
    "Connection reset by peer": "the connection was lost",
    "Broken pipe": "the connection was lost",
    "End of file": "the server hung up",
    "Invalid data found when processing input": "what comes is not readable any more",
    "Invalid argument": "the address is not complete or not valid",
    "Protocol not found": "the FFmpeg in use does not know this protocol",
}
"""FFmpeg's words in a user's."""


def _is_finite(container: InputContainer) -> bool:
    return bool(container.duration and container.duration > 0) or container.size > 0
