"""Prompts and the pixels they mean."""

import numpy as np
import pytest

from segmentation.training.cutouts import Cutouts
from segmentation.training.layout import Item, Layout
from segmentation.training.phrases import (
    BORDER,
    IGNORED,
    INSIDE,
    OUTSIDE,
    Meaning,
    meant_items,
    phrases_for,
    say,
    seams,
    target,
)
from segmentation.training.products import HELD_OUT_PAIRS, Product, invent_product
from segmentation.training.scene import Scene, draw_scene, render
from segmentation.vocabulary import vocabulary


def _product(kind: str, colour: str, contents: str | None = None) -> Product:
    made = invent_product(np.random.default_rng(3), kind=kind, colour=colour)
    return Product(**{**made.__dict__, "contents": contents})


@pytest.fixture(scope="module")
def shelf() -> Scene:
    """Two red boxes that touch, a blue can, a red box behind, a price tag and a hole."""
    products = (_product("box", "red", "tea"), _product("can", "blue"))
    items = (
        Item("empty shelf space", -1, 0, (0.8, 0.3, 0.98, 0.8)),
        Item("behind", 0, 0, (0.12, 0.1, 0.28, 0.7)),
        Item("pack", 0, 0, (0.1, 0.3, 0.3, 0.8)),
        Item("pack", 0, 0, (0.3, 0.3, 0.5, 0.8)),
        Item("pack", 1, 0, (0.6, 0.4, 0.75, 0.8)),
        Item("price tag", -1, 0, (0.1, 0.85, 0.3, 0.95)),
    )
    return draw_scene(Layout(1, 1.0, "catalogue", products, items), Cutouts(), 200, camera=False)


@pytest.mark.parametrize(
    ("meaning", "inside"),
    [
        (Meaning(), {3, 4, 5}),
        (Meaning(kind="box"), {3, 4}),
        (Meaning(kind="box", colour="red"), {3, 4}),
        (Meaning(kind="box", colour="blue"), set()),
        (Meaning(colour="blue"), {5}),
        (Meaning(contents="tea"), {3, 4}),
        (Meaning(product=1), {5}),
        (Meaning(thing="price tag"), {6}),
        (Meaning(thing="empty shelf space"), {1}),
    ],
)
def test_a_meaning_marks_the_items_it_names(shelf: Scene, meaning: Meaning, inside: set[int]) -> None:
    roles = meant_items(shelf, meaning)
    assert set(np.flatnonzero(roles == INSIDE)) == inside


def test_what_stands_behind_is_left_out_of_training(shelf: Scene) -> None:
    assert meant_items(shelf, Meaning(kind="box"))[2] == IGNORED
    assert meant_items(shelf, Meaning(kind="can"))[2] == OUTSIDE


def test_contents_that_are_not_known_are_left_out_of_training(shelf: Scene) -> None:
    assert meant_items(shelf, Meaning(contents="soup", kind="can"))[5] == IGNORED
    assert meant_items(shelf, Meaning(contents="soup"))[3] == OUTSIDE


def test_a_border_parts_items_that_touch(shelf: Scene) -> None:
    mask = target(shelf, Meaning(kind="box"), seams(shelf))
    assert (mask[100:140, 59:61] == BORDER).all()
    assert (mask[100:140, 30:50] == INSIDE).all()
    import cv2

    pieces = cv2.connectedComponents((mask == INSIDE).astype(np.uint8), connectivity=4)[0] - 1
    assert pieces == 2


def test_prompts_of_training_never_say_a_held_out_pair() -> None:
    rng = np.random.default_rng(1)
    for seed in range(12):
        for phrase in phrases_for(render(seed, 96), 12, rng):
            assert (phrase.meaning.colour, phrase.meaning.kind) not in HELD_OUT_PAIRS


def test_prompts_ask_for_what_is_there_and_for_near_misses() -> None:
    rng = np.random.default_rng(2)
    present = []
    for seed in range(12):
        scene = render(seed, 96)
        present += [bool((meant_items(scene, p.meaning) == INSIDE).any()) for p in phrases_for(scene, 8, rng)]
    assert 0.5 < np.mean(present) < 0.95


def test_words_name_the_shade_only_where_it_is_that_shade() -> None:
    rng = np.random.default_rng(0)
    said = [say(rng, Meaning(kind="bottle", colour="blue"), shade=2) for _ in range(80)]
    light = [p for p in said if "light blue" in p.text]
    assert light
    assert all(p.meaning.shade == 2 for p in light)
    assert not any("dark blue" in p.text or "navy" in p.text for p in said)


def test_plurals_are_said_as_people_say_them() -> None:
    rng = np.random.default_rng(0)
    texts = {say(rng, Meaning(kind="box", colour="red")).text for _ in range(200)}
    assert {"red box", "red boxes"} <= texts
    assert not any("boxs" in text for text in texts)


def test_other_kinds_are_asked_for_as_often_as_wished(shelf: Scene) -> None:
    rng = np.random.default_rng(4)
    asked = phrases_for(shelf, 400, rng, other_kinds=0.5)
    plain = phrases_for(shelf, 400, np.random.default_rng(4))
    wrong, before = (
        sum(p.meaning.kind is not None and p.meaning.kind not in {"box", "can"} for p in made)
        for made in (asked, plain)
    )
    assert wrong > before + 120
    assert any(p.meaning.contents == "tea" and p.meaning.kind not in {None, "box"} for p in asked)  # "tea cans"


@pytest.mark.parametrize(
    ("asked", "cola", "soda"),
    [("soda", INSIDE, INSIDE), ("cola", INSIDE, IGNORED), ("beer", OUTSIDE, OUTSIDE), ("sauce", OUTSIDE, OUTSIDE)],
)
def test_who_asks_for_soda_means_cola_too_and_a_soda_may_be_one(asked: str, cola: int, soda: int) -> None:
    items = tuple(Item("pack", i, 0, (0.1 + 0.4 * i, 0.2, 0.3 + 0.4 * i, 0.9)) for i in range(2))
    packs = (_product("can", "red", "cola"), _product("can", "red", "soda"))
    scene = draw_scene(Layout(1, 1.0, "shelf", packs, items), Cutouts(), 64, camera=False)
    assert meant_items(scene, Meaning(contents=asked)).tolist() == [OUTSIDE, cola, soda]


def test_other_contents_are_asked_for_as_often_as_wished(shelf: Scene) -> None:
    asked = phrases_for(shelf, 400, np.random.default_rng(4), other_contents=0.5)
    plain = phrases_for(shelf, 400, np.random.default_rng(4))
    there = {product.contents for product in shelf.products}
    wrong, before = (
        sum(p.meaning.contents is not None and p.meaning.contents not in there for p in made) for made in (asked, plain)
    )
    assert wrong > before + 100
    words = vocabulary().contents
    kinds = {product.kind for product in shelf.products}
    unfit = [p.text for p in asked if p.meaning.contents and not kinds & set(words[p.meaning.contents].kinds)]
    assert len(unfit) < 20  # what such a pack never holds is asked for by chance alone
