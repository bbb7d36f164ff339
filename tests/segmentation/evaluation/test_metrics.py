"""Scores worked out by hand."""

import numpy as np
import pytest

from segmentation.evaluation.metrics import (
    THRESHOLDS,
    PixelCounts,
    average_precision,
    count_pixels,
    score_counts,
    score_masks,
)


def _at(threshold: float) -> int:
    return int(np.argmin(np.abs(THRESHOLDS - threshold)))


def test_the_thresholds_are_the_49_of_the_published_evaluation() -> None:
    assert len(THRESHOLDS) == 49
    assert (THRESHOLDS[0], THRESHOLDS[24], THRESHOLDS[-1]) == (0.02, 0.5, 0.98)


def test_pixels_are_counted_at_every_threshold_by_hand() -> None:
    probability = np.array([[0.9, 0.6], [0.4, 0.1]], np.float32)
    truth = np.array([[True, False], [True, False]])
    counts = count_pixels(probability, truth)
    table = {0.3: (2, 1, 0), 0.5: (1, 1, 1), 0.7: (1, 0, 1), 0.96: (0, 0, 2)}
    for threshold, expected in table.items():
        i = _at(threshold)
        assert (counts.hit[i], counts.extra[i], counts.missed[i]) == expected, threshold
    assert counts.pixels == 4


def test_a_pixel_exactly_at_a_threshold_is_not_lit() -> None:
    counts = count_pixels(np.array([[0.5]], np.float32), np.array([[True]]))
    assert counts.hit[_at(0.48)] == 1
    assert counts.hit[_at(0.5)] == 0


def test_ignored_pixels_count_nowhere() -> None:
    counts = count_pixels(np.array([[0.9, 0.9]], np.float32), np.array([[True, False]]), np.array([[True, False]]))
    assert counts.extra.sum() == 0
    assert counts.pixels == 1


def test_mean_iou_weighs_samples_and_foreground_iou_weighs_pixels() -> None:
    small = count_pixels(np.array([[0.9, 0.1]], np.float32), np.array([[True, False]]))  # IoU 1 of 1 pixel
    large = count_pixels(np.full((3, 3), 0.9, np.float32), np.arange(9).reshape(3, 3) < 3)  # IoU 3 of 9
    scores = score_masks([small, large], 0.5)
    assert scores.miou == pytest.approx((1 + 1 / 3) / 2)
    assert scores.iou_fg == pytest.approx(4 / 10)
    assert scores.dice == pytest.approx(8 / 14)
    assert scores.accuracy == pytest.approx(1 - 6 / 11)


def test_average_precision_is_the_area_under_a_straight_line() -> None:
    # Precision falls in a straight line from 1 to 0.5 while recall grows from 0 to 1: the area is 0.75.
    recall = np.linspace(1, 0, 49)
    precision = 1 - 0.5 * recall
    hit = np.round(recall * 1_000_000).astype(np.int64)
    extra = np.round(hit / precision - hit).astype(np.int64)
    counts = PixelCounts(hit, extra, 1_000_000 - hit, 10_000_000)
    assert average_precision(counts) == pytest.approx(0.75, abs=1e-3)


def test_average_precision_of_a_map_that_never_lights_is_zero() -> None:
    assert average_precision(count_pixels(np.zeros((2, 2), np.float32), np.ones((2, 2), np.bool_))) == 0.0


def test_counts_are_compared_by_hand() -> None:
    scores = score_counts([3, 4, 0], [3, 2, 1])
    assert scores.exact == pytest.approx(1 / 3)
    assert scores.mae == pytest.approx(1.0)
    assert scores.bias == pytest.approx(1 / 3)


def test_scores_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        score_masks([], 0.5)
    with pytest.raises(ValueError, match="equally long"):
        score_counts([1], [])
