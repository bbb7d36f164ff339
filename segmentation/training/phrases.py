"""Prompts for a scene and the pixels each of them means."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import yaml
from numpy.typing import NDArray

import prompts
from segmentation.training.products import HELD_OUT_PAIRS, Product
from segmentation.training.scene import Scene
from segmentation.vocabulary import plural, vocabulary

Mask = NDArray[np.uint8]

# What a pixel of a target says. Borders are negative, and weigh more: they are what makes components items.
OUTSIDE, INSIDE, BORDER, IGNORED = 0, 1, 2, 3


@dataclass(frozen=True)
class Meaning:
    """What a prompt asks for. None means any.

    Attributes:
        thing: "pack", or one of the other things on a shelf.
        product: One exact product, as asked by an example picture.
    """

    thing: str = "pack"
    kind: str | None = None
    colour: str | None = None
    shade: int | None = None
    contents: str | None = None
    cap: str | None = None
    product: int | None = None

    def fits(self, product: Product) -> bool:
        """Whether a product is meant."""
        return (
            (self.kind is None or product.kind == self.kind)
            and (self.colour is None or product.colour == self.colour)
            and (self.shade is None or product.shade == self.shade)
            and (self.contents is None or self.contents in _said_of(product.contents))
            and (self.cap is None or product.cap_colour == self.cap)
        )

    def doubtful(self, product: Product) -> bool:
        """Whether a product might be meant, but what is known of it does not say."""
        if self.thing != "pack" or self.fits(product):
            return False
        known = Meaning(
            kind=self.kind,
            colour=self.colour if product.colour is not None else None,
            contents=None if product.contents in (None, *_said_of(self.contents)) else self.contents,
            shade=self.shade if product.cutout is None else None,
            cap=self.cap if product.cutout is None else None,
        )
        return known.fits(product)


def _said_of(contents: str | None) -> tuple[str, ...]:
    """The words for some contents: its own, and the broader one if there is one."""
    known = vocabulary().contents.get(contents) if contents else None
    return tuple(filter(None, (known.name, known.broader))) if known else ()


@dataclass(frozen=True)
class Phrase:
    """Words and what they mean."""

    text: str
    meaning: Meaning


@cache
def _training_words() -> tuple[tuple[str, ...], dict[str, tuple[str, int]]]:
    raw = yaml.safe_load(prompts.read("training.yaml"))
    return tuple(raw["templates"]), {word: (name, int(index)) for word, (name, index) in raw["shades"].items()}


def _pick(rng: np.random.Generator, words: tuple[str, ...], first: float = 0.6) -> str:
    """The canonical word mostly, a synonym otherwise."""
    return words[0] if len(words) == 1 or rng.random() < first else str(rng.choice(words[1:]))


def _number(rng: np.random.Generator, word: str) -> str:
    return plural(word) if rng.random() < 0.7 else word


def _colour_word(rng: np.random.Generator, colour: str, shade: int | None) -> tuple[str, int | None]:
    shades = [word for word, (name, index) in _training_words()[1].items() if name == colour and index == shade]
    if shades and rng.random() < 0.3:
        return str(rng.choice(shades)), shade
    plain = [w for w in vocabulary().colours[colour].synonyms if w not in _training_words()[1]]
    return _pick(rng, tuple(plain), 0.8), None


def say(rng: np.random.Generator, meaning: Meaning, shade: int | None = None) -> Phrase:
    """Put a meaning into words.

    Args:
        rng: Source of chance.
        meaning: What to say.
        shade: The shade seen, which lets "dark blue" be said for blue.
    """
    words = vocabulary()
    if meaning.thing != "pack":
        return Phrase(_number(rng, _pick(rng, words.other[meaning.thing])), meaning)
    colour = ""
    if meaning.colour is not None:
        colour, exact = _colour_word(rng, meaning.colour, shade)
        if exact is not None:
            meaning = Meaning(**{**meaning.__dict__, "shade": exact})
    if meaning.kind is not None:
        noun = _number(rng, _pick(rng, words.kinds[meaning.kind], 0.75))
    elif meaning.contents is not None:
        noun = ""
    else:
        noun = _number(rng, _pick(rng, words.products, 0.5))
    parts = [colour, meaning.contents or "", noun]
    if meaning.contents and meaning.kind and rng.random() < 0.2:
        parts = [colour, noun, "of", meaning.contents]
    text = " ".join(p for p in parts if p)
    if meaning.cap is not None:
        part = "lid" if meaning.kind in {"jar", "tub"} else "cap"
        cap_word = _colour_word(rng, meaning.cap, None)[0]
        text += f" with {cap_word} {plural(part)}" if rng.random() < 0.7 else f" with a {cap_word} {part}"
    if rng.random() < 0.15:
        text = str(rng.choice(_training_words()[0])).format(text)
    return Phrase(text, meaning)


def _of_product(rng: np.random.Generator, product: Product) -> Meaning:
    """One way to name a product, colour and kind most often."""
    way = rng.random()
    colour, contents = product.colour, product.contents
    if way < 0.42 and colour:
        return Meaning(kind=product.kind, colour=colour)
    if way < 0.58 or (colour is None and contents is None):
        return Meaning(kind=product.kind)
    if way < 0.7 and colour:
        return Meaning(colour=colour)
    if way < 0.95 and contents:
        kind = product.kind if rng.random() < 0.6 else None
        return Meaning(contents=contents, kind=kind, colour=colour if rng.random() < 0.15 else None)
    if product.cap_colour and product.cutout is None:
        return Meaning(kind=product.kind, cap=product.cap_colour)
    return Meaning(kind=product.kind, colour=colour)


def _differ(one: str, other: str | None) -> bool:
    """Whether no pack can hold both: colas are sodas."""
    return one not in _said_of(other) and other not in _said_of(one)


def _near_miss(rng: np.random.Generator, product: Product) -> Meaning:
    """One property of a product exchanged."""
    words = vocabulary()
    way = rng.random()
    colour = product.colour or str(rng.choice(list(words.colours)))
    if way < 0.45:
        other = str(rng.choice([c for c in words.colours if c != colour]))
        return Meaning(kind=product.kind, colour=other)
    if way < 0.75:
        other = str(rng.choice([k for k in words.kinds if k != product.kind]))
        return Meaning(kind=other, colour=colour if rng.random() < 0.7 else None)
    fitting = [c.name for c in words.contents.values() if product.kind in c.kinds and _differ(c.name, product.contents)]
    contents = str(rng.choice(fitting or list(words.contents)))
    return Meaning(contents=contents, kind=product.kind if rng.random() < 0.6 else None)


def _other_kind(rng: np.random.Generator, product: Product) -> Meaning:
    """Another kind of pack, with the colour or the contents of this product or without."""
    kind = str(rng.choice([k for k in vocabulary().kinds if k != product.kind]))
    way = rng.random()
    if way < 0.55:
        return Meaning(kind=kind, colour=product.colour)
    return Meaning(kind=kind, contents=product.contents if way < 0.75 else None)


def _other_contents(rng: np.random.Generator, product: Product) -> Meaning:
    """Other contents that such a pack may hold, twice as often those that come in its colour."""
    known = vocabulary().contents.values()
    fitting = [c for c in known if product.kind in c.kinds and _differ(c.name, product.contents)]
    if not fitting:
        return _other_kind(rng, product)
    weight = np.array([2.0 if product.colour in c.colours else 1.0 for c in fitting])
    contents = fitting[int(rng.choice(len(fitting), p=weight / weight.sum()))].name
    return Meaning(contents=contents, kind=product.kind if rng.random() < 0.6 else None)


def _is_held_out(meaning: Meaning) -> bool:
    return (meaning.colour, meaning.kind) in HELD_OUT_PAIRS


def phrases_for(
    scene: Scene,
    count: int,
    rng: np.random.Generator,
    *,
    held_out: bool | None = False,
    other_kinds: float = 0.0,
    other_contents: float = 0.0,
) -> tuple[Phrase, ...]:
    """Prompts for a scene: about three in four for what is there, the rest for what is not but nearly.

    Args:
        scene: A rendered scene.
        count: How many.
        rng: Source of chance.
        held_out: False never says a held-out pair of colour and kind, None may.
        other_kinds: Share of prompts that ask for another kind of pack than one that is there.
        other_contents: Share of prompts that ask for other contents than those of a pack that is there.
    """
    areas = scene.areas()
    seen = sorted({i.product for i, a in zip(scene.items, areas, strict=True) if i.thing == "pack" and a > 30})
    others = sorted({i.thing for i, a in zip(scene.items, areas, strict=True) if i.product < 0 and a > 30})
    chosen: list[Phrase] = []
    while len(chosen) < count:
        if other_kinds and seen and rng.random() < other_kinds:
            phrase = say(rng, _other_kind(rng, scene.products[int(rng.choice(seen))]))
        elif other_contents and seen and rng.random() < other_contents:
            phrase = say(rng, _other_contents(rng, scene.products[int(rng.choice(seen))]))
        elif (way := rng.random()) < 0.58 and seen:
            product = scene.products[int(rng.choice(seen))]
            phrase = say(rng, _of_product(rng, product), product.shade if product.cutout is None else None)
        elif way < 0.68:
            phrase = say(rng, Meaning())
        elif way < 0.78 and others:
            phrase = say(rng, Meaning(thing=str(rng.choice(others))))
        elif way < 0.8:
            phrase = say(rng, Meaning(thing=str(rng.choice(["price tag", "promotion sign", "empty shelf space"]))))
        else:
            source = scene.products[int(rng.integers(len(scene.products)))]
            phrase = say(rng, _near_miss(rng, source))
        if held_out is False and _is_held_out(phrase.meaning):
            continue
        chosen.append(phrase)
    return tuple(chosen)


def meant_items(scene: Scene, meaning: Meaning) -> NDArray[np.uint8]:
    """How each label of a scene counts for a meaning: OUTSIDE, INSIDE or IGNORED, shape (items + 1,)."""
    roles = np.zeros(len(scene.items) + 1, np.uint8)
    for number, item in enumerate(scene.items, 1):
        if meaning.thing != "pack":
            roles[number] = INSIDE if item.thing == meaning.thing else OUTSIDE
        elif item.product >= 0:
            product = scene.products[item.product]
            if meaning.product is not None:
                fits, doubt = item.product == meaning.product, False
            else:
                fits, doubt = meaning.fits(product), meaning.doubtful(product)
            if doubt or (fits and item.thing == "behind"):
                roles[number] = IGNORED
            elif fits and item.thing == "pack":
                roles[number] = INSIDE
    return roles


def seams(scene: Scene) -> NDArray[np.bool_]:
    """Pixels on either side of where two items meet, shape (height, width).

    The band is about 1 % of the height wide, thinner where the items themselves are narrow.
    """
    labels = scene.labels
    height = labels.shape[0]
    widths = [i.box[2] - i.box[0] for i in scene.items if i.thing == "pack"]
    narrow = float(np.median(widths)) * height if widths else height
    edge = np.zeros(labels.shape, np.bool_)
    across = (labels[:, 1:] != labels[:, :-1]) & (labels[:, 1:] > 0) & (labels[:, :-1] > 0)
    down = (labels[1:] != labels[:-1]) & (labels[1:] > 0) & (labels[:-1] > 0)
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    grow = 1 if narrow >= 0.07 * height else 0
    if height >= 300 and narrow >= 0.1 * height:
        grow = 2
    if grow:
        grown = edge.copy()
        for step in range(1, grow + 1):
            grown[:, step:] |= edge[:, :-step]
            grown[:, :-step] |= edge[:, step:]
            grown[step:] |= edge[:-step]
            grown[:-step] |= edge[step:]
        edge = grown
    return edge


def target(scene: Scene, meaning: Meaning, seam: NDArray[np.bool_]) -> Mask:
    """What each pixel should be for a meaning: OUTSIDE, INSIDE, BORDER or IGNORED, shape (height, width).

    Args:
        scene: A rendered scene.
        meaning: What is asked.
        seam: From seams(scene), shared by all meanings.
    """
    roles = meant_items(scene, meaning)
    mask = roles[scene.labels]
    mask[seam & (mask == INSIDE)] = BORDER
    return np.asarray(mask, np.uint8)
