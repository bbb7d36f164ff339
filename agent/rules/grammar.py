"""Sentences to intents: what is to be done, to which things, where, on which photos."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agent.request import Request
from agent.rules.chatter import meant, only_chatter, plain, without_chatter
from agent.rules.doubt import odd_reference, odd_thing
from agent.rules.lexicon import lexicon
from agent.rules.nouns import clean, head, is_plural, is_thing, modifier_class, resolve_ones, split, stands_for
from agent.rules.order import polite, usual_order
from agent.rules.places import find_rows, leading_side, place_starts, take_places, take_rows
from agent.rules.remark import asked_within
from agent.rules.scope import Photos, take_boxes, take_exclusions, take_photos
from agent.rules.spelling import mend
from agent.rules.translate import to_english
from tools.arguments import Example, Where

LONGEST = 600  # characters; a longer text is not one of the usual sentences


@dataclass(frozen=True)
class Aim:
    """One thing to count."""

    target: str
    exclude: tuple[str, ...] = ()
    row: int | None = None
    where: tuple[Where, ...] = ()
    like: tuple[Example, ...] = ()


@dataclass(frozen=True)
class Intent:
    """One thing to do, on the photos chosen (positions in the request)."""

    tool: Literal["count", "describe", "read_labels"]
    photos: tuple[int, ...]
    aim: Aim | None = None


@dataclass(frozen=True)
class AskBack:
    """What the user must say first."""

    question: str


@dataclass(frozen=True)
class Before:
    """What the last turn did; follow-ups such as "and the cans?" are read against it."""

    aims: tuple[Aim, ...] = ()
    photos: tuple[int, ...] = ()


WHAT = 'What should I count? For example: "count the red cans on the second shelf".'
PLACE = (
    "I can look on one shelf (first, second, bottom), on one half of the photo, or left of, right of, "
    "above or below "
    "another thing. Which of these do you mean?"
)
KINDS = 'I count items, not kinds. Ask "describe the shelf" for what repeats, or name the items to count.'
HELP = 'I count things on shelf photos. Try "count the bottles", "describe the shelf" or "read the labels".'
NOT_COUNTED = (
    "I count things, describe a shelf and read its labels; prices, shares, weights and orders no photo tells me. "
    'To compare two things, count both: "count the red cans and the blue cans".'
)
NO_PHOTO = "Which photo? Give me the file of a shelf photo first."
TOO_LONG = "That is too long for me. Ask for one or two things in one sentence."

_CLAUSES = re.compile(
    r"\s*[?!;\n]+\s*|(?<!\bDr)(?<!\bMr)(?<!\bMrs)(?<!\bSt)(?<!\bNo)(?<!\bno)(?<!\bvs)\.(?=\s|$)\s*"
    r"|,?\s+(?:and then|and also|and|then|also)\s+(?=(?:please )?(?:count\b|how many|how much|tell me"
    r"|describe|read\b|"
    r"what (?:is|are|does|do)\b|what's|(?:the )?number of|(?:are|is) there (?:any|some|an?)\b|do you see|list\b))",
    re.IGNORECASE,
)
# "the three red cans", "12 Pepsi cans"; "7 Up" and "2 litre bottles" are names
_A_NUMBER_OF = re.compile(
    r"^(?:more than |less than |at least )?"
    r"(?:(?:\d{1,3}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) (?=[a-z])|\d{2,3} (?=[A-Z]))"
    r"(?!(?:ml|cl|dl|l|ltr|lit\w+|g|gr|kg|mg|oz|lbs?|packs?|pk|x|er|cm|mm|inch|pieces?|percent|days|up)\b)"
)
_COMMA = re.compile(r"(?<=\d),(?=\d+ ?(?:l|ml|cl|kg|g)\b)")  # "1,5 l"
_NUMBERED = re.compile(r"(?:^|(?<=\s))\d\)\s*")  # "1) cans 2) bottles"
_FOLLOW = re.compile(
    r"^(?:and|plus|again|what about|how about|same (?:for|with)|now|also|the same (?:for|with)|but)\b\s*(?P<rest>.*)$",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"^(?:(?:and )?(?:the )?same(?: thing| question| count)?(?: again)?|again|repeat(?: that| it)?|once "
    r"more|(?:do|try|check|take)(?: it| that| this)?"
    r"(?: again)?|count (?:them|it|those|these))$",
    re.IGNORECASE,
)
_SAME = re.compile(
    r"^(?:and )?(?:do )?(?:the )?same(?: thing| question| count)?\b(?! (?:for|with)\b)\s*", re.IGNORECASE
)
_ONLY = re.compile(r"^(?:only|just)(?: the)? (?P<rest>.+)$", re.IGNORECASE)
_GREETING = re.compile(
    r"^(?:hi|hello|hey|help|(?:many )?thanks?(?: you)?(?: (?:so much|a lot|in advance|again))*|what can you do"
    r"|who are you|good \w+|cool|great|nice|perfect|wow|alright|super|ok(?:ay)?|got it|understood|yes|no problem)$",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(
    r"^(?:i'm|i am|we're|we are|this is|my name is) "
    r"(?!for\b)(?!.*\b(?:how many|count|looking|missing|after|interested|trying|only|just)\b)"
    r"(?:the |a |an )?(?:\w+ ){0,3}(?:from|for|at|of|here|with|rep|manager|buyer|analyst|customer)\b.*$",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(r"\bhow (?:many|much)\b|\bcount\b", re.IGNORECASE)
_OF_THOSE = re.compile(r"\s+of those$", re.IGNORECASE)
_WHOLE = re.compile(
    r"\b(?:in total|overall|altogether|anywhere|everywhere|whole|entire"
    r"|(?:in|on) (?:the|this) (?:photo|picture|image))\b",
    re.IGNORECASE,
)
_CLAUSE_WORDS = re.compile(r"\b(?:and|then|now|what about|how about|the)\b", re.IGNORECASE)
_EVERYTHING = re.compile(r"^(?:everything|all|all (?:of )?(?:it|them))$", re.IGNORECASE)
_NO_NAME = re.compile(r"^(?:yes|no|maybe|why|what|who|when|how|show|stop|quit|exit|undo|redo)\b", re.IGNORECASE)
_PRONOUN = re.compile(
    r"^(?:them|it|those|these|this|that|ones?|things?|anything|something|there|here|only|just)$",
    re.IGNORECASE,
)


# "non-red cans"; "non-alcoholic beer" is a name of its own
_NON = re.compile(r"\bnon[- ](?P<word>[\w']+) (?P<noun>.+)$", re.IGNORECASE)

NOTHING_BEFORE = Before()


def parse(request: Request, before: Before = NOTHING_BEFORE) -> tuple[Intent, ...] | AskBack:
    """What a sentence asks for; a question to the user when it cannot be told."""
    text = _COMMA.sub(".", " ".join(request.text.replace("’", "'").split()))
    if len(text) > LONGEST:
        return AskBack(TOO_LONG)
    text = _NUMBERED.sub(", ", mend(to_english(text)))
    text = f"how many {text}" if _is_bare(text) else text
    intents: list[Intent] = []
    shelf = ""
    for clause in (part for whole in _CLAUSES.split(text) for part in _again_opened(whole)):
        clause = clause.strip(" ,.:")
        if not clause or _GREETING.match(clause):
            continue
        found = find_rows(clause)
        if _INTRODUCTION.match(clause) and not found:
            continue
        if shelf and not found and not take_places(clause)[1] and not _WHOLE.search(clause):
            clause = f"{clause} {shelf}"  # "on the second shelf how many cans and how many jars"
        elif not shelf and not found:
            shelf = leading_side(clause)
        elif found and (not found[0].start or not _CLAUSE_WORDS.sub("", take_rows(clause)[1]).strip(" ,")):
            shelf = clause[: found[0].end].strip(" ,")
        named = take_photos(clause, request.photos)[1].chosen
        answer = _clause(clause, request, before)
        if named is not None and all(position < len(request.photos) for position in named):
            # "in photo 2 how many cans and how many jars": both there
            request = request.model_copy(update={"current": tuple(request.photos[position].id for position in named)})
        if isinstance(answer, AskBack) and only_chatter(clause) and not _HOW_MANY.search(clause):
            continue  # "morning!", "thanks in advance": the other clauses say what is wanted
        if isinstance(answer, AskBack):
            return answer
        intents.extend(answer)
        aims = tuple(intent.aim for intent in answer if intent.aim)
        if aims:
            before = Before(tuple(dict.fromkeys(aims)), answer[0].photos)
    if not intents:
        return AskBack(HELP)
    return tuple(dict.fromkeys(intents)) if request.photos else AskBack(NO_PHOTO)


def _is_bare(text: str) -> bool:
    """Whether all that is asked is a word or two: "coke?"."""
    words = text.lower().removesuffix("?").split()
    known = lexicon().chatter | lexicon().no_request | lexicon().no_thing | lexicon().small | lexicon().remark
    known |= set(lexicon().numbers) | lexicon().no_bare
    if not text.endswith("?") or not 0 < len(words) <= 2 or set(words) & known or not all(map(str.isalpha, words)):
        return False
    said = " ".join(words)
    asked = any(form.match(said) for form in (_GREETING, lexicon().labels, lexicon().describe, lexicon().gaps))
    return not asked and (is_thing(said) or not words[-1].endswith(("ed", "ly")))


def _again_opened(clause: str) -> list[str]:
    """Split "how many cans, how many jars"; "on the top shelf, how many cans" is one question."""
    parts = re.split(r"\s*,\s*(?=(?:how many|how much|count)\b)", clause, flags=re.IGNORECASE)
    openers = (lexicon().count, lexicon().describe, lexicon().labels)
    return parts if all(any(opener.match(polite(part)) for opener in openers) for part in parts) else [clause]


def _clause(clause: str, request: Request, before: Before) -> tuple[Intent, ...] | AskBack:
    """What one clause asks for, unless that would look for what no thing is called."""
    answer = _understood(clause, request, before)
    if isinstance(answer, AskBack):
        return answer
    other = re.search(rf"\band (?:the )?(\w+) {lexicon().exclude}\b", clause, re.IGNORECASE)
    if other and other[1].lower() in lexicon().heads:  # "cans without Pepsi and bottles without Fanta"
        return AskBack(f"{WHAT} I could not tell what is left out in {clause!r}.")
    for aim in (intent.aim for intent in answer if intent.aim):
        references = [place.reference for place in aim.where if place.reference]
        if any(map(odd_thing, (aim.target, *aim.exclude))) or any(map(odd_reference, references)):
            return AskBack(f"{WHAT} I could not make sense of {clause!r}.")
        if {"left half", "right half"} <= {place.relation for place in aim.where} or aim.target in aim.exclude:
            return AskBack(PLACE)
    return answer


def _understood(clause: str, request: Request, before: Before) -> tuple[Intent, ...] | AskBack:
    """One clause by the grammar; where that fails or leaves chatter in a thing, by what is left without chatter."""
    if lexicon().no_photo_tells.search(clause):
        return AskBack(NOT_COUNTED)
    said, scope = take_photos(usual_order(polite(clause)), request.photos)
    answer = _read(clause, said, scope, request, before)
    targets = () if isinstance(answer, AskBack) else tuple(intent.aim.target for intent in answer if intent.aim)
    if isinstance(answer, AskBack) and answer.question in (PLACE, KINDS, NO_PHOTO):
        return answer
    if not isinstance(answer, AskBack) and all(map(plain, targets)):
        return answer
    inner = asked_within(clause)
    if inner is not None and not lexicon().other_business.search(inner.question):
        asked = _understood(inner.question, request, before)
        # "check the milk: how many cartons" means milk cartons; "got to top up, how many Walkers bags" says it all.
        if not isinstance(asked, AskBack) and (inner.apart or not any(map(_is_kind_alone, asked))):
            return asked
    rest = without_chatter(polite(take_photos(clause, request.photos)[0]))
    if rest is not None:
        loose = _read(clause, rest, scope, request, before)
        if not isinstance(loose, AskBack) and all(
            plain(intent.aim.target) and meant(clause, intent.aim.target) for intent in loose if intent.aim
        ):
            return loose
    if lexicon().other_business.search(clause):
        return AskBack(NOT_COUNTED)
    return answer if isinstance(answer, AskBack) else AskBack(f"{WHAT} I could not make sense of {clause!r}.")


def _read(clause: str, said: str, scope: Photos, request: Request, before: Before) -> tuple[Intent, ...] | AskBack:
    again = before.aims and (_AGAIN.match(said) or (not said and scope != Photos(None)))
    places_only = find_rows(said) and not take_rows(said)[1]
    follows = before.aims and (places_only or any(form.match(said) for form in (_FOLLOW, _SAME, lexicon().fragment)))
    chosen = _positions(scope, request, before if again or follows else NOTHING_BEFORE)
    if isinstance(chosen, AskBack):
        return chosen
    if again:
        return _intents(before.aims, chosen)
    if follows:
        said = usual_order(polite(_FOLLOW.sub(r"\g<rest>", _FOLLOW.sub(r"\g<rest>", _SAME.sub("", said)))))
        if not said or (scope != Photos(None) and only_chatter(said)):
            return _intents(before.aims, chosen)
        if (only := _ONLY.match(said)) and modifier_class(only["rest"]):
            said = f"{only['rest']} ones"
    rows, without_rows = take_rows(said)
    without_rows = " ".join(without_rows.split())
    if lexicon().gaps.match(clean(without_rows)) or lexicon().gaps.match(without_rows):
        return _intents([Aim("empty gaps", row=row) for row in rows or (None,)], chosen)
    opener = lexicon().count.match(said)
    if opener is None:
        for tool, pattern in (("read_labels", lexicon().labels), ("describe", lexicon().describe)):
            if pattern.match(said) or (rows and without_rows and pattern.match(without_rows)):
                if _HOW_MANY.search(said):
                    return AskBack(KINDS)
                return tuple(Intent(tool, (photo,)) for photo in chosen)  # type: ignore[arg-type]
        more = lexicon().more.match(said)
        said = re.sub(r"\bthan\b", "and", said) if more else said
        opener = more or lexicon().look.match(said)
    rest = said[opener.end() :] if opener else said
    if opener and not rest and before.aims and scope != Photos(None):  # "... and how many on the second photo"
        return _intents(before.aims, chosen)
    aims = _aims(rest, before if follows or opener else Before())
    if isinstance(aims, AskBack):
        return aims
    if opener is None and not follows and not all(_is_request(aim) for aim in aims):
        return AskBack(f"{HELP} I did not understand {clause!r}.")
    return _intents(aims, chosen)


def _is_kind_alone(intent: Intent) -> bool:
    return intent.aim is None or intent.aim.target.lower() in lexicon().heads


def _not_the(match: re.Match[str]) -> str:
    """Read "non-red cans" as "cans not the red ones", for colours and names."""
    word = match["word"]
    return (
        f"{match['noun']} not the {word} ones" if word.lower() in lexicon().colours or word[0].isupper() else match[0]
    )


def _is_request(aim: Aim) -> bool:
    """Whether words without a verb can be meant as a count: "Sunkist bottles", "the red ones at 1,2,3,4"."""
    words = aim.target.split()
    if words[0].lower() in lexicon().no_request:
        return False
    named = all(word[0].isupper() or word[0].isdigit() for word in words) and not _NO_NAME.match(aim.target)
    return len(words) <= 8 and (is_thing(aim.target) or is_plural(aim.target) or named or bool(aim.like))


def _positions(scope: Photos, request: Request, before: Before) -> tuple[int, ...] | AskBack:
    """The photos meant: those named, those of the turn before for a follow-up, the current ones otherwise."""
    everything = tuple(range(len(request.photos)))
    if scope.other:
        rest = tuple(position for position in everything if position not in before.photos)
        return rest or AskBack("There is no other photo yet.")
    if scope.chosen is None:
        current = tuple(i for i, photo in enumerate(request.photos) if photo.id in request.current)
        return before.photos or current or everything
    if any(position not in everything for position in scope.chosen):
        return AskBack(f"There are {len(everything)} photos. Which of them do you mean?" if everything else NO_PHOTO)
    return scope.chosen


def _intents(aims: Sequence[Aim], photos: Sequence[int]) -> tuple[Intent, ...]:
    return tuple(Intent("count", (photo,), aim) for photo in photos for aim in aims)


def _aims(text: str, before: Before) -> tuple[Aim, ...] | AskBack:
    """The things in a count, cut where a shelf ends one thing and another begins."""
    found = find_rows(text)
    cuts = [0]
    for position, here in enumerate(found):
        following = position + 1 < len(found)
        tail = text[here.end : found[position + 1].start if following else len(text)]
        joint = re.match(
            rf"\s*(?:,\s*and|,|and|vs\.?|versus|or|than|compared to)\s+(?!(?:but\s+)?{lexicon().exclude}\b)",
            tail,
            re.IGNORECASE,
        )
        if joint and (clean(tail[joint.end() :]) or following):
            cuts.append(here.end + joint.end())
        elif following and is_plural(clean(tail)):  # without a pause: "cans on the top shelf jars on the bottom shelf"
            cuts.append(here.end)
    aims: list[Aim] = []
    for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True):
        piece = _piece(text[start:end], Before(tuple(aims)) if aims else before)
        if isinstance(piece, AskBack):
            return piece
        aims.extend(piece)
    return tuple(aims)


def _piece(text: str, before: Before) -> tuple[Aim, ...] | AskBack:
    """Things that share their shelf, places, boxes and exclusions."""
    text, boxes = take_boxes(text)
    rows = find_rows(text)
    if any(
        lexicon().before_row.search(text[:start]) for start in (*(found.start for found in rows), *place_starts(text))
    ):
        return AskBack(PLACE)
    shelves, text = take_rows(text)
    if lexicon().unsupported_place.search(text):
        return AskBack(PLACE)
    text, places = take_places(text)
    text, excluded = take_exclusions(_NON.sub(_not_the, text), before.aims[-1].target if before.aims else "")
    text, uncleaned = clean(text, whole=False), text.strip(" ,.")
    kept = bool(_OF_THOSE.search(text)) and len(before.aims) == 1
    text = _OF_THOSE.sub("", text)
    if lexicon().kinds_not_items.match(text) or lexicon().kinds_not_items.match(uncleaned):
        return AskBack(KINDS)
    if _EVERYTHING.match(text):
        text = "" if boxes else "products"
    if text and not _PRONOUN.match(text):
        last = before.aims[-1].target if before.aims else ""
        targets = [resolve_ones(target, stands_for(target=last, modifier=target)) for target in split(text)]
        if odd := next((word for target in targets for word in target.split() if word in lexicon().no_thing), None):
            return AskBack(f"{WHAT} I could not make sense of {odd!r} in {text!r}.")
        models = [Aim(_A_NUMBER_OF.sub("", target)) for target in targets]
        if kept:  # "how many of them are Pepsi": on the same shelf
            models = [replace(before.aims[0], target=model.target) for model in models]
    elif boxes:
        models = [Aim("items")]
    elif before.aims and (rows or places or excluded or _PRONOUN.match(text)):
        models = [replace(aim, row=None if rows else aim.row, where=() if places else aim.where) for aim in before.aims]
        excluded = tuple(resolve_ones(thing, head(models[0].target)) for thing in excluded)
    else:
        return AskBack(WHAT)
    numbers: tuple[int | None, ...] = shelves or (None,)
    return tuple(
        Aim(
            model.target,
            tuple(dict.fromkeys((*model.exclude, *excluded))),
            row if row is not None else model.row,
            (*model.where, *places),
            boxes or model.like,
        )
        for model in models
        for row in numbers
    )
