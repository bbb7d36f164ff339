"""Sentences that the chat answers itself, without a planner: corrections, "why 7?", "show me"."""

import re
from dataclasses import dataclass
from typing import Literal

from agent.chat.corrections import Add, Drop, Edit, Split
from agent.number_words import spelled


@dataclass(frozen=True)
class Correct:
    """Change the last count."""

    edit: Edit


@dataclass(frozen=True)
class Why:
    """Show what a count, or one numbered item of it, rests on."""

    id: int | None = None


@dataclass(frozen=True)
class Do:
    """A word that stands for itself."""

    what: Literal["undo", "redo", "show"]


Directive = Correct | Why | Do

_NUMBERS = r"(?P<ids>#?\d{1,4}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*)#?\d{1,4})*)"
_ITEM = r"(?:(?:number|no\.?|item|box)s?\s+|numbers\s+|items\s+)?"
_DROP = re.compile(
    rf"^(?:.*:\s*)?(?:please )?(?:drop|remove|delete|exclude|take out|discard|ignore|leave out"
    rf"|not)\s+{_ITEM}{_NUMBERS}"
    rf"(?:,? (?:please|too|as well))?$|^{_ITEM}(?P<wrong>#?\d{{1,4}}) is (?:wrong|not one|none|no .+"
    rf"|not an? .+)$",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    rf"^{_ITEM}#?(?P<id>\d{{1,4}}) (?:is|are|should be|counts as|shows) (?:really |actually "
    rf")?(?P<into>[a-z\d]+)"
    r"(?: (?:items|things|packs|of them|pieces|\w+s))?$|^split #?(?P<split>\d{1,4})(?: (?:in|into|in "
    r"to) (?P<parts>[a-z\d]+))?$",
    re.IGNORECASE,
)
_ADD = re.compile(
    r"^(?:please )?(?:add|there is|there's|you missed|missed)(?: (?:another|an?|one|1))?(?: (?:one|more"
    r"|item|here))*"
    r" (?:at|on|near)?\s*\(?(?P<x>\d{1,6})\s*[,; ]\s*(?P<y>\d{1,6})\)?$",
    re.IGNORECASE,
)
_WHY = re.compile(
    r"^(?:but )?(?:why|how come|how do you know|how sure are you|what makes you think|explain)"
    r"(?:\s+(?:is |was |did you (?:count|say|find) |not |only |are there |just )*(?:number |no\.? |item "
    r"|#)?(?P<id>\d{1,4})?)?"
    r"(?: .{0,60})?$",
    re.IGNORECASE,
)
_SHOW = re.compile(
    r"^(?:show|let me see|display|draw)(?: (?:me|it|them|that|those|the (?:picture|overlay|photo|boxes"
    r"|result)))*$"
    r"|^(?:can i|could i|may i) see (?:it|them|that)$",
    re.IGNORECASE,
)
_WORDS = {
    "undo": "undo",
    "redo": "redo",
    "undo that": "undo",
    "undo it": "undo",
    "redo that": "redo",
    "show": "show",
}


def directive(text: str) -> Directive | None:
    """The directive in a sentence; None when it is a request for the planner."""
    text = " ".join(text.split()).strip(" .!?")
    if text.lower() in _WORDS:
        return Do(_WORDS[text.lower()])  # type: ignore[arg-type]
    if _SHOW.match(text):
        return Do("show")
    if match := _DROP.match(text):
        ids = re.findall(r"\d+", match["ids"] or match["wrong"])
        return Correct(Drop(ids=tuple(dict.fromkeys(int(id) for id in ids))))
    if match := _ADD.match(text):
        return Correct(Add(x=int(match["x"]), y=int(match["y"])))
    if match := _SPLIT.match(text):
        into = _number(match["into"] or match["parts"] or "two")
        if into is not None and 2 <= into <= 50:
            return Correct(Split(id=int(match["id"] or match["split"]), into=into))
    if match := _WHY.match(text):
        return Why(int(match["id"]) if match["id"] else None)
    return None


def _number(word: str) -> int | None:
    if word.isdigit():
        return int(word)
    value = spelled([word])
    return int(value[0]) if value and value[1] == 1 else None
