"""Why answers are wrong."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from segmentation.evaluation.causes import Causes, causes, lit_by, named, total
from segmentation.training.cutouts import Cutouts
from segmentation.training.layout import Item, Layout
from segmentation.training.phrases import Meaning
from segmentation.training.products import Product, invent_product
from segmentation.training.scene import Scene, draw_scene


def _product(kind: str, colour: str) -> Product:
    made = invent_product(np.random.default_rng(3), kind=kind, colour=colour)
    return Product(**{**made.__dict__, "contents": None})


@pytest.fixture(scope="module")
def shelf() -> Scene:
    """Two red boxes with a gap between them, a blue can and a price tag."""
    items = (
        Item("pack", 0, 0, (0.1, 0.3, 0.3, 0.8)),
        Item("pack", 0, 0, (0.35, 0.3, 0.55, 0.8)),
        Item("pack", 1, 0, (0.7, 0.4, 0.9, 0.8)),
        Item("price tag", -1, 0, (0.1, 0.85, 0.3, 0.95)),
    )
    layout = Layout(1, 1.0, "catalogue", (_product("box", "red"), _product("can", "blue")), items)
    return draw_scene(layout, Cutouts(), 200, camera=False)


def _answer(shelf: Scene, lit: NDArray[np.bool_]) -> Causes:
    labels = cv2.connectedComponents(lit.astype(np.uint8), connectivity=4)[1]
    return causes(shelf, Meaning(kind="box"), np.asarray(labels, np.int32), np.array([1, 2]), absent=False)


def _errors(found: Causes) -> tuple[int, int, int, int]:
    return found.merged, found.pieces, found.missed, found.false


def test_the_truth_has_no_errors(shelf: Scene) -> None:
    assert _errors(_answer(shelf, np.isin(shelf.labels, (1, 2)))) == (0, 0, 0, 0)


def test_items_in_one_component_are_merged(shelf: Scene) -> None:
    lit = np.isin(shelf.labels, (1, 2))
    lit[120:130, 40:90] = True  # a bridge over the gap
    assert _errors(_answer(shelf, lit)) == (1, 0, 0, 0)


def test_a_cut_item_is_in_pieces_and_one_that_stays_dark_is_missed(shelf: Scene) -> None:
    lit = shelf.labels == 1
    lit[105:112] = False
    assert _errors(_answer(shelf, lit)) == (0, 1, 1, 0)


def test_a_component_on_something_else_is_false(shelf: Scene) -> None:
    assert _errors(_answer(shelf, np.isin(shelf.labels, (1, 2, 3)))) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("meaning", "wrong"),
    [
        (Meaning(kind="jar", colour="red"), {"kind", "kind and colour", "thing", "background"}),
        (Meaning(kind="box", colour="blue"), {"colour", "kind", "thing", "background"}),
        (Meaning(contents="tea"), {"contents", "thing", "background"}),
        (Meaning(thing="promotion sign"), {"thing", "background"}),
    ],
)
def test_what_lights_up_is_told_by_what_is_wrong_with_it(shelf: Scene, meaning: Meaning, wrong: set[str]) -> None:
    everything = np.ones(shelf.labels.shape, np.bool_)
    found = lit_by(shelf, meaning, everything)
    assert set(found) == wrong
    assert sum(found.values()) == pytest.approx(1.0)


def test_a_prompt_is_told_by_what_it_names() -> None:
    assert named(Meaning()) == "any product"
    assert named(Meaning(colour="red", kind="box")) == "colour + kind"
    assert named(Meaning(thing="price tag")) == "price tag"


def test_causes_of_a_set_are_means_over_absent_prompts_and_sums_over_counts() -> None:
    sums = total(
        [
            (Causes("kind", {"kind": 0.3, "background": 0.1}), True, 0),
            (Causes("kind", {}), True, 0),
            (Causes("kind", {}, merged=2, missed=1), False, 5),
            (Causes("colour", {}, merged=1, false=3, pieces=1), False, 4),
        ]
    )
    assert sums.absent == {"kind": (2, pytest.approx(0.2))}
    assert sums.lit == {"kind": pytest.approx(0.15), "background": pytest.approx(0.05)}
    assert (sums.items, sums.merged, sums.pieces, sums.missed, sums.false) == (9, 3, 1, 1, 3)
