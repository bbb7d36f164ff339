"""Sentences in words of their own: everything but the thing and the place is taken out, and what is left is counted.

The grammar knows the usual sentences. For others ("got any Marlboro", "what's our stock of Ariel pods") it is enough to
know which words are never part of a thing on a shelf. The rest must be one thing, or things joined by a word that
joins; a sentence with two loose ends, or with a word of other business (prices, shares, orders), is asked back.
"""

import re

from agent.rules.lexicon import lexicon
from agent.rules.nouns import MEASURES, clean, is_plural, is_thing
from agent.rules.places import take_places, take_rows

_TOKEN = re.compile(r"[^\W_](?:[\w&'%-]|\.(?=\w))*|[,&+/]|[()]")
_NUMBER = re.compile(r"\d{1,3}")
_JOINS = frozenset(["and", "or", "vs", "versus", "than", "plus", "&", "+", "/", ","])
_BREAK = "|"
_NEGATED = re.compile(
    r"\b(?:(?:don't|do not) (?!see|have|find|know|think|suppose)"
    r"|(?:never|shouldn't|should not|rather than|instead of|leaving out|leave out|leav(?:e|ing) .+ out)\b)"
)
_TOLD = re.compile(r"\b(?:the|a|an|my|of|from|for|in)\b", re.IGNORECASE)
LONGEST = 10  # words of one thing


def without_chatter(clause: str) -> str | None:
    """The clause as "how many <thing> <place>"; None where it is not plain what the thing is."""
    words = lexicon()
    lower = clause.lower()
    if (
        _NEGATED.search(lower)
        or words.other_business.search(lower)
        or not (words.counting.search(lower) or _has_name(clause))
    ):
        return None
    pieces = _pieces(clause)
    things = [piece for piece in pieces if _says_a_thing(piece)]
    places = [piece for piece in pieces if piece not in things and _is_place(piece)]
    while len(things) > 1 and _aside(things[0]) and any(map(_is_known, things[1:])):
        things = things[1:]
    if not things:
        return None
    text = things[0]
    for piece in things[1:]:
        joined = text.split()[-1].lower() in _JOINS - {","} or piece.split()[0].lower() in _JOINS - {","}
        kind = clean(piece)
        if kind.lower() in words.kinds and not any(thing in words.kinds for thing in text.lower().split()):
            if _TOLD.search(_bare(text).removeprefix("the ")):
                return None  # "Karen from head office, how many cans": a remark, not the cans' name
            text = f"{_bare(text)} {kind}"  # "Kellogg's vs Nestle, who has more boxes"
        elif joined or re.match(rf"{words.exclude}\b", piece, re.IGNORECASE):
            text = f"{text} {piece}"
        else:
            return None  # two things, and nothing says how they belong together
    text = " ".join([text, *places])
    if re.search(r"\b(?:more|fewer|less|most|many)\b", lower):
        text = re.sub(r"\bthan\b", "and", text)
    return f"how many {_bare(text)}"


def _has_name(clause: str) -> bool:
    """Whether a word behind the first begins with a capital letter."""
    return any(word[0].isupper() and word not in ("I", "OK") for word in _TOKEN.findall(clause)[1:])


def _pieces(clause: str) -> list[str]:
    """What lies between the words of chatter."""
    tokens = _TOKEN.findall(clause)
    kept: list[str] = []
    for position, token in enumerate(tokens):
        following = tokens[position + 1].lower() if position + 1 < len(tokens) else ""
        chatter = _is_chatter(tokens, position)
        told = _NUMBER.fullmatch(token) and (not kept or kept[-1] == _BREAK) and following not in lexicon().units
        kept.append("the" if token.lower() in lexicon().pointing else _BREAK if chatter or told else token)
    return [piece for piece in (_trimmed(part) for part in " ".join(kept).split(_BREAK)) if piece]


def _is_chatter(tokens: list[str], position: int) -> bool:
    """Whether a word is part of no thing here: "Max" of "Pepsi Max" is, and "still" of "still water"."""
    token = tokens[position]
    before, after = (tokens[i] if 0 <= i < len(tokens) else "" for i in (position - 1, position + 1))
    if token.lower() not in lexicon().chatter:
        return False
    named = position > 0 and token[0].isupper() and token != "I" and (before[:1].isupper() or after[:1].isupper())
    pairs = {f"{before} {token}".lower(), f"{token} {after}".lower()}
    return not named and not pairs & lexicon().together


def _bare(text: str) -> str:
    """Without prepositions that lost what they stood for."""
    text = re.sub(r"^(?:(?:for|of|to|from|as|by|and|with)\s+)+(?=\S)", "", _trimmed(text), flags=re.IGNORECASE)
    return re.sub(r"(?:[\s,]+(?:for|of|to|from|as|by|and|with|in|on|at|the))+$", "", text, flags=re.IGNORECASE)


def _aside(piece: str) -> bool:
    """Whether a piece before the thing is a word of its own, such as a greeting."""
    return " " not in piece and not _is_known(piece)


def _is_known(piece: str) -> bool:
    thing = clean(piece)
    return is_thing(thing) or is_plural(thing) or any(letter.isupper() for letter in thing)


def _trimmed(piece: str) -> str:
    return re.sub(r"\s+,", ",", piece).strip(" ,()")


def _says_a_thing(piece: str) -> bool:
    """Whether anything is left of a piece once its places are taken."""
    rest = take_places(take_rows(piece)[1])[0]
    rest = clean(f"x {rest}", whole=False).removeprefix("x").strip()
    return any(token.lower() not in lexicon().small for token in _TOKEN.findall(rest))


def _is_place(piece: str) -> bool:
    return bool(take_rows(piece)[0] or take_places(piece)[1])


def only_chatter(clause: str) -> bool:
    """Whether a clause holds nothing but chatter: it asks for nothing of its own."""
    pieces = _pieces(clause)
    return not (lexicon().other_business.search(clause) or any(_says_a_thing(p) or _is_place(p) for p in pieces))


def plain(target: str) -> bool:
    """Whether a target can be a thing on a shelf: short, and without a word of chatter."""
    words = re.findall(r"[^\s,:;]+", target)
    ends = bool(words) and not {words[0].lower(), words[-1].lower()} & lexicon().small
    loose = any(_is_chatter(words, i) and word.lower() not in MEASURES for i, word in enumerate(words))
    return ends and len(words) <= LONGEST and not loose


def meant(clause: str, target: str) -> bool:
    """Whether a count of the target is meant: the clause says so, or the target is a thing, a plural or a name."""
    return lexicon().amount.search(clause) is not None or _is_known(target)
