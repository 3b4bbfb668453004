"""Write the table of networks in models/README.md anew, from the cards: what stands between its two comments."""

from pathlib import Path

from streamclf.catalogue.card import CARD_NAME, ModelCard, read_card

MODELS = Path(__file__).resolve().parents[1] / "models"
README = MODELS / "README.md"
BEGIN, END = "<!-- models: begin (make models-table) -->", "<!-- models: end -->"
HEAD = ("name", "task", "framework", "size", "classes", "licence", "published top-1", "verified")
SETS = {"imagenet": "ImageNet", "coco": "COCO", "voc": "Pascal VOC"}


def table() -> str:
    """A row a card of the catalogue, by name."""
    cards = [read_card(path) for path in sorted(MODELS.glob(f"*/{CARD_NAME}"))]
    rows = [HEAD, ("---",) * len(HEAD), *map(row, cards)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def row(card: ModelCard) -> tuple[str, ...]:
    size = "?" if card.size_bytes is None else f"{card.size_bytes / 1e6:.1f} MB"
    classes = SETS.get((card.labels.set or "").partition("-")[0], "its own")
    top1 = "see there" if card.evaluation else "-"
    return (
        f"[`{card.name}`]({card.name})",
        card.task,
        card.framework,
        size,
        f"{classes}, {card.output.classes}",
        card.licence,
        f"{card.accuracy.top1:g} %" if card.accuracy else top1,
        "yes" if card.verified else "no",
    )


def updated(text: str) -> str:
    """``text`` with the table of today between its comments."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{README}: the comments {BEGIN} and {END} are missing")
    return f"{before}{begin}\n{table()}{end}{after}"


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
    print(README)
