"""Losses worked out by hand."""

import math

import pytest
import torch

from segmentation.training.losses import absent_loss, dice_loss, focal_loss, pixel_weights, segmentation_loss
from segmentation.training.phrases import BORDER, IGNORED, INSIDE, OUTSIDE


def _codes(*rows: list[int]) -> torch.Tensor:
    return torch.tensor([list(rows)], dtype=torch.uint8)


def test_borders_weigh_more_and_ignored_pixels_nothing() -> None:
    weights = pixel_weights(_codes([OUTSIDE, INSIDE, BORDER, IGNORED]), 3.0)
    assert weights.flatten().tolist() == [1.0, 1.0, 3.0, 0.0]


def test_cross_entropy_of_an_undecided_map_is_log_two() -> None:
    target = _codes([OUTSIDE, INSIDE], [BORDER, IGNORED])
    loss = segmentation_loss(torch.zeros(1, 2, 2), target, "bce", 3.0, 0.5)
    assert loss.item() == pytest.approx(math.log(2))


def test_a_border_counts_as_outside() -> None:
    lit = torch.full((1, 1, 1), 4.0)
    inside = segmentation_loss(lit, _codes([INSIDE]), "bce", 3.0, 0.5)
    border = segmentation_loss(lit, _codes([BORDER]), "bce", 3.0, 0.5)
    assert border.item() > 3.9 > 0.1 > inside.item()


def test_dice_of_a_perfect_map_is_zero_and_of_a_wrong_one_nearly_one() -> None:
    truth = torch.tensor([[[1.0] * 50, [0.0] * 50]])
    weights = torch.ones_like(truth)
    right = torch.where(truth > 0, 30.0, -30.0)
    assert dice_loss(right, truth, weights).item() == pytest.approx(0.0, abs=1e-6)
    # Nothing overlaps: 1 - (0 + 1) / (50 + 50 + 1).
    assert dice_loss(-right, truth, weights).item() == pytest.approx(1 - 1 / 101, abs=1e-6)


def test_dice_says_nothing_about_an_absent_prompt() -> None:
    empty = torch.zeros(1, 2, 2)
    assert dice_loss(torch.full((1, 2, 2), 5.0), empty, torch.ones_like(empty)).item() == 0.0


def test_what_lights_up_for_an_absent_prompt_costs_by_its_area() -> None:
    # Half of the picture at 1, and a map that is present and costs nothing: 0.5 / (0.5 + 0.05).
    logits = torch.tensor([[[30.0, -30.0]], [[30.0, 30.0]]])
    truth = torch.tensor([[[0.0, 0.0]], [[1.0, 0.0]]])
    loss = absent_loss(logits, truth, torch.ones_like(truth))
    assert loss.item() == pytest.approx(0.5 / 0.55)
    codes = torch.tensor([[[OUTSIDE, OUTSIDE]], [[INSIDE, OUTSIDE]]], dtype=torch.uint8)
    with_it, without = (segmentation_loss(logits, codes, "bce+dice", 3.0, 0.5, w) for w in (0.2, 0.0))
    assert (with_it - without).item() == pytest.approx(0.2 * 0.5 / 0.55, abs=1e-5)


def test_focal_loss_by_hand() -> None:
    # p = 0.5 on a positive pixel: 0.25 * 0.5**2 * log 2.
    loss = focal_loss(torch.zeros(1, 1, 1), torch.ones(1, 1, 1), torch.ones(1, 1, 1))
    assert loss.item() == pytest.approx(0.25 * 0.25 * math.log(2))


def test_bce_and_dice_is_the_weighted_sum_of_both() -> None:
    logits, target = torch.randn(2, 4, 4), torch.randint(0, 4, (2, 4, 4), dtype=torch.uint8)
    bce, dice, both = (segmentation_loss(logits, target, name, 3.0, 0.5).item() for name in ("bce", "dice", "bce+dice"))
    assert both == pytest.approx(bce + 0.5 * dice, rel=1e-5)


def test_a_batch_that_is_wholly_ignored_costs_nothing() -> None:
    target = torch.full((1, 2, 2), IGNORED, dtype=torch.uint8)
    assert segmentation_loss(torch.randn(1, 2, 2), target, "bce+dice", 3.0, 0.5).item() == 0.0
