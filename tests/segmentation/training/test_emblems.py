import numpy as np
import pytest

from segmentation.training.emblems import EMBLEMS, draw_emblem
from segmentation.training.packs import draw_pack
from segmentation.training.products import invent_product
from segmentation.vocabulary import vocabulary

SIDE = 96
GROUND = (128, 128, 128)


def drawn(contents: str, seed: int = 0, reach: float = 30) -> np.ndarray:
    canvas = np.full((SIDE, SIDE, 3), GROUND, np.uint8)
    draw_emblem(canvas, contents, (SIDE / 2, SIDE / 2), reach, np.random.default_rng(seed))
    return canvas


def test_all_contents_of_the_vocabulary_have_an_emblem_and_nothing_else_has() -> None:
    assert set(EMBLEMS) == set(vocabulary().contents)


@pytest.mark.parametrize("contents", sorted(EMBLEMS))
def test_an_emblem_is_seen_and_stays_about_within_its_reach(contents: str) -> None:
    changed = (drawn(contents) != GROUND).any(2)
    assert changed.mean() > 0.02
    ys, xs = np.nonzero(changed)
    assert min(ys.min(), xs.min()) >= SIDE / 2 - 1.4 * 30
    assert max(ys.max(), xs.max()) <= SIDE / 2 + 1.4 * 30


def test_no_two_contents_look_alike() -> None:
    small = {name: drawn(name, reach=8)[40:56, 40:56].astype(int) for name in EMBLEMS}  # a facing at its smallest
    names = sorted(small)
    alike = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if np.abs(small[a] - small[b]).mean() < 5]
    assert alike == []


def test_too_small_an_emblem_is_left_out() -> None:
    assert (drawn("milk", reach=1.5) == GROUND).all()


def test_contents_decide_what_most_packs_of_one_shape_show() -> None:
    rng = np.random.default_rng(5)
    milk = invent_product(rng, kind="carton", colour="blue", contents="milk")
    other = type(milk)(**{**milk.__dict__, "contents": "juice"})
    differ = [
        (draw_pack(type(milk)(**{**milk.__dict__, "seed": seed}), 60, 120)
         != draw_pack(type(milk)(**{**other.__dict__, "seed": seed}), 60, 120)).any()
        for seed in range(20)
    ]  # fmt: skip
    assert sum(differ) >= 12
