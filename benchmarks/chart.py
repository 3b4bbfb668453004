"""The bar chart: frames a second of everyone, one panel a network and clip."""

from pathlib import Path
from typing import Any

OURS = {"fast": "#0b7a75", "exact": "#19b5a5"}
PEERS = {"fast": "#8a939b", "exact": "#c3c9ce"}
INK = "#263238"
COLUMNS = 3


def draw(tasks: list[dict[str, Any]], path: Path) -> None:
    """Write a PNG. Bars are medians, whiskers the least and the most of the rounds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Patch

    columns = min(COLUMNS, len(tasks))
    rows = -(-len(tasks) // columns)
    most = max(len(task["contenders"]) for task in tasks)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(6.4 * columns, (0.27 * most + 1.1) * rows + 0.5), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(tasks) :]:
        axis.set_visible(False)
    for axis, task in zip(axes.flat, tasks, strict=False):
        _panel(axis, task)
    legend = [
        Patch(color=OURS["fast"], label="streamclf, --precision fast"),
        Patch(color=OURS["exact"], label="streamclf"),
        Patch(color=PEERS["fast"], label="peers that may use 16 bits"),
        Patch(color=PEERS["exact"], label="peers"),
    ]
    figure.legend(handles=legend, loc="outside upper center", ncols=4, frameon=False, fontsize=10)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _panel(axis: Any, task: dict[str, Any]) -> None:
    entries = sorted(task["contenders"], key=lambda entry: entry["fps"]["median"])
    medians = [entry["fps"]["median"] for entry in entries]
    colours = [(OURS if entry["ours"] else PEERS)[entry["precision"]] for entry in entries]
    below = [entry["fps"]["median"] - entry["fps"]["min"] for entry in entries]
    above = [entry["fps"]["max"] - entry["fps"]["median"] for entry in entries]
    whiskers = {"ecolor": INK, "elinewidth": 0.8, "capsize": 1.5}
    axis.barh(range(len(entries)), medians, color=colours, height=0.76, xerr=[below, above], error_kw=whiskers)
    right = max(entry["fps"]["max"] for entry in entries)
    for place, entry in enumerate(entries):
        text = f"{entry['fps']['median']:.0f}  ({entry['over_plain']['median']:.1f}x)"
        axis.text(entry["fps"]["max"] + 0.015 * right, place, text, va="center", fontsize=7.5, color=INK)
    axis.set_yticks(range(len(entries)), [entry["name"] for entry in entries], fontsize=8)
    for label, entry in zip(axis.get_yticklabels(), entries, strict=True):
        label.set_fontweight("bold" if entry["ours"] else "normal")
    axis.set_xlim(0, 1.22 * right)
    axis.set_title(f"{task['title']}, {task['clip']}", fontsize=10, loc="left", color=INK)
    axis.set_xlabel("frames a second (times the plain OpenCV loop)", fontsize=8, color=INK)
    axis.tick_params(axis="x", labelsize=8)
    axis.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
