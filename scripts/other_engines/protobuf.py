"""Protocol buffers read without their definitions: the text form, and the fields of the binary one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Message = dict[str, list[Any]]


def text_message(text: str) -> Message:
    """``name: "x" layer { ... }`` to ``{"name": ["x"], "layer": [{...}]}``: every field is a list."""
    text = re.sub(r"#.*", "", text)
    return _message(iter(re.findall(r'"[^"]*"|[{}]|[^\s{}:"]+', text)))


def _message(words: Iterator[str]) -> Message:
    message: Message = {}
    for key in words:
        if key == "}":
            break
        value = next(words)
        message.setdefault(key, []).append(_message(words) if value == "{" else value.strip('"'))
    return message


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Every field's number and value: a whole number, or bytes (also of numbers of fixed size)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        else:
            size = {1: 8, 5: 4}[kind]
        yield key >> 3, data[at : at + size]
        at += size


def numbers(data: bytes) -> list[int]:
    """Packed whole numbers."""
    found, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        found.append(value)
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
