"""Noun phrases: cleaned, split where several things are named, kept whole where "and" is part of a name."""

import re

from agent.rules.lexicon import lexicon
from segmentation.vocabulary import plural

_DETERMINER = re.compile(
    r"^(?:only|just|(?:all|any|each|every|both)(?: of)?(?: the| these| those)?|the|a|an|these|those"
    r"|this|that|my"
    r"|our|some"
    r"|of the|of|for(?: the)?|individual|single(?! (?:cream|malt))|separate|visible|various)\s+(?=\S)",
    re.IGNORECASE,
)
_TRAILER = re.compile(
    r"[\s,]*\b(?:(?:that |which )?(?:are|is|were|can be|do|does|did|have|has)\s+(?:there|visible|shown"
    r"|seen|present|left|here|you see|you find|we have|i have|they have|it have|it show|in stock"
    r"|available|on display|standing)"
    r"|are there any|(?:do|can|could|did) (?:you|we|i|they) (?:see|find|spot|count|have|got|make out"
    r"|carry|keep|stock|sell|offer)"
    r"|(?:do|must|should|can) (?:i|we|you) (?:need to |have to )?(?:re)?(?:fill|stock)(?: up)?"
    r"|there (?:are|is)|are there|is there|i see|you see|have we got|have you got|(?:we|you|i|they)(?: "
    r"have|'ve)(?: got)?"
    r"|(?:are|is) out|are|is|there|here|do (?:we|you|they|i)|in stock|on display|on show|in view"
    r"|left|remaining|sits?|stands?|lies?"
    r"|(?:(?:that |which )?(?:are|is) )?(?:standing|sitting|lying|placed|displayed|shelved"
    r"|(?:facing|pointing)(?: (?:out|outwards?|front|forwards?|us|me))?)"
    r"|(?:is|are)? ?(?:on|in|at|from|of) (?:the|this|that|these|my|our|it|here|a)(?: (?:whole|entire|full))?"
    r"(?: (?:shelf|shelves|photo|photos|picture|pictures|image|images|shot|pic|pics|rack|racks|display|fridge"
    r"|store|aisle|cooler|stock|scene|frame))?)$",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"(\s*,\s*(?:and|or)?\s+|\s*,\s*|\s+(?:and|or|plus|vs\.?|versus|as well as|along with|together with"
    r"|in addition to|&|\+|/)\s+)",
    re.IGNORECASE,
)
_OF = re.compile(r"^(?P<kind>[\w-]+(?: [\w-]+){0,2}) of (?:the )?(?P<rest>.+)$", re.IGNORECASE)
_ARE = re.compile(
    r"^(?:of )?(?P<noun>.+?) (?:that |which )?(?:are|is) (?P<adjective>[\w-]+(?: [\w-]+)?)$", re.IGNORECASE
)
MEASURES = {"facing", "facings", "unit", "units"}  # "Dove facings" is what was said, and means the Dove
_JOINT = "\x00"  # stands for a space inside a name that must not be split


def clean(phrase: str, *, whole: bool = True) -> str:
    """A noun phrase without determiners, polite words and "are there on the shelf".

    Args:
        phrase: the words.
        whole: it names one thing, whose words may be put in another order.
    """
    phrase = phrase.strip(' ,.:;?!"“”').lstrip("-–— ")
    changed = True
    while changed:
        before = phrase
        phrase = _TRAILER.sub("", phrase).strip(" ,")
        phrase = lexicon().back.sub("", phrase).strip(" ,")
        phrase = _DETERMINER.sub("", phrase).strip(" ,")
        changed = phrase != before
    phrase = re.sub(r"\s+(?:that |which )?comes? (?=with\b)", " ", phrase, flags=re.IGNORECASE)
    phrase = re.sub(r"\s+(?:that |which )?(?:has|have|got)(?: got)? (?=\w)", " with ", phrase, flags=re.IGNORECASE)
    return _kind_last(_predicate_first(phrase)) if whole else phrase


def _kind_last(phrase: str) -> str:
    """Read "cans of tomato soup" as "tomato soup cans", "large boxes of Persil" as "large Persil boxes"."""
    match = _OF.match(phrase)
    words = match["kind"].split() if match else []
    for lead in range(len(words)):
        if " ".join(words[lead:]).lower() in lexicon().kinds:
            return " ".join([*words[:lead], match["rest"], *words[lead:]]) if match else phrase
    return phrase


def _predicate_first(phrase: str) -> str:
    """Read "bottles are red" as "red bottles", for colours, names and "empty" only."""
    match = _ARE.match(phrase)
    if match and (match["adjective"].lower() in (*lexicon().colours, "empty") or match["adjective"][0].isupper()):
        return f"{match['adjective']} {clean(match['noun'])}"
    return phrase


def head(phrase: str) -> str:
    """The word a noun phrase is about: the last one before "with", "in" or "of"."""
    core = re.split(r"\s+(?:with|without|in|from|of|by|about|that|which)\s+", phrase, maxsplit=1, flags=re.IGNORECASE)[
        0
    ]
    return core.split()[-1] if core.split() else ""


def is_thing(phrase: str) -> bool:
    """Whether a phrase names packs, contents or another thing of the shelf by a word that is known."""
    words = phrase.lower().split()
    known = lexicon().heads | lexicon().contents
    tail = head(phrase).lower()
    return tail in known or " ".join(words[-2:]) in known or " ".join(words[-3:]) in known


def is_plural(phrase: str) -> bool:
    """Whether the head looks like an English plural."""
    tail = head(phrase).lower()
    return len(tail) > 3 and tail.endswith("s") and not tail.endswith(("ss", "us", "is", "'s"))


def split(phrase: str) -> tuple[str, ...]:
    """The things that a phrase names: "cans and bottles" are two, "salt and vinegar chips" is one."""
    phrase = _shared(clean(phrase, whole=False))
    if not re.search(
        r"[,+/]|\s(?:and|or|plus|vs\.?|versus|as well as|along with|together with|in addition to)\s",
        phrase,
        re.IGNORECASE,
    ):
        phrase = _kind_last(phrase)  # "tubs of Ben & Jerry's"
    masked = lexicon().one_name.sub(lambda match: match[0].replace(" ", _JOINT), phrase)
    pieces = _SPLIT.split(masked)
    parts, joints = pieces[::2], pieces[1::2]
    things = [parts[0]]
    for joint, right in zip(joints, parts[1:], strict=True):
        if _divides(things[-1], joint, right, is_list=any("," in other for other in joints)):
            things.append(right)
        else:
            things[-1] += (joint if joint.strip() != "," else " ") + right
    cleaned = [clean(thing.replace(_JOINT, " ")) for thing in things]
    return _distribute(tuple(thing for thing in cleaned if thing))


_KINDS_ARE = re.compile(
    r"^(?P<one>[\w-]+)(?: and | or )(?P<other>[\w-]+) (?:that |which )?are (?P<what>[\w'&-]+)$", re.IGNORECASE
)
_KINDS_OF = re.compile(r"^(?P<one>[\w-]+) and (?P<other>[\w-]+) of (?:the )?(?P<what>[\w'& -]+)$", re.IGNORECASE)
_OF_TWO = re.compile(
    r"^(?P<kind>[\w-]+) of (?:the )?(?P<one>[\w'-]+) and (?P<other>[\w'-]+) (?P<noun>[\w'-]+)$", re.IGNORECASE
)


def _shared(phrase: str) -> str:
    """What is said once for two things, said for each.

    "bottles and cans are red", "cans and bottles of Coke", "bottles of red and white wine".
    """
    for form in (_KINDS_ARE, _KINDS_OF):
        match = form.match(phrase)
        if match and {match["one"].lower(), match["other"].lower()} <= lexicon().kinds:
            return f"{match['what']} {match['one']} and {match['what']} {match['other']}"
    match = _OF_TWO.match(phrase)
    if match and match["kind"].lower() in lexicon().kinds and not lexicon().one_name.search(phrase):
        one, other = (f"{match[name]} {match['noun']} {match['kind']}" for name in ("one", "other"))
        if match["noun"].lower() not in lexicon().kinds:
            return f"{one} and {other}"
    return phrase


def _divides(left: str, joint: str, right: str, *, is_list: bool) -> bool:
    """Whether the joint between two pieces parts two things rather than the words of one."""
    if not left.strip() or not right.strip():
        return True
    determined = _DETERMINER.match(right.strip()) is not None
    if " with " in left.lower() and head(right).lower() in lexicon().parts and not determined:
        return False  # "bottles with red caps and white labels"
    if determined or is_thing(left) or is_plural(left) or modifier_class(left) is not None:
        # "&" binds tighter than "and": "Arm & Hammer", "Lawn & Leaf bags"
        return "&" not in joint or is_thing(left)
    return is_list and "," not in joint and is_thing(right) and len(left.split()) > 1


def modifier_class(phrase: str) -> str | None:
    """Say "colour", "contents" or "name" when a phrase is nothing but such a modifier."""
    words = phrase.replace(_JOINT, " ").strip().split()
    lower = " ".join(words).lower()
    if lower in lexicon().colours:
        return "colour"
    if lower in lexicon().contents:
        return "contents"
    if words and all(word[0].isupper() or word[0].isdigit() for word in words):
        return "name"
    return None


def _distribute(things: tuple[str, ...]) -> tuple[str, ...]:
    """Read "red and green cans" as "red cans", "green cans"; the last lends its head to bare modifiers."""
    words = things[-1].split() if things else []
    named = len(words) > 1 and modifier_class(" ".join(words[:-1])) == "name" and words[-1].islower()
    if len(things) < 2 or not (is_thing(things[-1]) or is_plural(things[-1]) or named):
        return things
    result = []
    for thing in things[:-1]:
        kind = modifier_class(thing)
        leads = range(len(words) - 1, 0, -1) if kind else ()  # "dark green" is a colour, "dark" is none
        lead = next((many for many in leads if modifier_class(" ".join(words[:many])) == kind), 0)
        lent = words[lead:] if lead else words[-1:] if kind == "name" and len(words) > 1 else []
        result.append(" ".join([thing, *lent]))
    return (*result, things[-1])


def stands_for(target: str, modifier: str) -> str:
    """What "ones" stands for behind a modifier, given what was counted before.

    Of tea boxes the green ones are green tea boxes and the coffee ones coffee boxes; of Coke cans the Pepsi ones are
    Pepsi cans.
    """
    core = re.split(r"\s+(?:with|without|in|from|by)\s+", target, maxsplit=1, flags=re.IGNORECASE)[0].split()
    kind = modifier_class(re.sub(r"\s+(?:ones?|those)$", "", modifier, flags=re.IGNORECASE))
    if kind is None or not core:
        return head(target)
    return " ".join([*(word for word in core[:-1] if kind == "colour" and modifier_class(word) != "colour"), core[-1]])


def resolve_ones(phrase: str, noun: str) -> str:
    """Read "red ones" about bottles as "red bottles"; a bare colour gets the noun too."""
    if not noun:
        return re.sub(r"\s+ones?$", "", phrase, flags=re.IGNORECASE)
    many = noun if is_plural(noun) else plural(noun)
    phrase = re.sub(r"\b(?:ones?|those)\b", many, phrase, flags=re.IGNORECASE)
    if phrase.lower() in lexicon().colours:
        return f"{phrase} {many}"
    return phrase
