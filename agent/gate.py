"""The number gate: a language model's words are shown only when every number in them is in the records.

Checked: digits of every script, number words (English, German, Spanish), "dozen", "no bottles". Allowed:
 - the count of a record, and it must be there; beside a target's noun only that target's own count;
 - its bounds, in the form of an interval ("between 5 and 7", "at most 7");
 - components, score, exclusions and totals, beside a word that says so;
 - ordinals, shelf and photo numbers that were asked for, and the user's own numbers in the user's own phrase.
Not checked: words without numbers ("the shelf is rather full").
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.answer import totals
from agent.number_words import VAGUE, spelled
from agent.request import Request
from agent.rules.nouns import head
from agent.turn import Call
from segmentation.vocabulary import plural, singular
from tools.records import CountRecord, DescribeRecord, Record

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*|[^\w\s]")
_ORDINAL = re.compile(r"^(?:st|nd|rd|th)$", re.IGNORECASE)
_LINK = re.compile(r"(?:https?|ftp|file|javascript|data):|www\.|!?\[[^\]]*\]\(", re.IGNORECASE)
_SHELF_WORDS = {
    "shelf",
    "shelves",
    "row",
    "rows",
    "tier",
    "level",
    "regal",
    "fach",
    "reihe",
    "fila",
    "estante",
    "balda",
}
_PHOTO_WORDS = {"photo", "photos", "picture", "image", "foto", "fotos", "bild", "bilder", "imagen"}
_COMPONENT_WORDS = {"component", "components", "connected", "blobs"}
_SCORE_WORDS = {"score", "presence", "confidence"}
_EXCLUDED_WORDS = {"excluded", "rejected", "excluding"}
_TOTAL_WORDS = {"total", "totals", "together", "altogether", "sum", "combined", "insgesamt", "zusammen"}
_NONE_WORDS = {
    "no",
    "none",
    "zero",
    "kein",
    "keine",
    "keinen",
    "ninguna",
    "ninguno",
    "ningún",
    "nothing",
    "neither",
}
_BEFORE_BOUND = {
    "between",
    "from",
    "to",
    "least",
    "most",
    "and",
    "zwischen",
    "bis",
    "mindestens",
    "entre",
    "y",
    "und",
}
_NEAR = 4  # words between a number and its noun
_CONTEXT = 5  # words between a number and the word that says what it is


@dataclass(frozen=True)
class _Number:
    """A number in the text and where its words stand."""

    value: float
    start: int  # first token
    end: int  # one past the last token


def violations(text: str, calls: Sequence[Call], records: Sequence[Record], request: Request) -> tuple[str, ...]:
    """What in the text does not stand in the records; empty when all of it does."""
    if not text.strip():
        return ("it said nothing",)
    if _LINK.search(text) and not _LINK.search(request.text):
        return ("it held a link",)
    masked = _masked(text, records, request)
    tokens = _TOKEN.findall(masked)
    numbers = list(_numbers(tokens))
    counts = [record for record in records if isinstance(record, CountRecord)]
    faults = [
        f"{_show(number.value)} is not in the records"
        for number in numbers
        if not _allowed(number, tokens, calls, records, request)
    ]
    faults += [f"{word!r} is no number" for word in tokens if word.lower() in VAGUE and not _said(word, request)]
    said = {number.value for number in numbers}
    if set(map(str.lower, tokens)) & _NONE_WORDS:
        said.add(0)
    faults += [f"the count of {record.target} is missing" for record in counts if record.count not in said]
    faults += _denials(tokens, counts)
    return tuple(faults)


def _masked(text: str, records: Sequence[Record], request: Request) -> str:
    """The text in plain digits, with file names and the numbers inside targets ("7UP cans") taken out."""
    text = "".join(_digit(char) for char in unicodedata.normalize("NFKC", text))
    names = [photo.name for photo in request.photos] + [photo.id for photo in request.photos]
    for name in sorted((name for name in names if name), key=len, reverse=True):
        text = re.sub(re.escape(name), " ", text, flags=re.IGNORECASE)
    for record in records:
        for word in getattr(record, "target", "").split():
            if any(char.isdigit() for char in word) and not word.isdigit():
                text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", " ", text, flags=re.IGNORECASE)
    return text


def _digit(char: str) -> str:
    """The ASCII form of a digit of any script, and of signs such as ⑦ and ½."""
    if char.isascii():
        return char
    try:
        value = unicodedata.numeric(char)
    except ValueError:
        return char
    return f" {value:g} " if value != int(value) or value > 9 else str(int(value))


def _numbers(tokens: Sequence[str]) -> Iterator[_Number]:
    position = 0
    while position < len(tokens):
        token = tokens[position]
        end = position + 1
        if token[0].isdigit():
            value = _value(token)
            # "1 000" written with a space
            while end < len(tokens) and value == int(value) and re.fullmatch(r"\d{3}", tokens[end]) and value < 1000:
                value, end = value * 1000 + int(tokens[end]), end + 1
            yield _Number(value, position, end)
        elif (words := spelled(tokens[position:])) is not None:
            value, length = words
            end = position + length
            yield _Number(value, position, end)
        position = end


def _value(digits: str) -> float:
    """Read digits: "1,000" and "1.000" are thousands, "0,5" and "0.5" are fractions."""
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", digits):
        return float(re.sub(r"[.,]", "", digits))
    head_digits, *rest = re.split(r"[.,]", digits)
    return float(f"{head_digits}.{''.join(rest)}") if rest else float(head_digits)


def _allowed(
    number: _Number, tokens: Sequence[str], calls: Sequence[Call], records: Sequence[Record], request: Request
) -> bool:
    before = [token.lower() for token in tokens[max(0, number.start - _NEAR) : number.start]]
    after = [token.lower() for token in tokens[number.end : number.end + _NEAR]]
    near = {token.lower() for token in tokens[max(0, number.start - _CONTEXT) : number.end + _CONTEXT]}
    counts = [record for record in records if isinstance(record, CountRecord)]
    value = number.value
    if after[:1] and _ORDINAL.match(after[0]) and not _about(after[1:], counts):
        return True
    if after[:1] == ["%"] or after[:1] == ["/"] or before[-1:] == ["/"] or (before[-1:] == ["-"] and not before[:-1]):
        return False
    own = _about(after, counts)
    if own:
        # Beside a noun only the counts of that noun, its interval, or a sum over photos.
        return (
            any(value == record.count or _is_bound(value, record, before, after) for record in own)
            or (near & _TOTAL_WORDS != set() and value in totals(calls, records).values())
            or (_COMPONENT_WORDS & near != set() and value in {record.components for record in own})
        )
    if _is_users(number, tokens, request) or value in _asked_places(calls, request, before):
        return True
    for record in counts:
        if value == record.count or _is_bound(value, record, before, after):
            return True
        if near & _COMPONENT_WORDS and value == record.components:
            return True
        if near & _SCORE_WORDS and abs(value - record.presence) < 0.006:
            return True
        if near & _EXCLUDED_WORDS and value == len(record.excluded):
            return True
    if near & _TOTAL_WORDS and value in totals(calls, records).values():
        return True
    return any(_described(value, record, near) for record in records if isinstance(record, DescribeRecord))


def _about(after: Sequence[str], counts: Sequence[CountRecord]) -> list[CountRecord]:
    """The records whose target the words after a number name; most shared words win."""
    best: list[CountRecord] = []
    most = 0
    words = []
    for word in after:
        if word[0].isdigit() or word in ".;:,(" or spelled([word]) is not None:
            break
        words.append(word)
    for record in counts:
        noun = head(record.target).lower()
        if not any(_same(noun, word) for word in words):
            continue
        shared = sum(any(_same(word, part) for part in words) for word in record.target.lower().split())
        if shared > most:
            best, most = [record], shared
        elif shared == most:
            best.append(record)
    return best


def _same(one: str, other: str) -> bool:
    return bool({one, singular(one), plural(one)} & {other, singular(other), plural(other)})


def _is_bound(value: float, record: CountRecord, before: Sequence[str], after: Sequence[str]) -> bool:
    """The low or the high end, said as such."""
    dashes = {"-", "–", "—"}
    if value == record.low:
        return bool(set(before[-2:]) & {"between", "least", "from", "zwischen", "mindestens", "entre", "low"}) or bool(
            set(after[:1]) & (dashes | {"to", "bis", "a"})
        )
    if value == record.high:
        return bool(set(before[-1:]) & (dashes | _BEFORE_BOUND | {"high"})) and "least" not in before[-2:]
    return False


def _is_users(number: _Number, tokens: Sequence[str], request: Request) -> bool:
    """Whether the user wrote that number beside the same word: "2 litre", "box 5"."""
    asked = [token.lower() for token in _TOKEN.findall(request.text)]
    here = [token.lower() for token in tokens[number.start : number.end]]
    after = [token.lower() for token in tokens[number.end : number.end + 1]]
    before = [token.lower() for token in tokens[max(0, number.start - 1) : number.start]]
    for position in range(len(asked) - len(here) + 1):
        if asked[position : position + len(here)] == here:
            following = asked[position + len(here) : position + len(here) + 1]
            preceding = asked[max(0, position - 1) : position]
            if (after and after == following and after[0].isalpha()) or (
                before and before == preceding and before[0].isalpha()
            ):
                return True
    return False


def _asked_places(calls: Sequence[Call], request: Request, before: Sequence[str]) -> set[float]:
    """Shelf numbers of the calls after "shelf", photo numbers after "photo"."""
    lead = set(before[-2:])
    if lead & _SHELF_WORDS:
        rows = (call.arguments.get("row") for call in calls)
        return {float(abs(row)) for row in rows if isinstance(row, int)}
    return {float(i + 1) for i in range(len(request.photos))} if lead & _PHOTO_WORDS else set()


def _described(value: float, record: DescribeRecord, near: set[str]) -> bool:
    if near & _SHELF_WORDS and value == record.rows:
        return True
    return any(value == item.count for item in record.repeated)


def _denials(tokens: Sequence[str], counts: Sequence[CountRecord]) -> list[str]:
    """Find "no bottles" where bottles were counted."""
    faults = []
    for position, token in enumerate(tokens):
        if token.lower() in _NONE_WORDS - {"zero"}:
            after = [word.lower() for word in tokens[position + 1 : position + 1 + _NEAR]]
            named = _about(after, counts)
            if named and all(record.count > 0 for record in named):
                faults.append(f"there are {named[0].target}")
    return faults


def _said(word: str, request: Request) -> bool:
    return word.lower() in request.text.lower().split()


def _show(value: float) -> str:
    return f"{value:g}"
