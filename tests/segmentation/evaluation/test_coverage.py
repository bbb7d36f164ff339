"""Intervals widened and capped until they hold the truth; small tables by hand."""

from pathlib import Path

import pytest

from segmentation.checkpoint import Margin, resolve
from segmentation.clipseg import ClipSeg
from segmentation.errors import CheckpointError, DataError
from segmentation.evaluation.calibration import Calibration, store
from segmentation.evaluation.coverage import (
    CountSample,
    calibrate_interval,
    fit_margin,
    rendered_counts,
)


def _sample(count: int, low: int, high: int, true: int, photo: str = "a") -> CountSample:
    return CountSample(photo, count, low, high, true, true)


def test_a_margin_moves_both_ends_by_whole_items_and_caps_them() -> None:
    margin = Margin(share=0.25, most=0.5)
    assert margin.applied(8, 9, 8) == (6, 11)  # two items out
    assert margin.applied(8, 40, 8) == (6, 12)  # no more than half of 8 above the count
    assert margin.applied(1, 1, 1) == (1, 1)  # a quarter of an item is none
    assert margin.applied(2, 9, 1) == (2, 2)  # the cap is one item at least
    assert margin.applied(0, 3, 0) == (0, 3)  # a 0 stays as it is


def test_what_is_missed_is_the_distance_to_the_range_of_the_truth() -> None:
    sample = CountSample("a", 5, 4, 6, 8, 10)
    assert sample.missed_by() == 2
    assert sample.missed_by(Margin(share=0.4, most=1)) == 0
    assert CountSample("a", 5, 4, 6, 6, 9).missed_by() == 0


def test_the_margin_is_the_narrowest_that_covers_the_level() -> None:
    # Ten counts of 10; the truth is off by 0..9 items: nine tenths (rank 10 of 11) need all ten covered.
    samples = [_sample(10, 10, 10, 10 + off) for off in range(10)]
    assert fit_margin(samples, 0.9).applied(10, 10, 10) == (1, 19)
    # Half: rank 6, so five items.
    assert fit_margin(samples, 0.5).applied(10, 10, 10) == (5, 15)


def test_evidence_that_is_far_too_wide_is_capped() -> None:
    samples = [_sample(10, 0, 90, 11) for _ in range(30)]
    assert fit_margin(samples, 0.9).applied(0, 90, 10) == (8, 12)  # 0.25 is the tightest cap tried


def test_a_level_that_no_margin_reaches_gets_the_one_that_covers_most() -> None:
    samples = [_sample(1, 1, 1, 50), _sample(1, 1, 1, 2), _sample(1, 1, 1, 1)]
    margin = fit_margin(samples, 0.99)
    assert [sample.missed_by(margin) == 0 for sample in samples] == [False, True, True]


def test_photos_that_find_the_margin_do_not_judge_it() -> None:
    fitted = [_sample(10, 10, 10, 10, f"{n:02d} even") for n in range(20)]
    judged = [_sample(10, 10, 10, 30, f"{n:02d} odd") for n in range(20)]
    mixed = [sample for pair in zip(fitted, judged, strict=True) for sample in pair]
    found = calibrate_interval(mixed, "by hand")
    assert (found.samples, found.judged) == (20, 20)
    assert (found.share, found.covered) == (0.0, 0.0)


def test_too_few_counts_are_refused() -> None:
    samples = [_sample(3, 3, 3, 3, str(n)) for n in range(39)] + [_sample(0, 0, 0, 4, str(n)) for n in range(39, 90)]
    with pytest.raises(DataError, match="20 counts above 0 to find an interval and 19 to judge it"):
        calibrate_interval(samples, "by hand")


def test_the_margin_is_stored_with_the_checkpoint_and_read_again(tiny_checkpoint: Path, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(tiny_checkpoint, tmp_path / "tiny")
    assert resolve(folder).margin is None
    samples = [_sample(10, 10, 10, 12, str(n)) for n in range(40)]
    interval = calibrate_interval(samples, "by hand")
    plain = Calibration(
        thresholds=resolve(folder).thresholds,
        scenes=1,
        prompts=1,
        first_seed=0,
        exact=0,
        miou=0,
        absent=0,
        interval=interval,
    )
    store(plain, folder)
    margin = resolve(folder).margin
    assert margin == Margin(share=interval.share, most=interval.most)
    assert margin.applied(10, 10, 10) == (8, 12)
    (folder / "calibration.json").write_text('{"interval": {"share": -1, "most": 1}}', encoding="utf-8")
    with pytest.raises(CheckpointError, match="bad values in calibration"):
        resolve(folder)


def test_rendered_scenes_give_counts_with_their_truth(tiny_checkpoint: Path) -> None:
    samples = rendered_counts(ClipSeg.load(tiny_checkpoint), 1, first_seed=5)
    assert samples
    assert all(s.true_low == s.true_high > 0 and s.low <= s.count <= s.high for s in samples)
