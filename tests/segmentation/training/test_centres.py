import numpy as np

from segmentation.training.centres import centres, items_among
from segmentation.training.layout import Item
from segmentation.training.phrases import BORDER, IGNORED, INSIDE, OUTSIDE, seams
from segmentation.training.products import invent_product
from segmentation.training.scene import Scene, render

WIDE, HIGH = 16, 12  # px of a pack


def shelf(labels: np.ndarray, things: list[str]) -> Scene:
    product = invent_product(np.random.default_rng(0))
    box = (0.0, 0.0, WIDE / labels.shape[0], 0.5)
    items = tuple(Item(thing, 0 if thing in ("pack", "behind") else -1, 0, box) for thing in things)  # type: ignore[arg-type]
    return Scene(np.zeros((*labels.shape, 3), np.uint8), labels.astype(np.int16), items, (product,))


def drawn(things: list[str]) -> np.ndarray:
    """Things of one size side by side, with a margin around them."""
    labels = np.zeros((HIGH + 8, WIDE * len(things) + 8), np.int16)
    for number in range(len(things)):
        labels[4 : 4 + HIGH, 4 + number * WIDE : 4 + (number + 1) * WIDE] = number + 1
    return labels


def test_the_centres_of_two_packs_that_touch_are_half_a_pack_apart() -> None:
    labels = drawn(["pack", "pack"])
    scene = shelf(labels, ["pack", "pack"])
    mask = centres(scene, seams(scene))
    row = mask[4 + HIGH // 2] == INSIDE
    starts, ends = np.flatnonzero(row & ~np.roll(row, 1)), np.flatnonzero(row & ~np.roll(row, -1))
    assert len(starts) == 2
    assert starts[1] - ends[0] > 0.3 * WIDE
    assert (mask[4 + HIGH // 2, 4 + WIDE - 1 : 4 + WIDE + 1] == BORDER).all()
    assert not (mask[:4] == INSIDE).any()


def test_tags_have_no_centre_and_packs_behind_are_left_open() -> None:
    labels = drawn(["pack", "price tag", "behind"])
    scene = shelf(labels, ["pack", "price tag", "behind"])
    mask = centres(scene, seams(scene))
    assert (mask[labels == 1] == INSIDE).any()
    assert set(np.unique(mask[labels == 2]).tolist()) <= {OUTSIDE, BORDER}
    assert (mask[labels == 3] == IGNORED).all()


def test_a_sliver_of_a_pack_is_left_open() -> None:
    labels = drawn(["pack", "pack", "pack"])
    labels[labels == 3] = 0
    labels[4 : 4 + HIGH, 4 + 2 * WIDE : 6 + 2 * WIDE] = 3
    scene = shelf(labels, ["pack"] * 3)
    mask = centres(scene, seams(scene))
    assert (mask[labels == 3] == IGNORED).all()


def test_a_pack_that_is_seen_in_two_parts_has_one_centre() -> None:
    labels = np.zeros((24, 40), np.int16)
    labels[4:20, 4:36] = 1
    labels[4:20, 16:20] = 2  # a sign before it
    scene = shelf(labels, ["pack", "promotion sign"])
    mask = centres(scene, seams(scene))
    assert not (mask[:, :16] == INSIDE).any()
    assert (mask[:, 20:] == INSIDE).any()


def test_rendered_packs_have_one_centre_each() -> None:
    scene = render(5, 176, most_rows=2)
    mask = centres(scene, seams(scene))
    fronts = [n for n, item in enumerate(scene.items, 1) if item.thing == "pack"]
    areas = np.array([(scene.labels == n).sum() for n in fronts], np.float64)
    for number, counted in zip(fronts, items_among(areas, scene.labels.size), strict=True):
        inside = bool(((mask == INSIDE) & (scene.labels == number)).any())
        assert inside == bool(counted)


def test_specks_and_slivers_are_no_items() -> None:
    assert items_among(np.array([1000.0, 900.0, 150.0, 10.0]), 352**2).tolist() == [True, True, False, False]
    assert not items_among(np.array([]), 352**2).any()
