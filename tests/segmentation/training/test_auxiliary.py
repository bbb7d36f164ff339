"""Questions asked beside masks."""

import numpy as np
import pytest
import torch

from segmentation.training.auxiliary import (
    CELLS,
    OUTLINES,
    UNKNOWN,
    Auxiliary,
    Facts,
    scene_facts,
    scene_outlines,
    text_facts,
)
from segmentation.training.cutouts import Cutouts
from segmentation.training.layout import Item, Layout
from segmentation.training.phrases import IGNORED, INSIDE, Meaning, seams
from segmentation.training.products import invent_product
from segmentation.training.scene import draw_scene
from segmentation.vocabulary import vocabulary


def test_a_text_says_its_colour_kind_and_contents() -> None:
    words = vocabulary()
    colour = list(words.colours).index("red") + 1
    kind = list(words.kinds).index("box") + 1
    contents = list(words.contents).index("tea") + 1
    assert text_facts(Meaning(kind="box", colour="red", contents="tea")) == (colour, kind, contents)
    assert text_facts(Meaning()) == (0, 0, 0)
    assert text_facts(Meaning(thing="price tag"))[1] == len(words.kinds) + 1


def test_a_scene_says_what_lies_under_each_token() -> None:
    product = invent_product(np.random.default_rng(0), kind="box", colour="red")
    items = (Item("pack", 0, 0, (0.0, 0.0, 0.5, 1.0)), Item("price tag", -1, 0, (0.5, 0.0, 1.0, 0.5)))
    layout = Layout(1, 1.0, "catalogue", (product,), items)
    facts = scene_facts(draw_scene(layout, Cutouts(), 64, camera=False))
    (red, box, _), (_, tag, _) = text_facts(Meaning(kind="box", colour="red")), text_facts(Meaning("price tag"))
    assert facts.shape == (3, 4, 4)
    assert facts[0].tolist() == [[red, red, 0, 0]] * 4
    assert facts[1, 0].tolist() == [box, box, tag, tag]
    assert facts[1, 3].tolist() == [box, box, 0, 0]
    if product.contents is None:
        assert (facts[2, :, :2] == UNKNOWN).all()


@pytest.mark.parametrize("patch", [16, 14])
def test_a_scene_says_how_far_things_reach_and_where_they_meet(patch: int) -> None:
    product = invent_product(np.random.default_rng(0), kind="box", colour="red")
    items = (Item("pack", 0, 0, (0.0, 0.0, 0.5, 1.0)), Item("price tag", -1, 0, (0.5, 0.0, 1.0, 0.5)))
    scene = draw_scene(Layout(1, 1.0, "catalogue", (product,), items), Cutouts(), 4 * patch, camera=False)
    drawn = scene_outlines(scene, seams(scene), patch)
    assert drawn.shape == (OUTLINES, 4, 4)
    left, _, right, _ = drawn[:4, 0, 0]
    assert np.expm1(left) == pytest.approx(0.5, abs=0.1)  # tokens from the middle of the first to its own side
    assert np.expm1(right) == pytest.approx(1.5, abs=0.1)  # two tokens wide
    assert np.isnan(drawn[:4, 3, 3]).all()  # nothing lies under the last token
    seam, edge = (part.reshape(CELLS, CELLS, 4, 4) for part in np.split(drawn[4:], 2))
    assert seam[:, -1, 0, 1].all()  # the last column of cells before the tag
    assert not seam[:, 0, 0, 1].any()
    assert not seam[..., 3, :].any()  # the box ends at nothing there
    assert edge[:, -1:, 3, 1].any() or edge[:, :1, 3, 2].any()


def test_outlines_are_learnt_from_what_is_known_alone() -> None:
    helper = Auxiliary(8, 4)
    facts = _facts(4)
    tokens, texts = torch.randn(2, 5, 8), torch.randn(4, 4)
    target = torch.full((4, 32, 32), IGNORED, dtype=torch.uint8)
    known = Facts(facts.scenes, torch.zeros_like(facts.outlines), facts.texts)
    known.outlines[:, :4] = torch.nan
    loss = helper(tokens, texts, texts, known, target)
    loss.backward()
    slope = helper.trace.weight.grad
    assert slope is not None
    assert slope[4:].abs().min() > 0
    assert slope[:4].abs().max() == 0


def _facts(tokens: int) -> Facts:
    side = int(tokens**0.5)
    outlines = torch.full((2, OUTLINES, side, side), torch.nan)
    return Facts(torch.full((2, 3, side, side), UNKNOWN), outlines, torch.full((4, 3), UNKNOWN))


def test_what_is_not_known_costs_nothing_but_the_match() -> None:
    torch.manual_seed(0)
    helper = Auxiliary(8, 4)
    with torch.no_grad():
        helper.match.weight.zero_()
        helper.match.bias.zero_()
        helper.bias.zero_()
    texts, target = torch.randn(4, 4), torch.full((4, 32, 32), INSIDE, dtype=torch.uint8)
    loss = helper(torch.randn(2, 5, 8), texts, texts, _facts(4), target)
    assert loss.item() == pytest.approx(float(np.log(2)), rel=1e-5)
    target[:] = IGNORED
    assert helper(torch.randn(2, 5, 8), texts, texts, _facts(4), target).item() == 0.0


def test_a_match_is_judged_for_every_prompt_of_its_own_picture() -> None:
    helper = Auxiliary(2, 2)
    with torch.no_grad():
        helper.match.weight.copy_(torch.eye(2))
        helper.match.bias.zero_()
        helper.bias.zero_()
        helper.scale.fill_(1.0)
    # Picture 0 shows (1, 0) everywhere, picture 1 shows (0, 1); prompts ask 9 times for either.
    tokens = torch.tensor([[[1.0, 0.0]] * 5, [[0.0, 1.0]] * 5])
    asked = torch.tensor([[9.0, -9.0], [-9.0, 9.0], [9.0, -9.0], [-9.0, 9.0]])
    target = torch.zeros(4, 32, 32, dtype=torch.uint8)
    target[0] = target[3] = INSIDE
    right = helper(tokens, asked, asked, _facts(4), target).item()
    assert right < 0.01
    assert helper(tokens, -asked, -asked, _facts(4), target).item() > 5
