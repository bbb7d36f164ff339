"""Geometry in a sentence: shelves, sides, and places relative to another thing."""

import re
from dataclasses import dataclass

from agent.rules.lexicon import any_of, lexicon
from agent.rules.nouns import clean
from tools.arguments import Where

_SHELF = r"(?:shelf|shelves|rows?|tiers?|levels?|racks?|boards?|layers?)"
_ONE_SHELF = r"(?:shelf|row|tier|level|rack|board|layer)"
_LEAD = (
    r"(?:,?\s*\b(?:(?:that|which) )?(?:(?:is|are|standing|sitting|placed|located) )?(?:on|in|at"
    r"|from|of|along|for|across)\s+)?(?:(?:each|both|all)\s+of\s+)?(?:the\s+|my\s+)?"
)
_END = r"(?=$|[\s,.:;?!])"
_TOP = r"(?:very )?(?:top|top[ -]?most|upper|uppermost|highest)"
_BOTTOM = r"(?:very )?(?:bottom|bottom[ -]?most|lower|lowest|lowermost|last)"


def _ordinal() -> str:
    return any_of([re.escape(word) for word in lexicon().ordinals])


def _number() -> str:
    return any_of([*lexicon().numbers, r"\d{1,2}"])


def _value(word: str) -> int:
    word = word.lower()
    known = lexicon().ordinals | lexicon().numbers
    return known[word] if word in known else int(word)


@dataclass(frozen=True)
class Rows:
    """Shelves named by one phrase, and where the phrase stands in the sentence."""

    rows: tuple[int, ...]
    start: int
    end: int


def find_rows(text: str) -> list[Rows]:
    """Every shelf phrase: "on the second shelf", "top two rows", "second from the bottom"."""
    ordinal, number = _ordinal(), _number()
    from_end = (
        r"(?:\s+(?:one )?(?:up )?(?:from|counted from|counting from)\s+(?:the\s+)?(?P<origin>top"
        r"|bottom|below|above))?"
    )
    forms = (
        # "two lowest shelves"
        rf"{_LEAD}(?P<count_of>{number})\s+(?P<edge_of>{_TOP}|{_BOTTOM}|first)\s+{_SHELF}{_END}",
        # "top two shelves"
        rf"{_LEAD}(?P<edge>{_TOP}|{_BOTTOM}|first)\s+(?P<many>{number})\s+{_SHELF}{_END}",
        # "first and third shelves", "first, second and third shelf"
        rf"{_LEAD}(?P<several>(?:{ordinal}|top|bottom)(?:\s+{_SHELF})?"
        rf"(?:(?:\s*,\s*|\s+(?:and|or)\s+|\s*,\s*(?:and|or)\s+)(?:on\s+)?(?:the\s+)?(?:{ordinal}|top|bottom))+)\s+{_SHELF}{_END}",
        # "shelves 1 to 3"
        rf"{_LEAD}(?:shelves|rows|tiers|levels)\s+(?P<from_row>{number})\s*(?:to|-|–|through|until)\s*(?P<to_row>{number}){_END}",
        # "shelves 2 and 3"
        rf"{_LEAD}{_SHELF}\s+(?P<listed>{number}(?:\s*(?:,|and|or|&|\+)+\s*{number})+){_END}",
        # "second to last shelf"
        rf"{_LEAD}(?P<before_last>{ordinal}|next)[\s-]+(?:to[\s-]+)?(?:the[\s-]+)?(?:last|lowest|bottom)\s+{_SHELF}{_END}",
        rf"{_LEAD}(?P<penultimate>penultimate|last but one)\s+{_SHELF}{_END}",
        # "second shelf", "second shelf down" or "up", "2nd row from the bottom"
        rf"{_LEAD}(?P<nth>{ordinal})\s+{_SHELF}(?: down|(?P<up> up))?{from_end}{_END}",
        # "second from the bottom"
        rf"{_LEAD}(?P<short>{ordinal})(?:\s+one)?\s+(?:up\s+)?from\s+(?:the\s+)?(?P<side>top|bottom|below|above){_END}",
        # "shelf number 2", "row two", "shelf #3"
        rf"{_LEAD}(?:shelf|row|tier|level|rack)\s*(?:(?:number|no\.?|nr\.?"
        rf"|#)\s*)?(?P<numbered>{number}){from_end.replace('origin', 'source')}{_END}",
        # "on the bottom", with nothing behind it that could be the bottom of
        r",?\s*\b(?:on|at|along|in) (?:the )?(?:very )?(?:(?P<at_top>top)|(?P<at_bottom>bottom))(?=\s*(?:$|[,.;?!]))",
        # "how many jars on the first shelf and how many on the second one"
        rf",?\s*\b(?:on|at|in|along) the (?:(?P<nth_one>{ordinal})|(?P<top_one>{_TOP})|(?P<bottom_one>{_BOTTOM}))"
        rf" one{_END}",
        rf"{_LEAD}(?P<top>{_TOP})\s+{_ONE_SHELF}{_END}",
        rf"{_LEAD}(?P<bottom>{_BOTTOM})\s+{_ONE_SHELF}{_END}",
    )
    found: list[Rows] = []
    for form in forms:
        for match in re.finditer(form, text, re.IGNORECASE):
            if not any(match.start() < rows.end and rows.start < match.end() for rows in found):
                found.append(Rows(_rows_of(match.groupdict()), match.start(), match.end()))
    return sorted(found, key=lambda rows: rows.start)


def take_rows(text: str) -> tuple[tuple[int, ...], str]:
    """The shelves of a text, and the text without them."""
    found = find_rows(text)
    for rows in reversed(found):
        text = f"{text[: rows.start]} {text[rows.end :]}"
    return tuple(row for rows in found for row in rows.rows), text.strip()


def _rows_of(parts: dict[str, str | None]) -> tuple[int, ...]:
    """Row numbers from the named parts of a match: 1 is the top shelf, -1 the bottom one."""
    if many_of := parts.get("many") or parts.get("count_of"):
        many = _value(many_of)
        from_bottom = re.fullmatch(_BOTTOM, parts.get("edge") or parts.get("edge_of") or "", re.IGNORECASE)
        return tuple(-row for row in range(1, many + 1)) if from_bottom else tuple(range(1, many + 1))
    if parts.get("several"):
        words = re.findall(rf"{_ordinal()}|top|bottom", parts["several"] or "", re.IGNORECASE)
        return tuple({"top": 1, "bottom": -1}.get(word.lower()) or _value(word) for word in words)
    if parts.get("from_row"):
        first, last = _value(parts["from_row"] or ""), _value(parts["to_row"] or "")
        return tuple(range(first, last + 1)) or (first, last)
    if parts.get("penultimate"):
        return (-2,)
    if parts.get("listed"):
        return tuple(map(_value, re.findall(_number(), parts["listed"] or "", re.IGNORECASE)))
    if parts.get("before_last"):
        word = (parts["before_last"] or "").lower()
        return (-2 if word == "next" else -_value(word),)
    if parts.get("nth_one"):
        return (_value(parts["nth_one"] or ""),)
    if parts.get("nth") or parts.get("short") or parts.get("numbered"):
        origin = (
            ("bottom" if parts.get("up") else None) or parts.get("origin") or parts.get("side") or parts.get("source")
        )
        value = _value(parts.get("nth") or parts.get("short") or parts.get("numbered") or "")
        return (-value if origin and origin.lower() in ("bottom", "below") else value,)
    return (1,) if any(parts.get(name) for name in ("top", "at_top", "top_one")) else (-1,)


_SIDES = {"left": "left half", "right": "right half", "upper": "upper half", "lower": "lower half"}
_SIDE = re.compile(
    r"(?:,?\s*\b(?:(?:that|which) (?:is|are) )?(?:(?:standing|sitting|placed|located) )?(?:on|in|at|to)\s+(?:the|my)"
    r"|,\s*(?:the)?(?=\s*(?:left|right)(?:[\s-]?hand)?\s+(?:half|side)))\s*(?:(?:far|very)\s+)?"
    r"(?P<side>left|right|upper|lower|top|bottom)(?:[\s-]?(?:hand|most))?\s*(?P<noun>half|side|part|halves)?"
    r"(?:\s+(?:half|side|part))?(?:\s+of (?:the|this) (?:photo|picture|image|shelf|shelves|rack|display))?" + _END,
    re.IGNORECASE,
)
_RELATION = re.compile(
    r",?\s*\b(?:(?:that|which) )?(?:(?:is|are|stands?|sits?|lies?|standing|sitting|placed|located) )*"
    r"(?P<relation>(?:on |to )?the (?:left|right)(?: side)? of|(?:to )?(?:left|right) of|above|over|on "
    r"top of|below"
    r"|under|underneath|beneath)\s+(?P<reference>.+?)"
    r"(?=$|\s*,|\s+(?:but|not|without|except|excluding|other than|apart from|and (?:above|below|under"
    r"|left|right|to the"
    r"|on the|not)|(?:on|in|at) the (?:far |very )?(?:left|right|upper|lower))\b)",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"^(?:photo|picture|image|shelf|shelves|rack|display)$", re.IGNORECASE)
LONGEST_REFERENCE = 200  # characters, as the schema of the tool has it
_NAMES = {"over": "above", "on top of": "above", "under": "below", "underneath": "below", "beneath": "below"}


def leading_side(text: str) -> str:
    """The side that a text begins with: "on the left how many cans"; empty when there is none."""
    match = _SIDE.match(text)
    return match[0].strip(" ,") if match else ""


def place_starts(text: str) -> list[int]:
    """Where sides and relations begin in a text."""
    return [match.start() for form in (_RELATION, _SIDE) for match in form.finditer(text)]


def take_places(text: str) -> tuple[str, tuple[Where, ...]]:
    """The text without its sides and relations, and those as arguments."""
    places: list[Where] = []

    def relation(match: re.Match[str]) -> str:
        words = match["relation"].lower()
        name = "left of" if "left" in words else "right of" if "right" in words else _NAMES.get(words, words)
        reference = clean(match["reference"])
        if name in ("left of", "right of") and _WHOLE.match(reference):
            places.append(Where.model_validate({"relation": _SIDES[name.split()[0]]}))
            return " "
        if not reference or len(reference) > LONGEST_REFERENCE:
            return match[0]
        places.append(Where.model_validate({"relation": name, "reference": reference}))
        return " "

    def side(match: re.Match[str]) -> str:
        word = {"top": "upper", "bottom": "lower"}.get(match["side"].lower(), match["side"].lower())
        if match["noun"] is None and word in ("upper", "lower"):
            return match[0]  # "at the top" may be a shelf; too vague to filter by
        places.append(Where.model_validate({"relation": _SIDES[word]}))
        return " "

    text = _RELATION.sub(relation, text)
    text = re.sub(
        r"^\s*and\b|\b(?:and|or|vs\.?|versus|than|compared to)\s*$", " ", _SIDE.sub(side, text), flags=re.IGNORECASE
    )
    return " ".join(text.split()), tuple(places)
