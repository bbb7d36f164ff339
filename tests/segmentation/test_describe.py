from typing import NamedTuple

import numpy as np

from segmentation.describe import describe_photo, pack_shape
from segmentation.geometry import Box
from segmentation.rows import Line, Rows


class Read(NamedTuple):
    text: str
    box: Box
    score: float = 0.95


def label(left: int, top: int, *lines: str) -> list[Read]:
    """A label: one word a line, letters 20 px high, or two words on a line when joined by a space."""
    words = []
    for row, line in enumerate(lines):
        x = left
        for text in line.split():
            words.append(Read(text, (x, top + 28 * row, x + 12 * len(text), top + 28 * row + 20)))
            x += 12 * len(text) + 10
    return words


def shelf(colour: tuple[int, int, int] = (128, 128, 128)) -> np.ndarray:
    return np.full((600, 1000, 3), colour, np.uint8)


def products(words: list[Read]) -> dict[str, int]:
    return {product.name: product.count for product in describe_photo(shelf(), words).products}


def test_words_that_keep_company_name_a_product_in_reading_order() -> None:
    words = [word for x in (50, 250, 450, 650, 850) for word in label(x, 100, "Heinz", "Lentil", "Soup")]
    assert products(words) == {"Heinz Lentil Soup": 5}


def test_variants_of_a_brand_are_told_apart_and_the_rest_of_the_brand_is_kept() -> None:
    words = [word for x in (50, 250, 450) for word in label(x, 100, "Heinz", "Lentil", "Soup")]
    words += [word for x in (50, 250) for word in label(x, 400, "Heinz", "Tomato", "Soup")]
    words += [word for x in (600, 800) for word in label(x, 400, "Heinz")]
    assert products(words) == {"Heinz Lentil Soup": 3, "Heinz Tomato Soup": 2, "Heinz": 2}


def test_two_words_on_one_line_are_read_from_left_to_right() -> None:
    words = [word for x in (50, 450) for word in label(x, 100, "BAKED BEANS", "Branston")]
    assert products(words) == {"BAKED BEANS Branston": 2}


def test_a_misread_letter_does_not_split_a_product() -> None:
    words = label(50, 100, "Schweppes") + label(350, 100, "Schweppes") + label(650, 100, "Gchweppes")
    assert products(words) == {"Schweppes": 3}


def test_what_was_read_once_is_quoted_but_not_called_repeated() -> None:
    description = describe_photo(shelf(), label(50, 100, "Oreo") + label(400, 400, "Milka"))
    assert description.products == ()
    assert description.words == ("Oreo", "Milka")
    assert "words read: Oreo, Milka" in description.summary


def test_prices_poor_readings_and_control_characters_are_left_out() -> None:
    words = [
        Read("2.99", (0, 0, 40, 20)),
        Read("18", (0, 50, 40, 70)),
        Read("blurred", (0, 100, 40, 120), 0.3),
        Read("\x1b[31mTEA\x1b[0m\u202e", (0, 150, 40, 170)),
    ]
    assert describe_photo(shelf(), words).words == ("TEA",)


def test_the_box_of_a_product_holds_its_words_and_no_others() -> None:
    words = [word for x in (50, 450) for word in label(x, 100, "Heinz", "Soup")]
    (product,) = describe_photo(shelf(), words).products
    assert product.boxes == ((50, 100, 110, 148), (450, 100, 510, 148))


def test_a_product_has_the_colour_around_its_words() -> None:
    pixels = shelf()
    for x in (50, 450):
        pixels[80:180, x - 20 : x + 120] = 200, 20, 30
    words = [word for x in (50, 450) for word in label(x, 100, "Heinz", "Soup")]
    (product,) = describe_photo(pixels, words).products
    assert product.colours == ("red",)


def test_a_photo_without_words_is_described_all_the_same() -> None:
    description = describe_photo(shelf((30, 80, 190)), [])
    assert description.summary == "1 row; no words could be read; colours: blue"


def test_a_photo_full_of_words_is_described_within_seconds_and_in_bounded_length() -> None:
    words = [word for x in range(0, 990, 40) for y in range(0, 590, 30) for word in label(x, y, "Tea" + "x" * (x % 5))]
    description = describe_photo(shelf(), words)
    assert len(words) == 500
    assert len(description.products) <= 12
    assert len(description.summary) < 600


def packs(wide: int, high: int, across: int = 4) -> tuple[np.ndarray, list[Box]]:
    """Equal packs of that size with a gap between them, on a shelf that is another at every place, and their labels."""
    chance = np.random.default_rng(0)
    photo = chance.integers(0, 255, (600, 1200, 3)).astype(np.uint8)
    print_ = np.kron(chance.integers(0, 255, (high // 6, wide // 6, 3)), np.ones((6, 6, 1))).astype(np.uint8)
    labels = []
    for number in range(across):
        x, y = 60 + 280 * number, 150
        photo[y : y + print_.shape[0], x : x + print_.shape[1]] = print_
        labels.append((x + wide // 4, y + high // 2 - 12, x + 3 * wide // 4, y + high // 2 + 12))
    return photo, labels


def test_the_shape_of_a_pack_is_told_by_what_is_alike_around_its_labels() -> None:
    rows = Rows((Line(0, 0), Line(600, 600)), 1200)
    assert [pack_shape(*packs(wide, high), rows) for wide, high in ((96, 240), (180, 180), (222, 120))] == [
        "tall",
        None,
        "wide",
    ]


def test_labels_with_nothing_alike_around_them_tell_no_shape() -> None:
    photo, _ = packs(96, 240, across=0)
    assert (
        pack_shape(photo, [(100, 100, 160, 120), (400, 300, 460, 320)], Rows((Line(0, 0), Line(600, 600)), 1200))
        is None
    )


def test_a_label_without_extent_tells_no_shape() -> None:
    photo, labels = packs(96, 240)
    rows = Rows((Line(0, 0), Line(600, 600)), 1200)
    assert pack_shape(photo, [(5, 5, 5, 9), *labels], rows) == "tall"
    assert pack_shape(photo, [(5, 5, 5, 9), (9, 5, 9, 9)], rows) is None
