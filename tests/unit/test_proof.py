from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from streamclf import proof
from streamclf.errors import EngineError
from streamclf.proof import Batch, Rows, agree, probe_pictures, prove_batches, usable_cpus

PICTURES = probe_pictures(8, (8, 6), 3)
SIZES = (1, 2, 4, 8)


def honest(batch: Batch) -> Rows:
    return batch.reshape(len(batch), -1)[:, :5].astype(np.float32)


def test_a_network_that_answers_each_picture_is_proven_at_every_size() -> None:
    assert prove_batches(honest, [PICTURES], SIZES, timed=False).batch_sizes == SIZES


def test_a_size_that_raises_is_left_out() -> None:
    def run(batch: Batch) -> Rows:
        if len(batch) > 2:
            raise EngineError("a reshape folded to 2")
        return honest(batch)

    assert prove_batches(run, [PICTURES], SIZES).batch_sizes == (1, 2)


def test_a_network_that_mixes_up_its_pictures_is_found_out() -> None:
    assert prove_batches(lambda batch: honest(batch)[::-1], [PICTURES], SIZES).batch_sizes == (1,)


def test_a_network_that_answers_for_the_first_picture_only_is_found_out() -> None:
    assert prove_batches(lambda batch: honest(batch[:1]), [PICTURES], SIZES).batch_sizes == (1,)
    assert prove_batches(lambda batch: honest(batch[[0] * len(batch)]), [PICTURES], SIZES).batch_sizes == (1,)


def test_pictures_may_have_answers_of_differing_length() -> None:
    def boxes(batch: Batch) -> list[Rows]:
        """As many numbers as the picture's first says."""
        return [picture.ravel()[: 1 + picture.ravel()[0] % 5].astype(np.float32) for picture in batch]

    assert len({len(row) for row in boxes(PICTURES)}) > 1
    assert prove_batches(boxes, [PICTURES], SIZES, timed=False).batch_sizes == SIZES
    assert prove_batches(lambda batch: boxes(batch)[::-1], [PICTURES], SIZES, timed=False).batch_sizes == (1,)


def test_a_size_has_to_hold_for_every_set_of_pictures() -> None:
    def run(batch: Batch) -> Rows:
        wide = batch.shape[2] > 8 and len(batch) > 2
        return honest(batch) + wide

    assert prove_batches(run, [PICTURES, probe_pictures(8, (12, 6), 3)], SIZES).batch_sizes == (1, 2)


def test_a_network_that_fails_on_single_pictures_fails() -> None:
    def run(batch: Batch) -> Rows:
        raise EngineError("no")

    with pytest.raises(EngineError):
        prove_batches(run, [PICTURES], SIZES)


@pytest.mark.parametrize(
    ("cost_ms", "best"),
    [
        ({1: 10, 2: 18, 4: 30}, 4),
        ({1: 10, 2: 18, 4: 40}, 2),
        ({1: 10, 2: 19.5, 4: 39.2}, 1),
        ({1: 10, 2: 25, 4: 60}, 1),
    ],
)
def test_a_larger_batch_is_best_only_where_it_gains_five_percent(
    cost_ms: dict[int, float], best: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def run(batch: Batch) -> Rows:
        nonlocal now
        now += cost_ms[len(batch)] / 1e3
        return honest(batch)

    monkeypatch.setattr(proof.time, "perf_counter", lambda: now)
    assert prove_batches(run, [PICTURES], (1, 2, 4)).best_batch == best


def test_a_faster_batch_whose_answers_are_only_nearly_the_same_is_proven_but_not_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0

    def run(batch: Batch) -> Rows:
        nonlocal now
        now += 0.01
        return honest(batch) * np.float32(1 if len(batch) == 1 else 1 + 1e-6)

    monkeypatch.setattr(proof.time, "perf_counter", lambda: now)
    found = prove_batches(run, [PICTURES], (1, 2, 4))
    assert (found.batch_sizes, found.best_batch) == ((1, 2, 4), 1)


def test_answers_agree_relative_to_the_largest_number() -> None:
    rows = np.array([[1000.0, 1.0]])
    assert agree(rows + 0.09, rows)
    assert not agree(rows + 0.11, rows)
    assert not agree(rows[:, :1], rows)


def test_probe_pictures_differ_and_are_the_same_every_time() -> None:
    pictures = probe_pictures(4, (20, 10), 1)
    assert pictures.shape == (4, 10, 20, 1)
    assert len({picture.tobytes() for picture in pictures}) == 4
    np.testing.assert_array_equal(pictures, probe_pictures(4, (20, 10), 1))


def machine_cpus() -> int:
    return len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"cpu.max": "150000 100000\n"}, 1),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "99900000 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "rubbish"}, None),
        ({}, None),
    ],
)
def test_a_container_s_share_limits_the_processors(files: dict[str, str], cpus: int | None, tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert usable_cpus(tmp_path) == (machine_cpus() if cpus is None else cpus)
