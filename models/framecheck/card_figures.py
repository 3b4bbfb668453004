"""The evaluation's figures in card.toml: write them there, or compare them with what stands there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamclf.catalogue.card import read_card

KEYS = ("top1", "least_recall", "false_alarms", "calibration_error")
TOLERANCE = 1.0
"""Percentage points by which a network trained anew may differ from the card."""


def tables(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The card's ``[[evaluation]]`` tables out of evaluate.py's report; figures in percent."""
    rows: list[dict[str, Any]] = []
    for lines, of in report["generated"]["sizes"].items():
        rows.append(
            {
                "on": f"generated frames of {lines} lines",
                "frames": of["frames"],
                "photographs": of["photographs"],
                "top1": _percent(of["top1"]),
                "least_recall": _percent(min(of["recall"].values())),
                "false_alarms": _percent(of["clean_called_damaged"]),
                "calibration_error": _percent(of["calibration_error"]),
            }
        )
    for name, part in (("real clips, undamaged", "undamaged"), ("real clips, damaged by ffmpeg", "damaged")):
        clips = report["clips"][part]["rows"]
        frames = sum(row["frames"] for row in clips)
        rows.append({"on": name, "frames": frames, "top1": _percent(sum(row["right"] for row in clips) / frames)})
    return rows


def enter(card: Path, report: Mapping[str, Any]) -> None:
    """Put the tables into the card, in place of those that stand there."""
    text = re.sub(r"\n\[\[evaluation\]\]\n(?:[^\[\n].*\n?)*", "", card.read_text(encoding="utf-8")).rstrip("\n")
    for row in tables(report):
        lines = (f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in row.items())
        text += "\n\n[[evaluation]]\n" + "\n".join(lines)
    card.write_text(text + "\n", encoding="utf-8")
    read_card(card)


def compare(card: Path, report: Mapping[str, Any]) -> tuple[list[str], bool]:
    """A line for each table: the figures, and how far they are from the card's; and whether top-1 stays within the tolerance."""
    known = {entry.on: entry for entry in read_card(card).evaluation}
    lines, close = [], True
    for row in tables(report):
        before = known.get(row["on"])
        shown = []
        for key in KEYS:
            if key in row:
                old = None if before is None else getattr(before, key)
                moved = "" if old is None else f" ({row[key] - old:+.2f})"
                shown.append(f"{key} {row[key]:.2f}{moved}")
        close &= before is not None and abs(row["top1"] - before.top1) <= TOLERANCE
        lines.append(f"{row['on']}: {', '.join(shown)}")
    return lines, close


def _percent(share: float) -> float:
    return round(100 * share, 2)
