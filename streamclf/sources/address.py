"""Addresses of network streams, as they may be shown."""

from __future__ import annotations

import re

SCHEMES = frozenset(["http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "rtp", "srt", "udp", "tcp"])
"""The protocols a network source reads."""

_ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.DOTALL
)


def scheme_of(url: str) -> str:
    """The protocol in lower case, "" if there is none."""
    match = _ADDRESS.fullmatch(url)
    return match["scheme"].lower() if match else ""


def almost_address(text: str) -> str:
    """What a text that is no address but seems meant as one may be shown as; "" for any other. ``rtsp:/me:secret@host`` is one."""
    if _ADDRESS.fullmatch(text):
        return ""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", text)
    if scheme and scheme[1].lower() in SCHEMES:
        return f"{scheme[1].lower()}:..."
    return "..." if re.search(r":[^/\\]*@", text) else ""  # a user and password without a protocol


def redact_url(url: str) -> str:
    """The address without user, password, query and fragment: scheme, host, port and path.

    Where a password with unescaped characters makes it unclear which part is which, only the scheme is left.
    """
    match = _ADDRESS.fullmatch(url)
    if match is None:
        return "..."
    scheme, authority, path = match["scheme"].lower(), match["authority"], match["path"]
    host = authority.rpartition("@")[2]
    unclear = "@" in path + match["rest"] and ":" in authority
    if unclear or not re.fullmatch(r"(\[[0-9A-Fa-f:.%]*\]|[^:\[\]]*)(:\d*)?", host):
        return f"{scheme}://..."
    return f"{scheme}://{host}{path}"
