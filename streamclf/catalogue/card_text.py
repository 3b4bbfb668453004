"""A model card as the text of a ``card.toml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamclf.catalogue.card import ModelCard
from streamclf.wording import toml_value


def card_toml(card: ModelCard, remarks: Sequence[str] = ()) -> str:
    """The text of a ``card.toml`` that reads as ``card``, with ``remarks`` as comments. What is a card's default is left out."""
    content = card.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    lines = [f"# {_one_line(remark)}" for remark in remarks]
    lines += _lines({key: value for key, value in content.items() if not _tables(value)})
    for key, value in content.items():
        for table in _tables(value):
            lines += ["", f"[[{key}]]" if isinstance(value, list) else f"[{key}]", *_lines(table)]
    return "\n".join(lines) + "\n"


def _tables(value: object) -> list[Mapping[str, object]]:
    """The tables that a value is, or holds; none of a plain value."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, Mapping)]


def _lines(table: Mapping[str, object]) -> list[str]:
    return [f"{key} = {toml_value(value)}" for key, value in table.items()]


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
