from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from streamclf.catalogue.find import builtin_folder

Run = Callable[..., "subprocess.CompletedProcess[str]"]
FAST = "mobilenet-v1-0.25"


def wrong_copy(folder: Path, name: str) -> Path:
    """A network with the channels in the wrong order."""
    shutil.copytree(builtin_folder() / name, folder, ignore=shutil.ignore_patterns("*.py", "*.png"))
    card = folder / "card.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('"rgb"', '"bgr"'), encoding="utf-8")
    return folder


def test_verify_shows_a_line_a_network_and_what_the_time_is_of(streamclf: Run) -> None:
    done = streamclf("models", "verify", "framecheck", FAST)
    assert done.returncode == 0, done.stdout
    head, first, second, off_by, legend, count = done.stdout.splitlines()
    assert head.split("  ")[0] == "name"
    assert first.split()[:3] == ["framecheck", "pass", "3"]
    assert first.split("  ")[-1].startswith("ONNX Runtime ")
    assert second.split()[:3] == [FAST, "pass", "3"]
    assert second.split("  ")[-1].startswith("TensorFlow ")
    assert re.search(r"  1\.\d\d times \(1\.15 allowed\)  ", first)
    assert off_by.startswith("off by, so many times: the probabilities differ from the other engine's by this factor")
    assert legend.startswith("ms: the forward pass of one picture, the median of 15 on this machine just now, ")
    assert count == "2 pass, 0 unproven, 0 fail, 0 are not here"
    assert [line for line in done.stderr.splitlines() if "pass" in line] == [
        "streamclf: framecheck: pass (1 of 2)",
        f"streamclf: {FAST}: pass (2 of 2)",
    ]


def test_scores_of_boxes_have_a_legend_of_their_own(streamclf: Run) -> None:
    done = streamclf("models", "verify", "yolo-fastest-1.1")
    _, row, *legends = done.stdout.splitlines()
    assert re.search(r"  0\.0\d\d \(0\.025 allowed\)  ", row)
    assert [line.split(":")[0] for line in legends if line.startswith("off by")] == ["off by, a plain number"]
    assert "a box's score, 0 to 1" in done.stdout


def test_only_what_is_here_is_counted_on_the_way(streamclf: Run) -> None:
    done = streamclf("models", "verify", "vgg-16", "framecheck", "vgg-19", STREAMCLF_MIRROR="")
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line.startswith("streamclf: ")]
    assert said == ["streamclf: framecheck: pass (1 of 1)"]
    assert done.stdout.endswith("1 pass, 0 unproven, 0 fail, 2 are not here\n")


def test_a_failure_is_said_in_a_sentence_and_in_the_exit_code(streamclf: Run, tmp_path: Path) -> None:
    folder = wrong_copy(tmp_path / "copy", FAST)
    done = streamclf("models", "verify", "framecheck", folder)
    assert done.returncode == 1
    assert [line.split()[1] for line in done.stdout.splitlines()[1:3]] == ["pass", "FAIL"]
    assert f"{FAST}: its answers are not those of TensorFlow" in done.stdout
    assert done.stdout.endswith("1 pass, 0 unproven, 1 fail, 0 are not here\n")


def test_a_network_without_expected_answers_does_not_look_proven(streamclf: Run, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(builtin_folder() / FAST, tmp_path / FAST))
    (folder / "expected.json").unlink()
    done = streamclf("models", "verify", folder, "framecheck")
    assert done.returncode == 0
    assert [line.split()[1] for line in done.stdout.splitlines()[1:3]] == ["unproven", "pass"]
    assert f"{FAST}: its answers to pictures were not compared, since no expected.json lies beside" in done.stdout
    assert done.stdout.endswith("1 pass, 1 unproven, 0 fail, 0 are not here\n")
    assert f"{FAST}: unproven (1 of 2)" in done.stderr
    (verdict,) = json.loads(streamclf("models", "verify", folder, "--json").stdout)
    assert (verdict["outcome"], verdict["problems"]) == ("unproven", [])


def test_all_leaves_out_and_counts_what_is_not_here_and_tells_of_a_broken_card(streamclf: Run, tmp_path: Path) -> None:
    broken = tmp_path / "models" / "broken"
    broken.mkdir(parents=True)
    (broken / "card.toml").write_text("schema = ", encoding="utf-8")
    places = {"STREAMCLF_MIRROR": "", "STREAMCLF_MODELS": str(broken.parent)}
    done = streamclf("models", "verify", "--all", **places)
    assert done.returncode == 1
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:3]] == [["broken", "FAIL"], ["framecheck", "pass"]]
    assert "is not valid TOML" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 pass, 0 unproven, 1 fail, ")
    shutil.rmtree(broken)
    done = streamclf("models", "verify", "--all", "--json", **places)
    assert done.returncode == 0
    verdicts = {verdict["name"]: verdict for verdict in json.loads(done.stdout)}
    assert {name for name, verdict in verdicts.items() if verdict["outcome"] != "not here"} == {"framecheck"}
    assert verdicts["framecheck"]["batch_sizes"][0] == 1
    assert verdicts["framecheck"]["difference"] < verdicts["framecheck"]["tolerance"]
    assert "models pull vgg-16" in verdicts["vgg-16"]["problems"][0]


def test_a_network_that_was_named_and_is_not_here_is_no_success(streamclf: Run) -> None:
    done = streamclf("models", "verify", "vgg-16", STREAMCLF_MIRROR="")
    assert done.returncode == 1
    assert "not here" in done.stdout.splitlines()[1]
    assert "'streamclf models pull vgg-16' fetches it" in done.stdout
    assert done.stdout.endswith("0 pass, 0 unproven, 0 fail, 1 is not here\n")


def test_what_to_verify_has_to_be_said_once_and_exist(streamclf: Run) -> None:
    for arguments, complaint in (
        ((), "name the networks to verify, or say --all"),
        (("framecheck", "--all"), "give either names or --all"),
        (("framecheck", "framechek"), "did you mean framecheck?"),
    ):
        done = streamclf("models", "verify", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert complaint in done.stderr
