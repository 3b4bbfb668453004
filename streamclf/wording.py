"""What is wrong with a value a person wrote, in that person's words instead of the checking library's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import AfterValidator

_WORDS = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text in quotes",
    "string_too_long": "must have at most {max_length} characters",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
    "literal_error": "must be {expected}",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
}
_LONGEST = 80


def complaint(fault: Mapping[str, Any]) -> str:
    """One fault of a pydantic ``ValidationError`` as the end of a sentence: "must be at least 1"."""
    words = _WORDS.get(fault["type"])
    if words is not None:
        limits = {key: _plain_number(value) for key, value in fault.get("ctx", {}).items()}
        return words.format(**limits)
    message: str = fault["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def shown(value: object) -> str:
    """The value as the person wrote it, shortened; what may hold a password, an address with a user, is not repeated."""
    text = repr(value)
    if "@" in text:
        return "what is given"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def first_line(error: BaseException, longest: int = 160) -> str:
    """What another library says, in one line of at most ``longest`` characters."""
    text = " ".join((str(error).strip() or type(error).__name__).partition("\n")[0].split())
    return text if len(text) <= longest else text[: longest - 3] + "..."


def toml_value(value: object) -> str:
    """A number, a truth, a text, or a flat list of these as TOML writes it."""
    # JSON writes them alike, but for the one control character that it leaves bare.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def matching(pattern: str, words: str) -> AfterValidator:
    """A text that fits ``pattern`` as a whole; any other is refused with ``words``."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(words)
        return text

    return AfterValidator(check)


def _plain_number(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value
