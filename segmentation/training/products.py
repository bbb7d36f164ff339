"""Invented products: what a rendered pack is, before any pixel is drawn."""

from dataclasses import dataclass

import numpy as np

from segmentation.vocabulary import RGB, vocabulary

# Colour and kind are learnt apart only if some pairs are never shown: these stay out of training entirely.
HELD_OUT_PAIRS: frozenset[tuple[str, str]] = frozenset(
    {
        ("purple", "can"),
        ("pink", "can"),
        ("teal", "jar"),
        ("pink", "carton"),
        ("grey", "bag"),
        ("gold", "tube"),
        ("orange", "tub"),
        ("brown", "spray bottle"),
        ("teal", "box"),
        ("black", "pump bottle"),
        ("purple", "bottle"),
        ("yellow", "multipack"),
    }
)

# Width over height, from measuring packs on photos.
_ASPECTS: dict[str, tuple[float, float]] = {
    "bottle": (0.26, 0.48),
    "pump bottle": (0.3, 0.5),
    "spray bottle": (0.34, 0.5),
    "can": (0.48, 0.85),
    "jar": (0.55, 0.95),
    "carton": (0.34, 0.62),
    "box": (0.45, 1.15),
    "bag": (0.58, 0.9),
    "tube": (0.26, 0.42),
    "tub": (0.8, 1.5),
    "multipack": (0.8, 1.6),
}
_SYLLABLES = [
    "zo",
    "ra",
    "mi",
    "lu",
    "ven",
    "ta",
    "ko",
    "bel",
    "ri",
    "no",
    "fa",
    "dor",
    "sa",
    "pel",
    "qui",
    "ma",
    "ti",
    "gro",
    "ny",
    "wex",
    "lo",
    "har",
    "ju",
    "bri",
    "sol",
    "ka",
    "neo",
    "vi",
    "pla",
    "ori",
    "den",
    "fu",
    "tan",
    "gel",
    "mar",
    "ox",
    "ami",
    "sto",
    "ce",
    "ru",
]
# Contents whose pack is commonly clear, so that the colour seen is the colour of what is inside.
_CLEAR = {"soda", "cola", "juice", "water", "dish soap", "mouthwash", "oil", "wine", "beer", "jam", "honey"}
_FLAT_CANS = {"tuna"}


@dataclass(frozen=True)
class Product:
    """One invented product. Everything a renderer draws follows from these values.

    Attributes:
        kind: Canonical pack word of the vocabulary.
        contents: Canonical contents, or None for a pack of unnamed contents.
        colour: Canonical colour of most of its surface; None when no colour dominates.
        shade: Index of the shade of that colour.
        cap_colour: Canonical colour of its cap or lid, None when it has none.
        aspect: Width over height.
        seed: Everything else about its looks follows from this.
        cutout: Index of a real cut-out, or None for a drawn pack.
        photo: Index of a photo that is printed on it, or None.
        wrapped: Whether that photo is all of its print.
        tinted: Whether the cut-out has other colours than it was photographed in.
    """

    kind: str
    contents: str | None
    colour: str | None
    shade: int
    rgb: RGB
    accent: RGB
    cap_colour: str | None
    cap_rgb: RGB
    brand: str
    word: str
    clear: bool
    aspect: float
    seed: int
    cutout: int | None = None
    photo: int | None = None
    wrapped: bool = False
    tinted: bool = False


def invent_brand(rng: np.random.Generator) -> str:
    """A pronounceable word that is nobody's brand."""
    return "".join(rng.choice(_SYLLABLES, size=int(rng.integers(2, 4)))).upper()[:9]


def _shade(colour: str, rng: np.random.Generator, shade: int | None = None) -> tuple[int, RGB]:
    shades = vocabulary().colours[colour].shades
    index = int(rng.integers(len(shades))) if shade is None else shade
    jittered = np.clip(np.array(shades[index]) + rng.normal(0, 7, 3), 0, 255).astype(int)
    return index, (int(jittered[0]), int(jittered[1]), int(jittered[2]))


def invent_product(
    rng: np.random.Generator,
    *,
    kind: str | None = None,
    colour: str | None = None,
    contents: str | None = None,
    held_out: bool | None = False,
) -> Product:
    """Draw a product; what is given is kept.

    Args:
        rng: Source of chance.
        kind: Pack word, or None to draw one.
        colour: Colour word, or None to draw one.
        contents: Contents word; None draws named contents two times in three when kind is free.
        held_out: False never makes a held-out pair of colour and kind, True only those, None either.
    """
    words = vocabulary()
    if contents is None and rng.random() < 0.65:
        fitting = [c.name for c in words.contents.values() if kind is None or kind in c.kinds]
        contents = str(rng.choice(fitting)) if fitting else None
    if kind is None:
        kind = str(rng.choice(list(words.contents[contents].kinds if contents else words.kinds)))
    if held_out:
        options = sorted(pair for pair in HELD_OUT_PAIRS if colour in (None, pair[0]))
        colour, kind = options[int(rng.integers(len(options)))]
        contents = None
    if colour is None:
        usual = words.contents[contents].colours if contents and rng.random() < 0.8 else tuple(words.colours)
        allowed = [c for c in usual if held_out is None or (c, kind) not in HELD_OUT_PAIRS]
        colour = str(rng.choice(allowed or [c for c in words.colours if (c, kind) not in HELD_OUT_PAIRS]))
    shade, rgb = _shade(colour, rng)
    accent_name = str(rng.choice([c for c in words.colours if c != colour]))
    if rng.random() < 0.35 and colour != "white":
        accent_name = "white"
    cap_name = str(rng.choice([colour, "white", "black", accent_name, str(rng.choice(list(words.colours)))]))
    low, high = _ASPECTS[kind]
    aspect = float(rng.uniform(low, high))
    if contents in _FLAT_CANS and kind == "can":
        aspect = float(rng.uniform(1.3, 2.0))
    word = str(rng.choice(words.contents[contents].words)) if contents else ""
    clear = kind in {"bottle", "jar", "pump bottle"} and rng.random() < (0.6 if contents in _CLEAR else 0.12)
    return Product(
        kind=kind,
        contents=contents,
        colour=colour,
        shade=shade,
        rgb=rgb,
        accent=_shade(accent_name, rng)[1],
        cap_colour=cap_name if kind in {"bottle", "pump bottle", "spray bottle", "jar", "tube", "tub"} else None,
        cap_rgb=_shade(cap_name, rng)[1],
        brand=invent_brand(rng),
        word=word,
        clear=bool(clear),
        aspect=aspect,
        seed=int(rng.integers(2**31)),
    )


def vary(product: Product, rng: np.random.Generator) -> Product:
    """A near miss of a product: another colour of the same pack, or another pack of the same colour."""
    if product.cutout is not None or product.colour is None or rng.random() < 0.65:
        fresh = invent_product(rng, kind=product.kind, contents=product.contents)
        return Product(
            **{
                **fresh.__dict__,
                "aspect": product.aspect if product.cutout is None else fresh.aspect,
                "seed": product.seed,  # same shape and print, other colour
                "brand": product.brand,
                "photo": product.photo,
            }
        )
    kinds = [k for k in vocabulary().kinds if k != product.kind and (product.colour, k) not in HELD_OUT_PAIRS]
    return invent_product(rng, kind=str(rng.choice(kinds)), colour=product.colour)
