"""Which photos a sentence is about, the boxes in it, and what it leaves out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.request import Photo
from agent.rules.lexicon import any_of, lexicon
from agent.rules.nouns import clean, head, resolve_ones, split
from tools.arguments import Example

_PHOTO = r"(?:photos?|pictures?|images?|shots?|pics?|files?)"
_LEAD = r"\s*\b(?:(?:that|which) are )?(?:on|in|from|across|between|for|of|over|do)\s+"
_ALL = re.compile(
    rf"{_LEAD}(?:both|all|each|every(?: one)?|either|the two|the three|these|those)(?: of)?(?: the| "
    rf"these| my)?"
    rf"(?: (?:two|three|four|\d+))?(?: of the)?(?: {_PHOTO})(?=$|[\s,?.!])|\s*\b(?:on|in|across) "
    r"(?:both|each)(?=$|[?.!])",
    re.IGNORECASE,
)
_OTHER = re.compile(rf"(?:{_LEAD}|^)the other (?:{_PHOTO}|one)(?=$|[\s,?.!])", re.IGNORECASE)
_BOX = re.compile(
    r",?\s*\b(?:(?:that |which )?(?:looks?|is|are) )?(?:just )?(?:like|similar to|(?:the )?same as|as)"
    r"(?: the| this| that)?(?: ones?| item| thing| example| box)?"
    r"(?: (?:at|in|inside|marked))?(?: the)?(?: "
    r"box)?\s*[\[(]?\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*[\])]?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Photos:
    """The photos of a sentence by position in the request; None when it names none."""

    chosen: tuple[int, ...] | None
    other: bool = False


def take_photos(text: str, photos: Sequence[Photo]) -> tuple[str, Photos]:
    """The text without "in both photos", "on photo 2" or a file name, and the photos meant."""
    for position, photo in enumerate(photos):
        name = re.escape(photo.name)
        named, hits = re.subn(rf"(?:{_LEAD})?(?<![\w.]){name}(?![\w])", " ", text, flags=re.IGNORECASE)
        if hits:
            return _tidy(named), Photos((position,))
    if _OTHER.search(text):
        return _tidy(_OTHER.sub(" ", text)), Photos(None, other=True)
    if _ALL.search(text):
        return _tidy(_ALL.sub(" ", text)), Photos(tuple(range(len(photos))))
    ordinal = any_of([re.escape(word) for word in lexicon().ordinals] + ["last"])
    number = any_of([*lexicon().numbers, r"\d{1,3}"])
    listed = re.search(
        rf"(?:{_LEAD}|,\s*|\s+)(?:the\s+)?{_PHOTO}\s+(?P<list>{number}(?:(?:\s*,\s*|\s*(?:and|&|\+)\s*)+{number})+)(?=$|[\s,?.!])",
        text,
        re.IGNORECASE,
    )
    if listed:
        words = re.findall(number, listed["list"].lower())
        chosen = tuple(lexicon().numbers.get(word) or int(word) for word in words)
        return _tidy(f"{text[: listed.start()]} {text[listed.end() :]}"), Photos(tuple(one - 1 for one in chosen))
    one = re.compile(
        rf"(?:{_LEAD}|^(?:only )?(?=[\w ]+[,:]))(?:the\s+)?(?P<nth>{ordinal})\s+{_PHOTO}(?=$|[\s,:?.!])"
        rf"|(?:{_LEAD})?(?:the\s+)?{_PHOTO}\s+(?:number\s+|no\.?\s*|#)?(?P<number>{number})(?=$|[\s,?.!])",
        re.IGNORECASE,
    )
    matches = list(one.finditer(text))
    if not matches:
        return text, Photos(None)
    known = lexicon().ordinals | lexicon().numbers
    positions: list[int] = []
    end = matches[0].start()
    for match in matches:  # "on photo 1 and on photo 2"; what stands apart from the first is left alone
        if positions and text[end : match.start()].strip(" ,").lower() not in (
            "",
            "and",
            "&",
            "vs",
            "versus",
            "to",
            "with",
            "compare to",
            "compare with",
            "compared to",
            "compared with",
        ):
            break
        word = (match["nth"] or match["number"]).lower()
        positions.append(len(photos) if word == "last" else known[word] if word in known else int(word))
        end = match.end()
    return _tidy(f"{text[: matches[0].start()]} {text[end:]}"), Photos(tuple(position - 1 for position in positions))


def take_boxes(text: str) -> tuple[str, tuple[Example, ...]]:
    """The text without "like 155,618,280,815", and the boxes."""
    boxes = []
    for match in _BOX.finditer(text):
        x0, y0, x1, y1 = (int(group) for group in match.groups())
        boxes.append(Example(box=(x0, y0, x1, y1)))
    return _tidy(_BOX.sub(" ", text)), tuple(boxes)


def take_exclusions(text: str, about: str = "") -> tuple[str, tuple[str, ...]]:
    """The text before "not the ...", and the things left out, in the user's words.

    Args:
        text: the thing with what it leaves out.
        about: what "ones" stand for when the text names no thing itself.
    """
    text = re.sub(
        r",?\s*\b(?:that|which) (?:are|is) not\b|,?\s*\b(?:that|which) (?:aren't|isn't|are n't)",
        " , not ",
        text,
        flags=re.IGNORECASE,
    )
    pattern = re.compile(
        rf"(?:^|[\s,(]+)(?:(?:and|but|or)\s+)*(?P<opener>{lexicon().exclude})\s+(?P<rest>[^()]+?)\)?$",
        re.IGNORECASE,
    )
    match = _first_exclusion(pattern, text)
    if match is None:
        return text, ()
    before = text[: match.start()].strip(" ,")
    noun = head(clean(before)) or head(about)
    rest = re.sub(
        rf"(?:,\s*|\s+)(?:(?:and|or|nor|but)\s+)*{lexicon().exclude}\s+",
        " and the ",
        match["rest"],
        flags=re.IGNORECASE,
    )
    rest = re.sub(r"\s+(?:or|nor)\s+", " and ", rest, flags=re.IGNORECASE)
    rest = re.sub(r"\b(?:any|anything|everything|those|the ones) (?=with\b)", "ones ", rest, flags=re.IGNORECASE)
    rest = re.sub(
        r"\b(?:anything|everything|those|things|stuff|(?:the )?ones) (?:from|by|made by) ", "", rest, flags=re.I
    )
    things = (resolve_ones(thing, noun) for thing in split(rest))
    return before, tuple(dict.fromkeys(thing for thing in things if thing))


def _first_exclusion(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The first exclusion that is none of a part: "bottles without caps" is a kind of bottle."""
    match = pattern.search(text)
    while match is not None:
        without = match["opener"].lower() in ("without", "no", "but no")
        words = match["rest"].lower().split()
        if not (without and (set(words) & lexicon().parts) and text[: match.start()].strip()):
            return match
        match = pattern.search(text, match.start("rest"))
    return None


def _tidy(text: str) -> str:
    return " ".join(text.split()).strip(" ,:")
