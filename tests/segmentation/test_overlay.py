import io
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from segmentation.errors import UserError
from segmentation.geometry import Box, intersection
from segmentation.overlay import (
    COUNTED,
    DARK,
    EVIDENCE,
    EXCLUDED,
    _Pen,
    draw_overlay,
    encode_overlay,
    save_overlay,
    title,
)


class Item(NamedTuple):
    id: int
    box: Box
    evidence: tuple[str, ...] = ()


class Left(NamedTuple):
    box: Box
    reason: str


GREY = (128, 128, 128)


def photo(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def below_legend(picture: np.ndarray, height: int) -> np.ndarray:
    return picture[picture.shape[0] - height :]


def share(region: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((region == colour).all(axis=2).mean())


def has(region: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((region == colour).all(axis=2).any())


def test_the_title_shows_the_interval_only_when_there_is_one() -> None:
    assert title("Sunkist bottles", 7, 6, 8) == "Sunkist bottles: 7 (6–8)"
    assert title("cans", 5, 5, 5) == "cans: 5"


def test_the_legend_lies_above_the_photo_and_the_photo_is_left_as_it_was() -> None:
    pixels = photo(1000, 1500)
    picture = draw_overlay(pixels, [], [], ["cans: 0"])
    assert picture.dtype == np.uint8
    assert picture.shape[1] == 1500
    assert 1050 < picture.shape[0] < 1300
    assert (below_legend(picture, 1000) == GREY).all()
    assert tuple(picture[0, 0]) == DARK
    assert (pixels == GREY).all()


def test_counted_and_excluded_items_have_outlines_of_different_colours_within_their_boxes() -> None:
    picture = below_legend(
        draw_overlay(
            photo(1000, 1500),
            [Item(1, (100, 100, 300, 500))],
            [Left((700, 100, 900, 500), "another variant")],
            ["cans: 1"],
        ),
        1000,
    )
    counted, excluded = picture[100:500, 100:300], picture[100:500, 700:900]
    assert has(counted, COUNTED)
    assert not has(counted, EXCLUDED)
    assert has(excluded, EXCLUDED)
    assert not has(excluded, COUNTED)
    assert has(picture[300:302, 100:110], COUNTED), "the left edge is drawn at the left edge"
    assert not has(counted[180:220, 60:140], COUNTED), "the middle of the pack stays visible"
    changed = (picture != GREY).any(axis=2)
    changed[98:502, 98:302] = changed[98:502, 698:902] = False
    assert not changed.any()


def test_every_number_is_written_on_its_own_plate_when_forty_boxes_touch() -> None:
    boxes = [(x * 100, y * 120, x * 100 + 100, y * 120 + 120) for y in range(4) for x in range(10)]
    canvas = photo(480, 1000)
    pen = _Pen.for_picture(canvas)
    plates: list[Box] = []
    for number, box in enumerate(boxes, 1):
        plate = pen.number(canvas, box, str(number), pen.number_size(boxes), plates)
        assert len(plate) == 1
        assert intersection(plate[0], box) == (plate[0][2] - plate[0][0]) * (plate[0][3] - plate[0][1])
        plates += plate
    assert not any(intersection(one, other) for one, other in combinations(plates, 2))
    assert all(has(canvas[y0:y1, x0:x1], DARK) for x0, y0, x1, y1 in plates)


def test_numbers_of_boxes_in_one_place_do_not_cover_each_other() -> None:
    canvas = photo(1000, 1000)
    pen = _Pen.for_picture(canvas)
    plates: list[Box] = []
    for number in range(1, 31):
        plates += pen.number(canvas, (400, 400, 480, 480), str(number), 24, plates)
    assert 5 <= len(plates) < 30, "what has no room is left out"
    assert not any(intersection(one, other) for one, other in combinations(plates, 2))


def test_plates_stay_on_the_picture() -> None:
    canvas = photo(1000, 1000)
    plate = _Pen.for_picture(canvas).number(canvas, (990, 990, 1000, 1000), "100", 40, [])[0]
    assert plate[0] >= 0
    assert plate[2] <= 1000
    assert plate[1] >= 0
    assert plate[3] <= 1000


def test_numbers_grow_with_the_photo() -> None:
    sizes = [_Pen.for_picture(photo(side, side // 2)).letter for side in (1000, 2000, 4000)]
    assert sizes == [24, 48, 95]


def test_a_small_photo_is_enlarged_until_numbers_fit() -> None:
    picture = draw_overlay(photo(224, 224), [Item(1, (20, 20, 80, 120))], [], ["jars: 1"])
    assert picture.shape[1] == 224 * 5
    assert has(below_legend(picture, 1120)[100:600, 100:400], COUNTED)


def test_the_evidence_of_an_item_is_shown_small() -> None:
    items = [
        Item(1, (100, 100, 400, 500), ("meaning", "repetition")),
        Item(2, (500, 100, 800, 500), ("label",)),
    ]
    picture = below_legend(draw_overlay(photo(1000, 1000), items, [], ["cans: 2"]), 1000)
    first, second = picture[100:500, 100:400], picture[100:500, 500:800]
    for region, shown in ((first, {"meaning", "repetition"}), (second, {"label"})):
        assert {kind for kind, colour in EVIDENCE.items() if has(region, colour)} == shown
        assert sum(share(region, colour) for colour in EVIDENCE.values()) < 0.01


def test_the_legend_explains_only_colours_that_are_used() -> None:
    plain = draw_overlay(photo(1000, 1000), [Item(1, (1, 1, 90, 90))], [], ["cans: 1"])[:-1000]
    assert has(plain, COUNTED)
    assert not has(plain, EXCLUDED)
    full = draw_overlay(
        photo(1000, 1000),
        [Item(1, (1, 1, 90, 90), ("label",))],
        [Left((100, 1, 200, 90), "cut off")],
        ["cans: 1"],
    )[:-1000]
    assert has(full, EXCLUDED)
    assert has(full, EVIDENCE["label"])
    assert not has(full, EVIDENCE["meaning"])


def test_long_titles_in_any_script_and_with_control_characters_fit_the_width() -> None:
    lines = ["Müller Milch 牛乳 " * 40, "\x1b[31mred\n\n" * 30, ""]
    rejected = [Left((1, 1, 50, 50), "reason " * 200)]
    picture = draw_overlay(photo(1000, 600), [], rejected, lines)
    assert picture.shape[1] == 600
    assert picture.shape[0] < 1300
    assert (picture[:-1000, -4:] == DARK).all()


@pytest.mark.parametrize("box", [(5, 5, 5, 5), (0, 0, 1, 1), (990, 990, 1000, 1000), (-5, -5, 2000, 2000)])
def test_odd_boxes_are_drawn_without_complaint(box: Box) -> None:
    assert draw_overlay(photo(1000, 1000), [Item(1, box, ("label",))], [Left(box, "x")], ["x"]).shape[1] == 1000


def test_the_same_input_gives_the_same_pixels() -> None:
    pictures = [
        draw_overlay(photo(600, 900), [Item(7, (10, 10, 200, 300), ("label",))], [], ["cans: 1"]) for _ in range(2)
    ]
    assert np.array_equal(*pictures)


@pytest.mark.parametrize(("ending", "kind"), [(".jpg", "JPEG"), (".JPEG", "JPEG"), (".png", "PNG")])
def test_the_ending_decides_the_format(tmp_path: Path, ending: str, kind: str) -> None:
    picture = photo(30, 40)
    picture[:, :20] = 255, 0, 0
    save_overlay(tmp_path / f"out{ending}", picture)
    with Image.open(tmp_path / f"out{ending}") as read:
        assert read.format == kind
        assert read.size == (40, 30)
        red, green, _ = read.convert("RGB").getpixel((5, 15))
    assert red > 200
    assert green < 60
    assert [path.name for path in tmp_path.iterdir()] == [f"out{ending}"]


@pytest.mark.parametrize("name", ["out.gif", "out", "out.webp"])
def test_other_endings_are_refused_with_those_that_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"written as \.jpg or \.png"):
        save_overlay(tmp_path / name, photo(5, 5))
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        save_overlay(tmp_path / "none" / "out.png", photo(5, 5))
    (tmp_path / "out.png").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        save_overlay(tmp_path / "out.png", photo(5, 5))
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_a_picture_can_be_capped_for_sending() -> None:
    data = encode_overlay(photo(3000, 4000), ".jpg", longest_side=800)
    assert Image.open(io.BytesIO(data)).size == (800, 600)
    assert Image.open(io.BytesIO(encode_overlay(photo(30, 40), ".png", longest_side=800))).size == (40, 30)
