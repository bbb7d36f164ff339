"""The words of the shelf (prompts/vocabulary.yaml) as frozen values."""

import re
from dataclasses import dataclass
from functools import cache

import yaml

import prompts

_WORD = re.compile(r"[\w'-]+")

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Colour:
    """A colour name, its synonyms, other names that weights are not taught, and sRGB anchors of its shades."""

    name: str
    synonyms: tuple[str, ...]
    shades: tuple[RGB, ...]
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contents:
    """What is in a pack, and the packs, colours and printed words it usually comes with.

    Whoever asks for the broader contents means these too. `also` are other names, which weights are not taught.
    """

    name: str
    kinds: tuple[str, ...]
    colours: tuple[str, ...]
    words: tuple[str, ...]
    broader: str | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """All words of the shelf. Dictionaries map the canonical word to what is known of it."""

    kinds: dict[str, tuple[str, ...]]
    products: tuple[str, ...]
    centres: str
    other: dict[str, tuple[str, ...]]
    colours: dict[str, Colour]
    contents: dict[str, Contents]
    parts: tuple[str, ...]
    looks: dict[str, tuple[str, ...]]


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary that ships with the project."""
    raw = yaml.safe_load(prompts.read("vocabulary.yaml"))
    return Vocabulary(
        kinds={name: tuple(words) for name, words in raw["kinds"].items()},
        products=tuple(raw["products"]),
        centres=str(raw["centres"]),
        other={name: tuple(words) for name, words in raw["other"].items()},
        colours={
            name: Colour(
                name,
                tuple(item["synonyms"]),
                tuple((r, g, b) for r, g, b in item["shades"]),
                _colour_names(item, raw["shade_words"]),
            )
            for name, item in raw["colours"].items()
        },
        contents={
            name: Contents(
                name,
                tuple(item["kinds"]),
                tuple(item["colours"]),
                tuple(item["words"]),
                item.get("broader"),
                tuple(item.get("also", ())),
            )
            for name, item in raw["contents"].items()
        },
        parts=tuple(raw["parts"]),
        looks={name: tuple(words) for name, words in raw["looks"].items()},
    )


def _colour_names(colour: dict[str, list[str]], shade_words: list[str]) -> tuple[str, ...]:
    """The names of a colour that weights are not taught: its own, and its synonyms with a shade before them."""
    taught, also = colour["synonyms"], colour.get("also", [])
    shaded = (f"{shade} {word}" for shade in shade_words for word in taught if not word.startswith((*shade_words,)))
    return tuple(dict.fromkeys((*also, *(name for name in shaded if name not in taught))))


@cache
def other_names() -> dict[str, str]:
    """Names that weights are not taught, contents singular and plural, each with the word that stands for it."""
    known = vocabulary()
    names = {name: colour.name for colour in known.colours.values() for name in colour.also}
    for contents in known.contents.values():
        names |= {form: contents.name for name in contents.also for form in (name, plural(name))}
    return names


def names_packs(text: str) -> bool:
    """Whether a text may ask for packs: it names nothing else that is on a shelf."""
    words = f" {' '.join(singular(word) for word in _WORD.findall(text.lower()))} "
    return not any(f" {name} " in words for names in vocabulary().other.values() for name in names)


def plural(word: str) -> str:
    """The plural of the last word of an English noun phrase ("box" -> "boxes")."""
    if word.endswith(("s", "x", "ch", "sh")):
        return word if word.endswith("s") and not word.endswith("ss") else word + "es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def singular(word: str) -> str:
    """The singular of an English noun, good enough for pack words ("boxes" -> "box")."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
