"""The grammar of a target: which words name a pack, a colour, a print, a place.

"red Solid White tuna cans on the second shelf" becomes kind can, colour red, brand words Solid White, detail tuna,
row 2. Geometry is answered by geometry and colours by pixels; only what is left is looked for as print or meaning.
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cache

from segmentation.errors import TargetError
from segmentation.vocabulary import other_names, singular, vocabulary

ORDINALS = {
    "top": 1, "upper": 1, "uppermost": 1, "highest": 1, "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5,
    "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "bottom": -1, "lowest": -1, "lower": -1, "last": -1,
}  # fmt: skip

_ORDINAL = r"(?P<ordinal>" + "|".join(ORDINALS) + r"|\d{1,2}(?:st|nd|rd|th))"
_ROW = re.compile(
    r"\b(?:(?:on|in|from|of|at)\s+)?(?:the\s+)?" + _ORDINAL + r"(?:[\s-]*most)?\s+(?:shelf|shelves|row|level|rack)\b"
    r"(?P<from_bottom>\s+from\s+(?:the\s+)?bottom)?|\b(?:on|in)\s+(?:shelf|row)\s+(?P<number>\d{1,2})\b",
    re.IGNORECASE,
)
_EXCLUDE = re.compile(
    r"[,;]?\s*\b(?:but\s+not|not|without\s+counting|without|except(?:\s+for)?|excluding|other\s+than|no)\s+(?:the\s+|any\s+)?(?P<what>.+)$",
    re.IGNORECASE,
)
_LIKE_GAP = re.compile(
    r"\b(?:empty\s+(?:shelf\s+)?(?:gap|slot|space|spot|place|facing)s?|gaps?|holes?)\b", re.IGNORECASE
)
_FILLER = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "in",
        "on",
        "at",
        "and",
        "or",
        "with",
        "all",
        "any",
        "some",
        "this",
        "that",
        "these",
        "those",
        "is",
        "are",
        "there",
        "by",
        "for",
        "to",
        "from",
        "it",
        "its",
        "my",
        "our",
        "s",
        "brand",
        "branded",
        "type",
        "kind",
        "kinds",
        "sort",
        "different",
    ]
)


@dataclass(frozen=True)
class Target:
    """What is looked for, taken apart.

    `brand` and `details` are the words expected in print: the brand must be read, details help to tell variants apart.
    """

    text: str
    kind: str | None = None
    generic: bool = False
    gap: bool = False
    colours: tuple[str, ...] = ()
    part: str | None = None
    contents: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    row: int | None = None
    exclude: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether print on the pack decides."""
        return bool(self.brand)

    @property
    def noun(self) -> str:
        """The words for the vision model: no place, no exclusion."""
        return self.text


def parse_target(text: str) -> Target:
    """Take a noun phrase apart.

    Raises:
        TargetError: nothing is left that could be looked for.
    """
    words = " ".join(text.split())
    if not any(character.isalnum() for character in words):
        raise TargetError("the target is empty: say what to count, for example 'shampoo bottles'")
    words, exclude = _take_exclusions(words)
    words, row = _take_row(words)
    words = re.sub(r"\b(?:in|on)\s+(?:the\s+|this\s+)?(?:photo|picture|image|shelf|shelves)\b", " ", words, flags=re.I)
    words = " ".join(words.split())
    if not any(character.isalnum() for character in words):
        raise TargetError(f"{text!r} names a place and nothing to count there")
    if _LIKE_GAP.search(words):
        return Target(words, gap=True, row=row, exclude=exclude)
    return replace(_sort_words(words), row=row, exclude=exclude)


@cache
def _other_names() -> re.Pattern[str]:
    longest_first = sorted(other_names(), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b", re.IGNORECASE)


def in_taught_words(target: Target) -> str:
    """The words of a target with the names that weights are taught: "red cans" for "maroon cans"; print stays."""
    if target.named:
        return target.text
    return _other_names().sub(lambda match: other_names()[match[0].lower()], target.text)


def _take_exclusions(words: str) -> tuple[str, tuple[str, ...]]:
    found = _EXCLUDE.search(words)
    if not found or not words[: found.start()].strip():
        return words, ()
    parts = re.split(r"\s*(?:,|\bor\b|\band\b)\s*(?:the\s+)?", found["what"])
    return words[: found.start()].strip(" ,;"), tuple(part for part in parts if part)


def _take_row(words: str) -> tuple[str, int | None]:
    found = _ROW.search(words)
    if not found:
        return words, None
    if found["number"]:
        row = int(found["number"])
    else:
        ordinal = found["ordinal"].lower()
        row = ORDINALS[ordinal] if ordinal in ORDINALS else int(ordinal[:-2])
        if found["from_bottom"]:
            row = -abs(row)
    return " ".join((words[: found.start()] + " " + words[found.end() :]).split()), row or None


@cache
def _lexicon() -> dict[tuple[str, ...], tuple[str, str]]:
    """(words,) -> (what it is, canonical word) for every phrase of the vocabulary, singular."""
    known = vocabulary()
    entries: dict[tuple[str, ...], tuple[str, str]] = {}
    for part in known.parts:
        entries[(part,)] = ("part", part)
    for name, contents in known.contents.items():
        entries[tuple(singular(word) for word in contents.name.split())] = ("contents", name)
    for name, colour in known.colours.items():
        for synonym in colour.synonyms:
            entries[tuple(synonym.split())] = ("colour", name)
    for other, name in other_names().items():
        entries[tuple(other.split())] = ("colour" if name in known.colours else "contents", name)
    for word in known.products:
        entries[(word,)] = ("product", word)
    for name, synonyms in (*known.kinds.items(), *known.other.items()):
        for synonym in synonyms:
            entries[tuple(re.split(r"[\s-]+", synonym))] = ("kind", name)
    return entries


def _sort_words(words: str) -> Target:
    tokens = re.findall(r"[^\W_]+(?:['’&.-][^\W_]+)*|&", words)
    lowered = [normalise(token, keep_inner=True) for token in tokens]
    target = Target(words)
    colours: list[str] = []
    contents: list[str] = []
    named: list[str] = []
    printed: list[str] = []  # what a pack may say of its contents
    kind: str | None = None
    generic, part = False, None
    i = 0
    while i < len(tokens):
        length, what, canonical = _longest(lowered, i)
        token = tokens[i]
        proper = token[:1].isupper() and i > 0
        if what == "kind" or what == "product":
            kind, generic = (canonical, False) if what == "kind" else (kind, kind is None)
        elif what == "colour" and proper and named:
            named.append(token)  # "Nescafe Gold Blend": a colour word inside a proper name is print
        elif what == "colour":
            colours.append(canonical)
        elif what == "part" and colours:
            part = canonical
        elif what == "contents":
            contents.append(canonical)
            said = " ".join(lowered[i : i + length])
            printed += (said if said in other_names() else canonical).split()
        elif lowered[i] not in _FILLER and (len(lowered[i]) > 1 or lowered[i].isdigit()):
            named.append(token)
        i += length
    brand = tuple(word for word in named if word[0].isupper() or word[0].isdigit())
    details = tuple(word for word in named if word not in brand)
    if not brand:
        # Typed in lower case: the words before the last known noun are the name, an unknown last noun is a thing.
        head_unknown = bool(named) and kind is None and not generic and tokens[-1] == named[-1] and len(tokens) > 1
        brand, details = (tuple(named[:-1]), (named[-1],)) if head_unknown and contents else (tuple(named), ())
    return replace(
        target,
        kind=kind,
        generic=generic,
        colours=tuple(dict.fromkeys(colours)),
        part=part,
        contents=tuple(dict.fromkeys(contents)),
        brand=brand,
        details=details + (tuple(printed) if brand else ()),
    )


def _longest(words: list[str], start: int) -> tuple[int, str | None, str]:
    entries = _lexicon()
    for length in (3, 2, 1):
        if start + length > len(words):
            continue
        phrase = words[start : start + length]
        for last in (phrase[-1], singular(phrase[-1])):
            entry = entries.get((*phrase[:-1], last))
            if entry:
                return length, *entry
    return 1, None, ""


def normalise(word: str, keep_inner: bool = False) -> str:
    """Lower case without accents, possessives or punctuation ("Lay's" -> "lays", "Nescafé" -> "nescafe")."""
    plain = unicodedata.normalize("NFKD", word)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).lower().replace("’", "'")
    return plain if keep_inner else "".join(c for c in plain if c.isalnum())
