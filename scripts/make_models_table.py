"""Write the tables of networks in README.md and models/README.md anew, from the cards: what stands between their two comments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamclf.catalogue.card import CARD_NAME, ModelCard, read_card

REPOSITORY = Path(__file__).resolve().parents[1]
MODELS = REPOSITORY / "models"
BEGIN, END = "<!-- models: begin (make models-table) -->", "<!-- models: end -->"
SETS = {"imagenet": "ImageNet", "coco": "COCO", "voc": "Pascal VOC"}


@dataclass(frozen=True)
class Page:
    """A page with a table: its columns' names, and a card's cells."""

    path: Path
    head: Sequence[str]
    row: Callable[[ModelCard], Sequence[str]]

    def table(self) -> str:
        """A row a card of the catalogue, by name."""
        cards = [read_card(path) for path in sorted(MODELS.glob(f"*/{CARD_NAME}"))]
        rows = [self.head, ("---",) * len(self.head), *map(self.row, cards)]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)

    def updated(self, text: str) -> str:
        """``text`` with the table of today between its comments."""
        before, begin, rest = text.partition(BEGIN)
        _, end, after = rest.partition(END)
        if not end:
            raise SystemExit(f"{self.path}: the comments {BEGIN} and {END} are missing")
        return f"{before}{begin}\n{self.table()}{end}{after}"


def short_row(card: ModelCard) -> tuple[str, ...]:
    """What to choose by."""
    return (
        f"[`{card.name}`](models/{card.name})",
        card.task,
        card.framework,
        megabytes(card),
        f"{card.accuracy.top1:g} %" if card.accuracy else "-",
        verified(card),
    )


def full_row(card: ModelCard) -> tuple[str, ...]:
    size = megabytes(card)
    classes = SETS.get((card.labels.set or "").partition("-")[0], "its own")
    top1 = "see there" if card.evaluation else "-"
    return (
        f"[`{card.name}`]({card.name})",
        card.task,
        card.framework,
        size if size == "?" else f"{size} MB",
        f"{classes}, {card.output.classes}",
        card.licence,
        f"{card.accuracy.top1:g} %" if card.accuracy else top1,
        verified(card),
    )


def megabytes(card: ModelCard) -> str:
    return "?" if card.size_bytes is None else f"{card.size_bytes / 1e6:.1f}"


def verified(card: ModelCard) -> str:
    return "yes" if card.verified else "no"


PAGES = (
    Page(REPOSITORY / "README.md", ("name", "task", "framework", "MB", "top-1", "verified"), short_row),
    Page(
        MODELS / "README.md",
        ("name", "task", "framework", "size", "classes", "licence", "published top-1", "verified"),
        full_row,
    ),
)


if __name__ == "__main__":
    for page in PAGES:
        page.path.write_text(page.updated(page.path.read_text(encoding="utf-8")), encoding="utf-8")
        print(page.path)
