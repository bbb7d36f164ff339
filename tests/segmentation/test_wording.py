from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from segmentation.checkpoint import Checkpoint, Thresholds
from segmentation.clipseg import Activations, Conditions
from segmentation.heatmap import HeatMap
from segmentation.wording import SHARE, agreement, score_maps, score_wordings

CHECKPOINT = Checkpoint(Path(), "none", "0")
THRESHOLDS = Thresholds()


def heat(*boxes: tuple[int, int, int, int], inside: float = 4.0, outside: float = -4.0) -> HeatMap:
    """A 60 x 80 map with boxes (x0, y0, x1, y1) of one logit on another."""
    logits: NDArray[np.float32] = np.full((60, 80), outside, np.float32)
    for x0, y0, x1, y1 in boxes:
        logits[y0:y1, x0:x1] = inside
    return HeatMap(logits, 1.0)


CANS = ((10, 10, 20, 30), (30, 10, 40, 30))
NOTHING = heat()


def scores(*heats: HeatMap) -> list[float]:
    texts = [f"wording {i}" for i in range(len(heats))]
    return [item.score for item in score_maps(texts, heats, THRESHOLDS)]


def test_a_crisp_map_beats_a_soft_one() -> None:
    soft, crisp = scores(heat(*CANS, inside=0.6, outside=-0.9), heat(*CANS))
    assert crisp > soft > 0


def test_an_empty_map_scores_nothing() -> None:
    assert scores(NOTHING, NOTHING) == [0.0, 0.0]


def test_a_map_that_is_full_scores_nothing() -> None:
    assert scores(heat(*CANS), heat(outside=4.0))[1] == 0.0


def test_a_wording_that_marks_other_places_than_the_users_own_scores_nothing() -> None:
    own, faithful, drifted = scores(heat(*CANS), heat(*CANS), heat((50, 35, 75, 55)))
    assert faithful == own > drifted == 0


def test_each_wording_counts_its_components() -> None:
    (item,) = score_maps(["cans"], [heat(*CANS)], THRESHOLDS)
    assert item.count == 2


def test_each_chunk_is_scored_on_its_own_for_every_wording() -> None:
    left, right = CANS
    wordings = [heat(left, right), heat(left)]
    wordings[0].logits[left[1] : left[3], left[0] : left[2]] = 2.0
    both, one = score_maps(["cans", "tins"], wordings, THRESHOLDS)
    assert [part.box for part in both.chunks] == [part.box for part in one.chunks]
    assert {part.box: part.count for part in both.chunks} == {left: 1, right: 1}
    assert {part.box: part.count for part in one.chunks} == {left: 1, right: 0}
    scored = {part.box: part.score for part in both.chunks}
    assert scored[right] > scored[left] > 0.5  # it is less sure on the left
    assert {part.box: part.score for part in one.chunks}[right] == 0


def test_large_maps_are_compared_on_every_nth_pixel_with_the_same_outcome() -> None:
    def large(heat: HeatMap) -> HeatMap:
        return HeatMap(np.kron(heat.logits, np.ones((20, 20), np.float32)), 0.05)

    soft = heat(*CANS, inside=1.0)
    small = score_maps(["cans", "things"], [heat(*CANS), soft], THRESHOLDS)
    big = score_maps(["cans", "things"], [large(heat(*CANS)), large(soft)], THRESHOLDS)
    assert [item.count for item in big] == [item.count for item in small]
    assert big[0].score > big[1].score


class Engine:
    """Draws what each text is said to be worth, everywhere."""

    size = 32

    def __init__(self, **logits: float) -> None:
        self.logits = logits
        self.checkpoint = replace(CHECKPOINT, thresholds=Thresholds(look=0.1, grow=0.1, seed=0.5, mask=0.4))

    def text(self, texts: Sequence[str]) -> Conditions:
        return Conditions(tuple(texts), np.zeros((len(texts), 4), np.float32))

    def encode(self, views: NDArray[np.uint8]) -> Activations:
        return Activations(torch.zeros((1, len(views), 5, 4)))

    def decode(self, activations: Activations, conditions: Conditions) -> NDArray[np.float32]:
        drawn = np.full((len(activations), len(conditions), self.size, self.size), -6.0, np.float32)
        for at, name in enumerate(conditions.names):
            drawn[:, at, 8:24, 8:24] = self.logits[name.replace(" ", "_")]
        return drawn


def test_wordings_are_scored_where_they_agree_with_what_is_used_beside_them() -> None:
    engine = Engine(red_cans=3.0, cans=2.0, red_can=1.0)
    scored = score_wordings(engine, np.zeros((32, 32, 3), np.uint8), ["red cans", "red can"], ["cans"])
    assert [item.text for item in scored] == ["red cans", "cans", "red can"]
    own, kind, other = (item.score for item in scored)
    assert own == pytest.approx(1 / (1 + np.exp(-3)), abs=0.04)
    assert kind == pytest.approx(1 / (1 + np.exp(-((1 - SHARE) * 3 + SHARE * 2))), abs=0.04)
    assert other == pytest.approx(1 / (1 + np.exp(-((1 - SHARE) * 2 + SHARE * 2))), abs=0.04)


def test_a_broader_text_weighs_its_share() -> None:
    engine = Engine(red_cans=3.0, red_can=1.0, cans=-5.0)
    conditions = agreement(engine, ["red cans", "red can"], ["cans"])
    agreed = conditions.agreed(engine.decode(engine.encode(np.zeros((1, 32, 32, 3), np.uint8)), conditions))
    assert conditions.names == ("red cans", "red can", "cans")
    assert agreed[0, 10, 10] == pytest.approx((1 - SHARE) * 2.0 - SHARE * 5.0)
    both = agreement(engine, ["red cans", "red can"], [])
    drawn = engine.decode(engine.encode(np.zeros((1, 32, 32, 3), np.uint8)), both)
    assert both.agreed(drawn)[0, 10, 10] == 1.0  # without it the least counts
