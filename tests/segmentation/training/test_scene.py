"""Rendered scenes and their truth."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from segmentation.colour import colour_shares
from segmentation.errors import DataError
from segmentation.training.cutouts import Cutout, Cutouts, Mixture, _on_white, load_cutouts
from segmentation.training.layout import Item, Layout, draw_layout
from segmentation.training.packs import draw_pack
from segmentation.training.products import HELD_OUT_PAIRS, invent_product, vary
from segmentation.training.scene import draw_scene, render
from segmentation.training.sheet import contact_sheet
from segmentation.vocabulary import vocabulary


def test_the_same_seed_gives_the_same_pixels_and_truth() -> None:
    one, two = render(42, 128), render(42, 128)
    assert np.array_equal(one.image, two.image)
    assert np.array_equal(one.labels, two.labels)


def test_another_seed_gives_another_scene() -> None:
    assert not np.array_equal(render(42, 128).image, render(43, 128).image)


def test_one_seed_stands_for_one_scene_at_every_size() -> None:
    small, large = (draw_scene(draw_layout(7, Cutouts()), Cutouts(), height) for height in (112, 448))
    assert small.items == large.items
    shrunk = cv2.resize(large.labels, (112, 112), interpolation=cv2.INTER_NEAREST)
    assert (shrunk == small.labels).mean() > 0.9


def test_a_wide_scene_of_many_megapixels_can_be_drawn() -> None:
    scene = render(3, 1200, aspect=4 / 3)
    assert scene.image.shape == (1200, 1600, 3)


@pytest.mark.parametrize("kind", list(vocabulary().kinds))
def test_every_kind_of_pack_fills_its_sprite(kind: str) -> None:
    for seed in range(5):
        sprite = draw_pack(invent_product(np.random.default_rng(seed), kind=kind), 60, 100)
        assert sprite.shape == (100, 60, 4)
        solid = sprite[..., 3] > 127
        assert solid.any(1).mean() > 0.9
        assert solid.mean() > 0.25


def test_tiny_packs_can_be_drawn() -> None:
    for kind in vocabulary().kinds:
        assert draw_pack(invent_product(np.random.default_rng(1), kind=kind), 1, 1).shape == (3, 3, 4)


def test_the_body_of_a_pack_has_the_colour_it_is_named_after() -> None:
    product = invent_product(np.random.default_rng(5), kind="box", colour="red")
    pixels = draw_pack(product, 80, 80)[..., :3].reshape(-1, 3).astype(int)
    close = np.abs(pixels - np.array(product.rgb)).sum(1) < 90
    assert close.mean() > 0.3


def test_held_out_pairs_are_at_least_ten_and_never_drawn_for_training() -> None:
    assert len(HELD_OUT_PAIRS) >= 10
    rng = np.random.default_rng(0)
    products = [invent_product(rng) for _ in range(600)]
    products += [vary(product, rng) for product in products]
    assert not {(p.colour, p.kind) for p in products} & HELD_OUT_PAIRS


def test_held_out_scenes_show_a_held_out_pair() -> None:
    layout = draw_layout(11, Cutouts(), held_out=True)
    assert (layout.products[0].colour, layout.products[0].kind) in HELD_OUT_PAIRS


def test_most_rows_limits_the_shelves() -> None:
    layouts = [draw_layout(seed, Cutouts(), most_rows=2) for seed in range(40)]
    assert max((i.row for layout in layouts for i in layout.items), default=0) <= 1


def test_labels_say_which_pack_lies_in_front() -> None:
    product = invent_product(np.random.default_rng(0), kind="box")
    items = (Item("pack", 0, 0, (0.1, 0.2, 0.6, 0.9)), Item("pack", 0, 0, (0.4, 0.2, 0.9, 0.9)))
    scene = draw_scene(Layout(1, 1.0, "catalogue", (product,), items), Cutouts(), 100, camera=False)
    assert scene.labels[50, 30] == 1
    assert scene.labels[50, 50] == 2
    assert scene.areas()[0] == pytest.approx(30 * 70, rel=0.05)
    assert scene.areas()[1] == pytest.approx(50 * 70, rel=0.05)


def test_real_cutouts_are_read_trimmed_and_named(tmp_path: Path) -> None:
    pixels = np.zeros((80, 60, 4), np.uint8)
    pixels[10:70, 20:40] = (0, 0, 255, 255)
    (tmp_path / "aws").mkdir()
    cv2.imwrite(str(tmp_path / "aws/red_soda_can.png"), pixels)
    (pack,) = load_cutouts(tmp_path).packs
    assert (pack.kind, pack.colour, pack.contents) == ("can", "red", "soda")
    assert pack.pixels.shape == (60, 20, 4)
    assert tuple(pack.pixels[30, 10, :3]) == (255, 0, 0)


def test_photos_are_printed_on_packs_and_leave_their_colour(tmp_path: Path) -> None:
    photo = np.zeros((90, 120, 3), np.uint8)
    photo[:, :, 1] = np.random.default_rng(1).integers(180, 256, (90, 120))  # nothing else on a red box is green
    folder = tmp_path / "grocerystore/dataset/train/Fruit"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "lime.jpg"), photo)
    (tmp_path / "aws").mkdir()
    cv2.imwrite(str(tmp_path / "aws/red_soda_can.png"), np.full((60, 30, 4), 255, np.uint8))
    cutouts = load_cutouts(tmp_path)
    assert [photo.shape for photo in cutouts.photos] == [(140, 187, 3)]
    layouts = [draw_layout(seed, cutouts) for seed in range(40)]
    drawn = [product for layout in layouts for product in layout.products if product.cutout is None]
    assert 0.2 < sum(product.photo is not None for product in drawn) / len(drawn) < 0.6
    product = replace(invent_product(np.random.default_rng(5), kind="box", colour="red"), photo=0)
    pixels = draw_pack(product, 80, 80, cutouts.photos[0])[..., :3].reshape(-1, 3).astype(int)
    green = (pixels[:, 1] > pixels[:, 0] + 60) & (pixels[:, 1] > pixels[:, 2] + 60)
    assert 0.05 < green.mean() < 0.5
    assert (np.abs(pixels - np.array(product.rgb)).sum(1) < 90).mean() > 0.3


def test_loose_goods_lie_behind_the_packs_of_as_many_scenes_as_is_asked() -> None:
    goods = Cutouts(clutter=(np.full((60, 60, 3), (250, 0, 250), np.uint8),))
    item = Item("pack", 0, 0, (0.3, 0.2, 0.6, 0.9))
    layout = Layout(1, 1.0, "shelf", (invent_product(np.random.default_rng(1)),), (item,))
    scene = draw_scene(layout, goods, 100, camera=False, clutter=1.0)
    assert (scene.image[:10] == (250, 0, 250)).all()
    assert not scene.labels[:10].any()
    without = draw_scene(layout, goods, 100, camera=False)
    assert not (without.image[:10] == (250, 0, 250)).all()
    assert np.array_equal(without.labels, scene.labels)


def test_scenes_hold_as_many_real_packs_as_is_asked() -> None:
    pack = Cutout("pack", np.full((40, 20, 4), 255, np.uint8), "box", "white", None)
    layouts = [
        draw_layout(seed, Cutouts(packs=(pack,)), mixture=Mixture(real=real))
        for real in (0.0, 1.0)
        for seed in range(9)
    ]
    real = [[product.cutout is not None for product in layout.products] for layout in layouts]
    assert not any(any(ones) for ones in real[:9])
    assert all(ones[0] for ones in real[9:])


def test_tinted_packs_are_named_after_the_colour_they_wear_and_make_no_held_out_pair() -> None:
    pixels = np.full((40, 20, 4), 255, np.uint8)
    pixels[..., :3] = (210, 20, 30)
    goods = Cutouts(packs=(Cutout("pack", pixels, "bottle", "red", "cola"),))
    rng = np.random.default_rng(8)
    assert not any(goods.product(0, rng).tinted for _ in range(20))
    products = [goods.product(0, rng, 1.0) for _ in range(200)]
    assert all(product.tinted and product.contents is None for product in products)
    named = {product.colour for product in products}
    assert {"green", "blue"} < named
    assert "purple" not in named  # purple bottles are held out
    for product in products:
        drawn = goods.drawing(product)
        assert drawn.shape == pixels.shape
        assert product.colour is None or colour_shares(drawn[..., :3])[product.colour] > 0.6
        assert colour_shares(drawn[..., :3]).get("purple", 0.0) <= 0.3


def test_a_wrapped_pack_is_covered_by_its_photo_and_its_colour_is_not_known() -> None:
    photo = np.random.default_rng(1).integers(100, 256, (60, 80, 3)).astype(np.uint8)
    photo[..., 0] = 0
    cutouts = Cutouts(photos=(photo,))
    layouts = [draw_layout(seed, cutouts, mixture=Mixture(wraps=1.0)) for seed in range(20)]
    products = [product for layout in layouts for product in layout.products]
    wrapped = [product for product in products if product.wrapped]
    assert wrapped
    assert all(product.photo == 0 and product.colour is None and product.contents is None for product in wrapped)
    box = replace(invent_product(np.random.default_rng(5), kind="box", colour="red"), photo=0, wrapped=True)
    pixels = draw_pack(box, 80, 80, photo)[..., :3].reshape(-1, 3)
    assert (pixels[:, 0] < 10).mean() > 0.6  # the rest is print over it


def test_a_white_pack_on_white_ground_is_cut_out_whole() -> None:
    # A white pack with red print at its corners and a red band, on white: what is white between them belongs to it.
    pixels = np.full((100, 80, 3), 255, np.uint8)
    pixels[20:90, 30:60] = 250
    for y, x in ((20, 30), (20, 55), (85, 30), (85, 55)):
        pixels[y : y + 5, x : x + 5] = (200, 20, 30)
    pixels[50:60, 30:60] = (200, 20, 30)
    pixels[25:86, 30:33] = pixels[25:86, 57:60] = (200, 20, 30)
    alpha = _on_white(pixels)[..., 3]
    assert (alpha[22:88, 32:58] == 255).all()
    assert alpha[:18].max() == alpha[:, :28].max() == alpha[:, 62:].max() == 0


def test_nothing_on_white_ground_is_no_pack() -> None:
    assert _on_white(np.full((20, 20, 3), 255, np.uint8))[..., 3].max() == 0


def test_an_unreadable_cutout_is_named(tmp_path: Path) -> None:
    (tmp_path / "aws").mkdir()
    (tmp_path / "aws/red_soda_can.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"red_soda_can\.png cannot be read"):
        load_cutouts(tmp_path)


def test_a_folder_without_any_listed_cutout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds none of the cut-outs"):
        load_cutouts(tmp_path)


def test_without_a_folder_there_are_no_cutouts(tmp_path: Path) -> None:
    assert load_cutouts(None) == Cutouts()
    assert load_cutouts(tmp_path / "missing") == Cutouts()


def test_a_contact_sheet_shows_each_scene_and_its_prompts(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    contact_sheet(path, first_seed=0, count=4, size=96, data=None, prompts=True)
    sheet = cv2.imread(str(path))
    assert sheet is not None
    assert sheet.shape == (2 * 96, 8 * 96, 3)


def test_a_contact_sheet_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        contact_sheet(tmp_path / "no" / "s.png", first_seed=0, count=1, size=96, data=None, prompts=False)
