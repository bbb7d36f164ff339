import numpy as np
from numpy.typing import NDArray

from segmentation.checkpoint import Thresholds
from segmentation.heatmap import HeatMap
from segmentation.wording import score_maps

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
