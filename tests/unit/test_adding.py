from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streamclf.catalogue import adding
from streamclf.catalogue.adding import add_network, check_name, plan_removal, remove
from streamclf.catalogue.card_text import card_toml
from streamclf.catalogue.find import find_model, list_models, user_folder
from streamclf.catalogue.network_options import network_options
from streamclf.errors import ModelFileError, StreamclfError, UnknownModelError, UsageError
from streamclf.own_network import own_network
from tests.networks import SOFTMAX, mean_colour


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder, in a home of the test's."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STREAMCLF_CACHE", str(tmp_path / "cache"))
    for name in ("STREAMCLF_MODELS", "STREAMCLF_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    return user_folder()


Add = Callable[..., Path]


@pytest.fixture
def add(tmp_path: Path) -> Add:
    def added(
        name: str = "colour", trial: Callable[[Path], object] = find_model, more: str = "", **options: bool
    ) -> Path:
        weights = mean_colour(tmp_path / "files", more=more)
        labels = str(weights.with_name("labels.txt"))
        options_of_it = {"weights": weights, "channels": "bgr", "scale": "1/255", "labels": labels}
        model = own_network(network_options(options_of_it), name=name).model
        return add_network(model, card_toml(model.card), trial, **options)[0]

    return added


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_an_added_network_is_found_by_its_name_whatever_becomes_of_its_files(
    add: Add, root: Path, tmp_path: Path
) -> None:
    folder = add()
    shutil.rmtree(tmp_path / "files")
    assert folder == root / "colour"
    model = find_model("colour")
    assert (model.folder, model.labels) == (folder, ("blue", "green", "red"))
    assert everything(root) == [
        "colour",
        *(
            f"colour/{name}"
            for name in ("added.json", "card.toml", "colour.caffemodel", "colour.prototxt", "labels.txt")
        ),
    ]


def test_a_linked_one_is_its_files_where_they_are(add: Add, tmp_path: Path) -> None:
    folder = add(link=True)
    assert (folder / "colour.caffemodel").resolve() == (tmp_path / "files" / "colour.caffemodel").resolve()
    assert find_model("colour").paths["weights"].is_symlink()
    remove(plan_removal("colour"))
    assert (tmp_path / "files" / "colour.caffemodel").is_file()
    assert not folder.exists()


def failing(kind: type[BaseException]) -> Callable[[Path], object]:
    def fail(folder: Path) -> object:
        assert find_model(folder).card.name == "colour"  # it is complete by then
        raise kind("no")

    return fail


@pytest.mark.parametrize("kind", [StreamclfError, KeyboardInterrupt, MemoryError])
def test_a_failed_trial_leaves_nothing(kind: type[BaseException], add: Add, root: Path) -> None:
    with pytest.raises(kind):
        add(trial=failing(kind))
    assert everything(root) == []


@pytest.mark.parametrize("kind", [StreamclfError, KeyboardInterrupt])
def test_a_failed_replacement_leaves_the_former_one(kind: type[BaseException], add: Add, root: Path) -> None:
    add()
    before = everything(root)
    with pytest.raises(kind):
        add(trial=failing(kind), overwrite=True, more=SOFTMAX)
    assert everything(root) == before
    assert find_model("colour").card.output.softmax is False


def test_a_move_that_fails_puts_the_former_one_back(add: Add, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add()
    before = everything(root)
    real = os.rename

    def rename(old: Path, new: Path) -> None:
        if old.name == "colour" and ".adding" in old.parts:
            raise OSError(errno.EIO, "broken")
        real(old, new)

    monkeypatch.setattr(adding.os, "rename", rename)
    with pytest.raises(ModelFileError, match=r"colour: cannot be written \(broken\); nothing was added"):
        add(overwrite=True, more=SOFTMAX)
    assert everything(root) == before
    assert find_model("colour").card.output.softmax is False


def test_a_full_disk_leaves_nothing_and_points_at_the_link(
    add: Add, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(adding.shutil, "copyfile", full)
    with pytest.raises(ModelFileError, match=r"the disk is full .*, nothing was added; .*--link") as caught:
        add()
    assert caught.value.exit_code == 1
    assert everything(root) == []


def test_what_is_being_added_is_on_no_list_yet(add: Add) -> None:
    seen: list[str] = []
    add(trial=lambda folder: seen.extend(model.name for model in list_models()))
    assert "framecheck" in seen
    assert "colour" not in seen


def test_what_a_killed_program_left_is_cleared_a_day_later(add: Add, root: Path) -> None:
    for name, age_s in (("old", 100_000), ("young", 1000)):
        folder = root / ".adding" / name
        (folder / "net").mkdir(parents=True)
        os.utime(folder, (time.time() - age_s,) * 2)
    add()
    assert [path.name for path in (root / ".adding").iterdir()] == ["young"]


def test_a_replaced_network_is_the_new_one(add: Add) -> None:
    add()
    with pytest.raises(
        UsageError, match="colour: was added before; replace it with --overwrite, or take another --name"
    ):
        add(more=SOFTMAX)
    add(more=SOFTMAX, overwrite=True)
    assert find_model("colour").card.output.softmax is True


def test_a_linked_file_is_never_replaced_by_a_link_to_itself(add: Add, root: Path, tmp_path: Path) -> None:
    folder = add()
    model = own_network(
        network_options(
            {
                "weights": folder / "colour.caffemodel",
                "channels": "bgr",
                "scale": "1",
                "labels": str(folder / "labels.txt"),
            }
        )
    ).model
    with pytest.raises(UsageError, match="lies in the folder that is replaced; add it without --link"):
        add_network(model, card_toml(model.card), find_model, link=True, overwrite=True)
    add_network(model, card_toml(model.card), find_model, overwrite=True)
    assert find_model("colour").card.input.scale == 1


def test_what_the_user_put_there_is_neither_replaced_nor_removed(add: Add, root: Path) -> None:
    (root / "colour").mkdir(parents=True)
    (root / "colour" / "card.toml").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="'models add' did not put it there; take another --name"):
        check_name("colour", overwrite=True)
    with pytest.raises(UsageError, match="was not put there by 'models add'"):
        plan_removal("colour")


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_appears_while_a_network_is_tried_out_is_never_lost(overwrite: bool, add: Add, root: Path) -> None:
    def trial(folder: Path) -> None:
        (root / "colour").mkdir(exist_ok=True)
        (root / "colour" / "precious.txt").write_text("mine", encoding="utf-8")

    with pytest.raises(UsageError, match="colour"):
        add(trial=trial, overwrite=overwrite)
    assert everything(root) == ["colour", "colour/precious.txt"]


def test_a_file_of_the_user_s_in_an_added_folder_stays(add: Add) -> None:
    folder = add()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"notes\.txt: would be lost with the replaced network"):
        add(overwrite=True)
    assert remove(plan_removal("colour")) == (folder / "notes.txt",)
    assert everything(folder) == ["notes.txt"]


@pytest.mark.parametrize("name", ["../../x", "..", "a/b", "/tmp/x", "", "A", ".adding"])
def test_a_name_never_leaves_the_folder(name: str, root: Path) -> None:
    for refuse in (check_name, plan_removal):
        with pytest.raises(UsageError, match=r"must be of small letters, digits and \. _ - only"):
            refuse(name)
    assert not root.exists()


def test_a_name_of_the_catalogue_is_taken(add: Add) -> None:
    with pytest.raises(UsageError, match=r"framecheck: is the name of the network in .*; take another --name"):
        add(name="framecheck")


def test_a_folder_of_the_same_name_where_one_happens_to_be_takes_no_name(
    add: Add, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(add(), tmp_path / "here" / "other")
    monkeypatch.chdir(tmp_path / "here")
    check_name("other")
    with pytest.raises(UnknownModelError, match="other: no network of that name"):
        plan_removal("other")


def test_only_what_was_fetched_of_a_catalogue_s_network_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "tiny-darknet"
    folder.mkdir(parents=True)
    for name in ("tiny.weights", "tiny.cfg.part", "tiny.cfg.part.from", "mine.txt"):
        (folder / name).write_bytes(b"x")
    plan = plan_removal("tiny-darknet")
    assert sorted(path.name for path in plan.files) == ["tiny.cfg.part", "tiny.cfg.part.from", "tiny.weights"]
    assert (plan.folder, plan.size_bytes) == (None, 3)
    assert remove(plan) == ()
    assert everything(folder) == ["mine.txt"]
    with pytest.raises(UsageError, match=r"tiny-darknet: .* nothing of it was fetched, so there is nothing to remove"):
        plan_removal("tiny-darknet")


@pytest.mark.parametrize("missing", [False, True])
def test_an_added_network_with_a_damaged_card_can_be_removed(missing: bool, add: Add) -> None:
    folder = add()
    if missing:
        (folder / "card.toml").unlink()
    else:
        (folder / "card.toml").write_text("schema = 2", encoding="utf-8")
    remove(plan_removal("colour"))
    assert not folder.exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"files": ["../../victim"]}', '{"files": [1]}', '{"files": "x"}'])
def test_a_damaged_list_of_what_was_added_removes_nothing(text: str, add: Add, root: Path) -> None:
    folder = add()
    (folder / "added.json").write_text(text, encoding="utf-8")
    (root.parent / "victim").write_bytes(b"precious")
    with pytest.raises(ModelFileError, match=r"added\.json: is damaged"):
        plan_removal("colour")
    assert (folder / "card.toml").is_file()
