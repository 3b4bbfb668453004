from __future__ import annotations

import pytest

from streamclf.sources.address import almost_address, redact_url, scheme_of


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://host/clip.mp4", "http://host/clip.mp4"),
        ("rtsp://host:554/stream/1", "rtsp://host:554/stream/1"),
        ("RTSP://me:secret@host:554/x?key=secret#secret", "rtsp://host:554/x"),
        ("http://me@host/", "http://host/"),
        ("rtsp://me:se@cret@host/x", "rtsp://host/x"),
        ("http://me:secret@[::1]:80/x", "http://[::1]:80/x"),
        ("udp://@:1234", "udp://:1234"),
        ("tcp://0.0.0.0:1?listen=1", "tcp://0.0.0.0:1"),
        ("http://host/@channel/live?to=a@b", "http://host/@channel/live"),
        ("rtsp://me:se/cret@host/x", "rtsp://..."),
        ("rtsp://me:1/secret@host/x", "rtsp://..."),
        ("rtsp://me:se?cret@host/x", "rtsp://..."),
        ("rtsp://me:se#cret@host/x", "rtsp://..."),
        ("rtsp://me:secret@[bad/x", "rtsp://..."),
        ("not an address", "..."),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_the_protocol_is_read_whatever_its_case() -> None:
    assert scheme_of("HTTPS://host") == "https"
    assert scheme_of("clip.mp4") == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp:/bob:SECRET@h/x", "rtsp:..."),
        ("RTSP:bob:SECRET@h/x", "rtsp:..."),
        ("http:host", "http:..."),
        ("bob:SECRET@h/x", "..."),
        ("rtsp//bob:SECRET@h/x", "..."),
        ("rtsp://bob:SECRET@h/x", ""),
        ("clip.mp4", ""),
        ("C:\\clips\\a@b.mp4", ""),
        ("12:30 me@home/clip.mp4", "..."),
        ("12:30/me@home.mp4", ""),
    ],
)
def test_what_is_nearly_an_address_is_told_from_a_path(text: str, shown: str) -> None:
    assert almost_address(text) == shown
