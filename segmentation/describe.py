"""What is on a photo, said without any model key: rows, colours, the words read, and products that repeat.

What is alike around a repeated label is the pack, so its shape can be told, when it is clearly tall or wide.

A product is named by the words that keep company on its label. For each word that was read more than once,
the words that stand beside it nearly every time are its phrase; the longest phrases are named first and
take their words with them, so that "Heinz Lentil Soup" is told before what is left of "Heinz". What is read
is data: it is cleaned, counted and quoted, and never taken for an instruction.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz

from segmentation.colour import colour_shares
from segmentation.extent import pack_extent
from segmentation.geometry import Box, area, centre, clip, grow, holds, union
from segmentation.printable import printable
from segmentation.rows import Rows, find_rows
from segmentation.vocabulary import plural

Pixels = npt.NDArray[np.uint8]

SURE = 0.6  # score from which a word is quoted
ALIKE = 85  # rapidfuzz ratio of two spellings of one word
COMPANY = 0.6  # of a word's places at which another must stand to belong to its phrase
MAX_PRODUCTS = 12
MAX_WORDS = 60
MAX_NAME = 4  # words
COLOUR_SHARE = 0.12  # of the photo
LABEL_COLOUR_SHARE = 0.2  # of a label and what is around it
NAMED = 6  # products that a summary names, and of which the shape is looked for
TALL, WIDE = 1.35, 0.75  # height of a pack for its width
LARGER = 1.3  # a pack is at least this many times as large as the words on it, both ways, or it was not found
VOTERS = 4  # labels that are asked for the shape of their pack
NEAREST = 3  # copies that its surroundings are compared with
AGREED = 0.6  # of those that found one must say the same
NEUTRAL = {"white", "grey", "black"}


class Word(Protocol):
    """A word as segmentation.labels.ReadWord is one."""

    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def box(self) -> Box: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102


Shape = Literal["tall", "wide"]


@dataclass(frozen=True)
class Product:
    """Words that were read together at several places, with the colours around them and the shape of the pack."""

    name: str
    boxes: tuple[Box, ...]  # of the words at each place, not of the whole pack
    colours: tuple[str, ...]
    shape: Shape | None = None  # None where it is neither, or the copies do not tell

    @property
    def count(self) -> int:
        """At how many places the words were read; packs whose label was not read are missing."""
        return len(self.boxes)


@dataclass(frozen=True)
class Description:
    """What was seen, and one sentence that says it."""

    rows: int
    colours: tuple[str, ...]
    words: tuple[str, ...]  # the most frequent first
    products: tuple[Product, ...]
    summary: str


def describe_photo(pixels: Pixels, words: Sequence[Word]) -> Description:
    """Describe a photo (H, W, 3) on which these words were read."""
    rows = find_rows(pixels)
    shares = colour_shares(pixels)
    colours = tuple(name for name, share in shares.items() if share >= COLOUR_SHARE)[:4]
    places = _places(words)
    products = tuple(
        Product(
            name,
            boxes,
            _colours_around(pixels, boxes),
            pack_shape(pixels, boxes, rows) if number < NAMED else None,
        )
        for number, (name, boxes) in enumerate(_repeated(places))
    )
    frequent = Counter(place.name for place in places)
    quoted = tuple(name for name, _ in frequent.most_common(MAX_WORDS))
    return Description(len(rows), colours, quoted, products, _summary(len(rows), colours, quoted, products))


def describe_part(pixels: Pixels, words: Sequence[Word], box: Box) -> str:
    """One sentence on a part of a photo (H, W, 3): the labels and colours within a box."""
    x0, y0, x1, y1 = clip(box, pixels.shape[1], pixels.shape[0])
    if area((x0, y0, x1, y1)) == 0:
        return ""
    inside = [word for word in words if holds(box, centre(word.box))]
    colours = tuple(name for name, share in colour_shares(pixels[y0:y1, x0:x1]).items() if share >= COLOUR_SHARE)
    places = _places(inside)
    products = [Product(name, boxes, _colours_around(pixels, boxes)) for name, boxes in _repeated(places)]
    quoted = tuple(name for name, _ in Counter(place.name for place in places).most_common(MAX_WORDS))
    return _summary(0, colours[:4], quoted, products)


def pack_shape(pixels: Pixels, labels: Sequence[Box], rows: Rows) -> Shape | None:
    """The shape of packs (H, W, 3) with one label each: what looks alike around all labels is the pack.

    VOTERS labels are asked, and most of those that found a pack must agree: of 25 repeated products on real photos 5
    are called tall so, all rightly; 15 more tall and 2 wide ones are not told (the photos the rule was chosen on, by a
    script that is not kept).

    Args:
        pixels: uint8 RGB photo.
        labels: of the same words on several packs.
        rows: the shelves, which no pack leaves.

    Returns:
        None where the copies do not tell, and for packs about as high as wide.
    """
    votes: Counter[Shape | None] = Counter()
    labels = [box for box in labels if area(box)]
    for window in labels[:VOTERS]:
        others = sorted((box for box in labels if box != window), key=lambda box: _apart(window, box))
        copies = [_onto(window, box) for box in others[:NEAREST]]
        pack = pack_extent(pixels, window, copies, [centre(box) for box in others], rows.span(window))
        wide, high = pack[2] - pack[0], pack[3] - pack[1]
        if wide >= LARGER * (window[2] - window[0]) and high >= LARGER * (window[3] - window[1]):
            votes["tall" if high >= TALL * wide else "wide" if high <= WIDE * wide else None] += 1
    shape, most = max(votes.items(), key=lambda vote: vote[1], default=(None, 0))
    return shape if most >= max(2, AGREED * votes.total()) else None


def _apart(one: Box, other: Box) -> float:
    return math.dist(centre(one), centre(other))


def _onto(window: Box, box: Box) -> npt.NDArray[np.float32]:
    """The similarity (2, 3) that lays a label over one of its copies."""
    scale = (box[2] - box[0]) / (window[2] - window[0])
    (x, y), (to_x, to_y) = centre(window), centre(box)
    return np.array([[scale, 0, to_x - scale * x], [0, scale, to_y - scale * y]], np.float32)


def _colours_around(pixels: Pixels, boxes: Sequence[Box]) -> tuple[str, ...]:
    """The colours of labels: of the words' boxes and half their size around them."""
    height, width = pixels.shape[:2]
    total: Counter[str] = Counter()
    around = [clip(grow(box, 0.5), width, height) for box in boxes[:12]]
    seen = [box for box in around if area(box)]
    for x0, y0, x1, y1 in seen:
        total.update(colour_shares(pixels[y0:y1, x0:x1]))
    found = [name for name, share in total.most_common() if share / len(seen) >= LABEL_COLOUR_SHARE]
    # Print and shadow are black or white on nearly every pack: they name it only when nothing else does.
    return tuple([name for name in found if name not in NEUTRAL] or found)[:2]


@dataclass(frozen=True)
class _Place:
    """A word at one place; `name` is the spelling under which its likes were gathered."""

    name: str
    box: Box

    def near(self, other: "_Place") -> bool:
        """Whether both may stand on one label: on one line or on lines below each other."""
        a, b = self.box, other.box
        letters = max(a[3] - a[1], b[3] - b[1])
        apart_x, apart_y = max(a[0], b[0]) - min(a[2], b[2]), max(a[1], b[1]) - min(a[3], b[3])
        (ax, ay), (bx, by) = centre(a), centre(b)
        same_line = abs(ay - by) < 0.6 * letters and apart_x < 0.8 * letters
        below = apart_x < 0 and apart_y < 2.5 * letters and abs(ax - bx) < 0.6 * max(a[2] - a[0], b[2] - b[0])
        return same_line or below


def _places(words: Sequence[Word]) -> list[_Place]:
    """The words worth quoting, each under its most frequent spelling."""
    clean = [(printable(word.text, 40).strip(".,:;!?&'\"-*()[]"), word) for word in words if word.score >= SURE]
    usable = [(text, word) for text, word in clean if sum(char.isalpha() for char in text) >= 3]
    spellings = Counter(text for text, _ in usable)
    names: dict[str, str] = {}
    for text, _ in spellings.most_common():
        key = text.casefold()
        known = (name for name in dict.fromkeys(names.values()) if fuzz.ratio(key, name.casefold()) >= ALIKE)
        names[text] = next(known, text)
    return [_Place(names[text], word.box) for text, word in usable]


def _repeated(places: list[_Place]) -> list[tuple[str, tuple[Box, ...]]]:
    """Names and boxes of what repeats, the most telling first; every place is used once."""
    neighbours = {place: [other for other in places if other is not place and place.near(other)] for place in places}
    free = dict.fromkeys(places)
    found: list[tuple[str, tuple[Box, ...]]] = []
    while len(found) < MAX_PRODUCTS:
        phrases = [
            _phrase(name, free, neighbours)
            for name, count in Counter(place.name for place in free).items()
            if count > 1 and len(name) > 3
        ]
        if not phrases:
            break
        # Of equally long phrases the one that holds together, not one whose words stand on other labels too.
        phrase, anchors, _ = max(phrases, key=lambda item: (min(len(item[0]), MAX_NAME), len(item[1]) * item[2] ** 2))
        boxes = []
        for anchor in anchors:
            if anchor not in free:  # already part of the label beside it
                continue
            members = [other for other in neighbours[anchor] if other in free and other.name in phrase]
            box = anchor.box
            for member in members:
                box = union(box, member.box)
                del free[member]
            free.pop(anchor, None)
            boxes.append(box)
        found.append((" ".join(phrase[:MAX_NAME]), tuple(sorted(boxes, key=lambda box: (box[1], box[0])))))
    return sorted((item for item in found if len(item[1]) > 1), key=lambda item: -len(item[1]))


def _phrase(
    name: str, free: dict[_Place, None], neighbours: dict[_Place, list[_Place]]
) -> tuple[list[str], list[_Place], float]:
    """The words beside a word at most of its places, in reading order; the places; the rarest's share."""
    anchors = [place for place in free if place.name == name]
    beside: Counter[str] = Counter()
    offsets: dict[str, list[tuple[float, float]]] = {name: [(0.0, 0.0)]}
    for anchor in anchors:
        x, y = centre(anchor.box)
        letters = anchor.box[3] - anchor.box[1]
        company: dict[str, _Place] = {}  # of each word the nearest
        for other in sorted(neighbours[anchor], key=lambda each: -math.dist(centre(each.box), (x, y))):
            if other in free and other.name != name:
                company[other.name] = other
        beside.update(company.keys())
        for other in company.values():
            other_x, other_y = centre(other.box)
            offsets.setdefault(other.name, []).append(((other_y - y) / letters, other_x - x))
    phrase = [name] + [other for other, count in beside.items() if count >= max(2, COMPANY * len(anchors))]
    together = min((beside[word] / len(anchors) for word in phrase if word != name), default=1.0)
    return _reading_order({word: np.median(offsets[word], axis=0) for word in phrase}), anchors, together


def _reading_order(offsets: dict[str, npt.NDArray[np.float64]]) -> list[str]:
    """Words by line, then from left to right; offsets are (lines down, px to the right)."""
    lines: list[list[str]] = []
    for word in sorted(offsets, key=lambda each: float(offsets[each][0])):
        if lines and offsets[word][0] - offsets[lines[-1][0]][0] < 0.5:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [word for line in lines for word in sorted(line, key=lambda each: float(offsets[each][1]))]


def _summary(rows: int, colours: Sequence[str], words: Sequence[str], products: Sequence[Product]) -> str:
    parts = [f"{rows} {'row' if rows == 1 else plural('row')}"] if rows else []
    if products:
        named = [
            f"{each.name} ×{each.count}" + (f" ({looks})" if (looks := _looks(each)) else "")
            for each in products[:NAMED]
        ]
        parts.append("repeated labels: " + ", ".join(named))
    elif words:
        parts.append("words read: " + ", ".join(words[:8]))
    else:
        parts.append("no words could be read")
    if colours:
        parts.append("colours: " + ", ".join(colours))
    return "; ".join(parts)


def _looks(product: Product) -> str:
    """Its shape and colours: "tall, red"."""
    return ", ".join([*([product.shape] if product.shape else []), *product.colours])
