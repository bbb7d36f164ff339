import numpy as np
import pytest

from segmentation.checkpoint import Centres, Thresholds
from segmentation.components import find_components, label_items, spread
from segmentation.heatmap import HeatMap


def heat(rows: list[str], scale: float = 1.0) -> HeatMap:
    drawn = [[0.01 if mark == "." else int(mark) / 10 for mark in row] for row in rows]
    probability = np.array(drawn, np.float32)
    return HeatMap(np.log(probability / (1 - probability)), scale)


def cut(seed: float, mask: float, rise: float = 0.3) -> Thresholds:
    return Thresholds(look=0.01, grow=0.01, seed=seed, mask=mask, rise=rise)


# Tokens of less than a pixel: nothing is smoothed away.
FINE = 0.1


def test_components_come_from_top_to_bottom_with_box_mask_and_scores() -> None:
    found = find_components(
        heat(["......", "77..59", "77..9.", "......"], 10.0), cut(0.6, 0.4, rise=0.95), FINE, 0, 60, 40
    )
    assert [component.box for component in found] == [(0, 10, 20, 30), (40, 10, 60, 30)]
    left, right = found
    assert (left.area, left.offset) == (400, (0, 1))
    assert left.score == pytest.approx(0.7)
    assert right.peak == pytest.approx(0.9)
    assert right.score == pytest.approx((0.5 + 0.9 + 0.9) / 3)
    assert right.mask.tolist() == [[True, True], [True, False]]


def test_the_mask_of_a_component_holds_no_other_component() -> None:
    rows = ["99999", "9...9", "9.9.9", "9...9", "99999"]  # one inside the box of the other
    around, inside = find_components(heat(rows), cut(0.5, 0.5), FINE, 0, 5, 5)
    assert around.mask.sum() == 16
    assert inside.mask.sum() == 1


def test_what_is_smaller_than_the_least_area_is_noise() -> None:
    rows = ["99.9", "99.."]
    assert len(find_components(heat(rows, 10.0), cut(0.5, 0.4), FINE, 101, 40, 20)) == 1


def test_boxes_end_at_the_photo() -> None:
    (component,) = find_components(heat(["99", "99"], 10.0), cut(0.5, 0.4), FINE, 0, 17, 13)
    assert component.box == (0, 0, 17, 13)


@pytest.mark.parametrize(("value", "number"), [(-8.0, 0), (0.3, 1), (20.0, 1)])
def test_a_flat_map_is_all_or_nothing(value: float, number: int) -> None:
    flat = HeatMap(np.full((5, 5), value, np.float32), 1.0)
    assert len(find_components(flat, cut(0.5, 0.4), FINE, 0, 5, 5)) == number


def test_packs_that_join_in_their_outlines_are_told_apart_by_their_cores() -> None:
    rows = ["5995599.", "5995599.", "...5...."]  # 0.9 is 2.2 logits above 0.5, and 2.6 above the mask: 0.84 of it
    (joined,) = find_components(heat(rows), cut(0.8, 0.4, rise=0.9), FINE, 0, 8, 3)
    left, right = find_components(heat(rows), cut(0.8, 0.4, rise=0.7), FINE, 0, 8, 3)
    assert joined.box == (0, 0, 7, 3)
    assert (left.box, right.box) == ((0, 0, 4, 3), (4, 0, 7, 2))  # the outline between two cores goes to the nearer
    assert left.area + right.area == joined.area


def test_a_map_that_is_less_sure_is_parted_like_a_surer_one() -> None:
    sure = np.log(np.array([[1.2, 50, 50, 3, 50, 50, 1.2]], np.float32))  # odds
    assert label_items(sure, cut(0.6, 0.4), FINE).tolist() == [[1, 1, 1, 1, 2, 2, 2]]
    assert label_items(0.5 * sure, cut(0.6, 0.4), FINE).max() == 2


def test_what_reaches_the_seed_in_too_small_a_spot_for_a_core_is_one_item() -> None:
    logits = np.full((64, 64), -3.0, np.float32)
    logits[30:33, 30:33] = 6.0  # of a token of 32 px next to nothing is left when it is smoothed
    labels = label_items(logits, cut(0.9, 0.4), 32)
    assert labels.max() == 1
    assert (labels > 0).sum() == 9


def test_what_does_not_reach_the_seed_is_not_marked() -> None:
    labels = label_items(heat(["77.99", "77.99"]).logits, cut(0.8, 0.4), FINE)
    assert labels.tolist() == [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1]]


def test_a_core_spreads_over_its_own_part_of_the_mask_only() -> None:
    cores = np.array([[1, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 2, 3]], np.int32)
    mask = np.array([[1, 1, 0, 0, 1], [0, 0, 0, 0, 0], [0, 1, 1, 1, 1]], np.bool_)
    assert spread(cores, mask).tolist() == [[1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 2, 2, 2, 3]]


def by_centres(rows: list[str], centres: list[str], mask: float = 0.4, marked: float = 0.5) -> list[list[int]]:
    known = Centres(text="centres", floor=0.3, rise=1.0, marked=marked)
    thresholds = cut(0.8, mask).model_copy(update={"centres": known})
    return label_items(heat(rows).logits, thresholds, FINE, heat(centres).logits).tolist()


def test_packs_that_touch_are_told_apart_by_their_centres() -> None:
    assert by_centres(["999999"], [".9..9."]) == [[1, 1, 1, 2, 2, 2]]


def test_a_pack_is_marked_as_a_whole_by_what_its_centre_shows() -> None:
    assert by_centres(["6694444"], [".99..9."], mask=0.35) == [[1, 1, 1, 1, 0, 0, 0]]  # its neighbour keeps its share


def test_a_pack_may_be_marked_without_any_pixel_at_the_seed() -> None:
    assert by_centres([".666.."], ["..9..."]) == [[0, 1, 1, 1, 0, 0]]


def test_what_has_no_centre_is_left_to_its_peaks() -> None:
    assert by_centres(["99..99"], [".9...."]) == [[1, 1, 0, 0, 2, 2]]
    assert by_centres(["99..66"], [".9...."]) == [[1, 1, 0, 0, 0, 0]]  # it does not reach the seed


def test_a_centre_beside_the_mask_marks_nothing() -> None:
    assert by_centres(["99...."], ["....9."]) == [[1, 1, 0, 0, 0, 0]]
    assert by_centres(["......"], ["..9..."]) == [[0] * 6]


def test_centres_are_not_used_by_weights_that_know_none() -> None:
    assert label_items(heat(["9999"]).logits, cut(0.8, 0.4), FINE, heat(["9..9"]).logits).max() == 1
