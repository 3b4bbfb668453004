"""Make the catalogue's ImageNet label lists from public lists of the class names.

    python scripts/make_imagenet_labels.py ../shared/mirror/labels models/labels

``imagenet-1000.txt`` takes the first synonym of each class in the usual order (that of the WordNet ids);
``imagenet-1000-darknet.txt`` holds the same labels in Darknet's own order. The names of two classes each are the same or
differ in case only: a table makes them distinct.
"""

from __future__ import annotations

import argparse
from pathlib import Path

# WordNet id -> label, where the first synonym alone would not tell two classes apart.
DISTINCT = {
    "n02012849": "crane (bird)",
    "n03126707": "crane (machine)",
    "n03710637": "maillot",
    "n03710721": "maillot (tank suit)",
    "n02113186": "Cardigan (dog)",
    "n02963159": "cardigan",
}
# The same names in Darknet's list, by its index: only the index tells them apart. The bird stands between flamingo and limpkin;
# the maillots are in the order of Darknet's list of WordNet ids, and Tiny Darknet's answers on photographs agree with it.
DARKNET = {
    49: "Cardigan (dog)",
    428: "crane (bird)",
    544: "crane (machine)",
    781: "maillot",
    835: "cardigan",
    976: "maillot (tank suit)",
}


def main_labels(lines: list[str]) -> tuple[list[str], dict[str, str]]:
    """The labels in the usual order, and every unambiguous synonym's label."""
    classes = [line.split(" ", 1) for line in lines]
    labels = [DISTINCT.get(wnid, names.split(",")[0].strip()) for wnid, names in classes]
    by_name: dict[str, set[str]] = {}
    for (_, names), label in zip(classes, labels, strict=True):
        for name in names.split(","):
            by_name.setdefault(name.strip(), set()).add(label)
    firsts = {names.split(",")[0].strip(): label for (_, names), label in zip(classes, labels, strict=True)}
    only = {name: next(iter(found)) for name, found in by_name.items() if len(found) == 1}
    return labels, only | firsts


def darknet_labels(names: list[str], by_name: dict[str, str]) -> list[str]:
    """The same labels in Darknet's order."""
    return [DARKNET.get(index) or by_name[name.strip()] for index, name in enumerate(names)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", type=Path, help="folder with synset_words.txt and imagenet.shortnames.list")
    parser.add_argument("out", type=Path, help="folder for the label lists")
    arguments = parser.parse_args()
    synsets = (arguments.lists / "synset_words.txt").read_text(encoding="utf-8").splitlines()
    shortnames = (arguments.lists / "imagenet.shortnames.list").read_text(encoding="utf-8").splitlines()[:1000]
    labels, by_name = main_labels(synsets)
    darknet = darknet_labels(shortnames, by_name)
    if len({label.lower() for label in labels}) != 1000 or sorted(darknet) != sorted(labels):
        raise SystemExit("the two lists do not name the same 1000 distinct classes")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, content in (("imagenet-1000", labels), ("imagenet-1000-darknet", darknet)):
        path = arguments.out / f"{name}.txt"
        path.write_text("\n".join(content) + "\n", encoding="utf-8", newline="\n")
        print(f"{path}: {len(content)} labels")


if __name__ == "__main__":
    main()
