"""What people say before they ask: who wants to know, what for, when."""

import re
from dataclasses import dataclass

from agent.rules.lexicon import lexicon
from agent.rules.places import find_rows

_ASKED = re.compile(
    r"\b(?:how many|(?:is|are) there|count(?= (?:the|all|every|my|our|up)\b)|(?:number|amount|quantity) of)\b",
    re.IGNORECASE,
)
_TOPIC = re.compile(r"(?<=[\w)][:–-] )(?=\S)")  # "new delivery check: Barilla boxes"
_PLACED = re.compile(r"\d|\b(?:photo|picture|image|left|right|above|below|under)s?\b", re.IGNORECASE)
_NOT = re.compile(r"(?:n't|\bnot|\bnever)\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """The question behind a remark, and whether the remark surely says nothing about what is asked for."""

    question: str
    apart: bool


def asked_within(text: str) -> Asked | None:
    """The question that stands behind a remark: "a customer is asking how many Duracell packs we have".

    None when there is none, or when the remark names a shelf, a colour or a brand: "the Pantene, how many?"
    """
    match = _ASKED.search(text) or _TOPIC.search(text)
    remark = text[: match.start()] if match else ""
    words = re.findall(r"[\w'-]+", remark)
    if match is None or not words or find_rows(remark) or _PLACED.search(remark):
        return None
    if _NOT.search(remark) or re.search(rf"\b{lexicon().exclude}\b", remark, re.IGNORECASE):
        return None
    lower = [word.lower() for word in words]
    named = any(word[0].isupper() and word[:2] not in ("I", "I'") for word in words[1:])
    if named or set(lower) & lexicon().colours:
        return None
    known = lexicon().chatter | lexicon().small | lexicon().remark
    return Asked(text[match.start() :], not set(lower) - known)
