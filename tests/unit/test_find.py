from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pytest

from streamclf.catalogue.find import (
    builtin_folder,
    cache_folder,
    find_card,
    find_file,
    find_model,
    list_models,
    user_folder,
)
from streamclf.errors import CardError, ConfigError, ModelFileError, UnknownModelError
from streamclf.verify import verify
from tests.networks import little_network

CONTENT = b"these are weights"


def make_model(root: Path, name: str = "little", weights: bytes | None = CONTENT, **lines: str) -> Path:
    folder = little_network(root, name, CONTENT, **{"url": 'url = "https://example.org/net.onnx"', **lines})
    if weights is not None:
        (folder / f"{name}.onnx").write_bytes(weights)
    return folder


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Own folders for everything that is searched; the real home is left out."""
    for variable, folder in (
        ("HOME", "home"),
        ("STREAMCLF_CACHE", "cache"),
        ("STREAMCLF_MIRROR", "mirror"),
        ("STREAMCLF_MODELS", "models"),
    ):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / folder))
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path


def test_a_folder_is_a_model(places: Path) -> None:
    folder = make_model(places / "elsewhere")
    for given in (str(folder), folder, folder / "card.toml", str(folder) + "/"):
        model = find_model(given)
        assert (model.card.name, model.folder, model.labels) == ("little", folder, ("cat", "dog"))
        assert model.paths == {"weights": folder / "little.onnx"}


def test_a_relative_folder_is_a_model(places: Path) -> None:
    make_model(places / "home")
    assert find_model("little").card.name == "little"
    assert find_model("./little").card.name == "little"


def test_names_are_searched_in_the_users_order(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = places / "home" / ".local/share/streamclf/models"
    make_model(home)
    assert find_model("little").folder == home / "little"
    make_model(places / "models")
    assert find_model("little").folder == places / "models" / "little"
    make_model(places / "first")
    monkeypatch.setenv("STREAMCLF_MODELS", f"{places / 'first'}:{places / 'models'}")
    assert find_model("little").folder == places / "first" / "little"
    assert [entry.folder for entry in list_models() if entry.name == "little"] == [places / "first" / "little"]


def test_the_built_in_catalogue_is_found_and_comes_last(places: Path) -> None:
    names = {entry.name for entry in list_models()}
    assert {"tiny-darknet", "mobilenet-v1-0.25", "mobilenet-v2-qdq"} <= names
    assert builtin_folder().name == "models"


def test_the_user_s_folders_are_where_xdg_s_variables_say(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAMCLF_CACHE")
    home = places / "home"
    assert (user_folder(), cache_folder()) == (home / ".local/share/streamclf/models", home / ".cache/streamclf")
    for variable, folder in (("XDG_DATA_HOME", "data"), ("XDG_CACHE_HOME", "kept")):
        monkeypatch.setenv(variable, str(places / folder))
    assert (user_folder(), cache_folder()) == (places / "data/streamclf/models", places / "kept/streamclf")
    make_model(places / "data/streamclf/models")
    assert find_model("little").folder == places / "data/streamclf/models/little"
    monkeypatch.setenv("STREAMCLF_CACHE", str(places / "cache"))
    assert cache_folder() == places / "cache"


def test_a_variable_of_xdg_that_is_no_absolute_path_does_not_count(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STREAMCLF_CACHE")
    for given in ("", "share"):
        monkeypatch.setenv("XDG_DATA_HOME", given)
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert user_folder() == places / "home/.local/share/streamclf/models"
        assert cache_folder() == places / "home/.cache/streamclf"


@pytest.mark.parametrize(
    ("given", "said"), [("/none/of/these", "/none/of/these"), ("ftp://me:SECRET@example.net/x", "ftp://example.net/x")]
)
def test_a_mirror_that_is_not_there_is_a_mistake_wherever_it_is_looked_into(
    given: str, said: str, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMCLF_MIRROR", given)
    folder = make_model(places / "models", weights=None)
    for use in (find_model, find_card, verify):
        with pytest.raises(ConfigError) as caught:
            use("little")
        assert str(caught.value).startswith(f"STREAMCLF_MIRROR: there is no folder {said}; ")
    (folder / "little.onnx").write_bytes(CONTENT)  # and where it is not needed it does no harm
    assert find_model("little").paths["weights"] == folder / "little.onnx"


def test_an_unknown_name_is_told_its_nearest(places: Path) -> None:
    make_model(places / "models")
    with pytest.raises(UnknownModelError, match=r"litle: no network of that name; did you mean little\?"):
        find_model("litle")
    with pytest.raises(UnknownModelError, match=r"zzz: no network of that name; 'streamclf models list' shows all \d+"):
        find_model("zzz")


def test_a_folder_without_a_card_is_refused(places: Path) -> None:
    with pytest.raises(UnknownModelError, match=r"the folder holds no card\.toml"):
        find_model(str(places))
    with pytest.raises(UnknownModelError, match="there is no such folder"):
        find_model("./nowhere")


def test_files_are_looked_for_beside_the_card_then_in_the_cache_then_in_the_mirror(places: Path) -> None:
    folder = make_model(places / "models", weights=None)
    in_mirror, in_cache = (
        places / "mirror" / "deep" / "down" / "little.onnx",
        places / "cache" / "little" / "little.onnx",
    )
    for path in (in_mirror, in_cache, folder / "little.onnx"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)
        assert find_model("little").paths["weights"] == path


def test_a_missing_file_says_what_it_is_and_where_to_get_it(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model(places / "models", weights=None)
    with pytest.raises(ModelFileError) as caught:
        find_model("little")
    for part in (
        "little.onnx",
        "0.0 MB",
        "MIT",
        "'streamclf models pull little' fetches it from https://example.org/net.onnx",
        *(str(places / p) for p in ("models", "cache", "mirror")),
    ):
        assert part in str(caught.value)
    monkeypatch.delenv("STREAMCLF_MIRROR")
    with pytest.raises(ModelFileError, match="STREAMCLF_MIRROR"):
        find_model("little")
    assert caught.value.exit_code == 1


def test_a_missing_file_of_a_folder_without_a_name_is_pulled_by_its_folder(places: Path) -> None:
    folder = make_model(places / "else where", weights=None)
    with pytest.raises(ModelFileError, match=f"'streamclf models pull '{folder}'' fetches"):
        find_model(folder)


def test_a_mirror_that_is_an_address_is_no_folder_and_keeps_its_password(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model(places / "models", weights=None)
    (places / "home" / "https:" / "me:SECRET@example.net").mkdir(parents=True)
    (places / "home" / "https:" / "me:SECRET@example.net" / "little.onnx").write_bytes(CONTENT)
    monkeypatch.setenv("STREAMCLF_MIRROR", "https://me:SECRET@example.net")
    with pytest.raises(ModelFileError) as caught:
        find_model("little")
    assert "from https://example.net/little.onnx or https://example.org/net.onnx" in str(caught.value)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("kind", ["sha256", "sha1"])
def test_an_altered_file_is_refused_by_name_with_both_digests(kind: str, places: Path) -> None:
    right = hashlib.new(kind, CONTENT).hexdigest()
    altered = CONTENT.replace(b"w", b"W")
    folder = make_model(places / "models", digest=f'{kind} = "{right}"')
    assert find_model("little")
    (folder / "little.onnx").write_bytes(altered)
    (places / "mirror" / "little.onnx").write_bytes(CONTENT)  # what lies beside the card is meant
    with pytest.raises(ModelFileError) as caught:
        find_model("little")
    assert caught.value.exit_code == 1
    wrong = hashlib.new(kind, altered).hexdigest()
    for part in (str(folder / "little.onnx"), right[:12], wrong[:12]):
        assert part in str(caught.value)


def test_another_network_s_file_of_the_same_name_in_the_mirror_is_passed_over(places: Path) -> None:
    make_model(places / "models", weights=None)
    for folder, content in (("a", b"something else"), ("b", CONTENT), ("c", b"and more")):
        (places / "mirror" / folder).mkdir()
        (places / "mirror" / folder / "little.onnx").write_bytes(content)
    assert find_model("little").paths["weights"] == places / "mirror" / "b" / "little.onnx"


def test_the_list_tells_what_is_available_by_size(places: Path) -> None:
    make_model(places / "models", "here")
    make_model(places / "models", "gone", weights=None)
    make_model(places / "models", "cut", weights=CONTENT[:-1])
    available = {entry.name: entry.available for entry in list_models() if entry.folder.parent == places / "models"}
    assert available == {"here": True, "gone": False, "cut": False}


def test_a_file_of_unknown_size_is_known_by_its_name_and_on_loading_by_its_digest(places: Path) -> None:
    folder = make_model(places / "models", size="", weights=None)
    with pytest.raises(
        ModelFileError, match=r"little\.onnx: a file of little \(size unknown, licence MIT\) is missing"
    ):
        find_model("little")
    entry = find_card("little")
    assert (entry.available, entry.size_mb) == (False, None)
    (folder / "little.onnx").write_bytes(CONTENT)
    assert find_card("little").available
    model = find_model("little")
    assert (model.card.size_bytes, model.size_bytes) == (None, len(CONTENT))
    (folder / "little.onnx").write_bytes(CONTENT + b"!")
    assert find_card("little").available
    right, wrong = (hashlib.sha256(content).hexdigest()[:12] for content in (CONTENT, CONTENT + b"!"))
    with pytest.raises(ModelFileError, match=rf"18 bytes with sha256 {wrong}\.\.\. instead of {right}\.\.\.;"):
        find_model("little")


def test_a_broken_card_is_left_out_of_the_list_with_a_warning(places: Path, caplog: pytest.LogCaptureFixture) -> None:
    (make_model(places / "models") / "card.toml").write_text("schema = 1\n", encoding="utf-8")
    make_model(places / "models", "other")
    with caplog.at_level(logging.WARNING, logger="streamclf"):
        names = {entry.name for entry in list_models()}
    assert "other" in names
    assert "little" not in names
    assert "little/card.toml" in caplog.text


def test_a_card_and_its_folder_must_agree_on_the_name(places: Path) -> None:
    folder = make_model(places / "models")
    folder.rename(places / "models" / "large")
    with pytest.raises(CardError, match="name is 'little', but the folder is 'large'"):
        find_model("large")


def test_a_label_list_of_the_wrong_length_is_refused(places: Path) -> None:
    folder = make_model(places / "models")
    (folder / "labels.txt").write_text("cat\ndog\ncow\n", encoding="utf-8")
    with pytest.raises(
        CardError, match=r"labels\.txt: 3 labels, but the card of little says output\.classes = 2"
    ) as caught:
        find_model("little")
    assert caught.value.exit_code == 2


def test_an_unknown_label_set_is_refused_with_the_known_ones(places: Path) -> None:
    make_model(places / "models", labels='set = "imagenet-9"')
    with pytest.raises(
        CardError, match=r"labels\.set 'imagenet-9' is unknown; there are .*imagenet-1000, imagenet-1000-darknet"
    ):
        find_model("little")


def test_a_card_is_found_whether_its_files_are_here_or_not(places: Path) -> None:
    folder = make_model(places / "models", weights=None)
    entry = find_card("little")
    assert (entry.name, entry.folder, entry.available) == ("little", folder, False)
    assert find_file(entry.card.files[0], folder) is None
    (folder / "little.onnx").write_bytes(CONTENT)
    assert find_card(folder).available
    assert find_file(entry.card.files[0], folder) == folder / "little.onnx"
