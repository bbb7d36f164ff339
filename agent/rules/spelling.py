"""Typing mistakes in the words of the grammar; names are never touched."""

import re
from functools import cache

from rapidfuzz.distance import OSA

from agent.rules.lexicon import lexicon
from segmentation.vocabulary import plural, singular

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


@cache
def _known() -> tuple[str, ...]:
    """Words that a slip is mended to: grammar, packs and contents, single words of four letters and more."""
    words = lexicon().mend_to | lexicon().heads | lexicon().contents | lexicon().colours | lexicon().parts
    return tuple(sorted(word for word in words if " " not in word and len(word) >= 4))


def mend(text: str) -> str:
    """The text with slips of one letter mended: "hwo mnay botles on the secnd shlef"."""
    text = re.sub(
        r"\b(?:hwo|how|hoe|ho|hw)\s+(?:many|mnay|mamy|amny|manny|may|mny|manu)\b",
        "how many",
        text,
        flags=re.I,
    )
    text = re.sub(r"^(?:cuont|coutn|conut|ocunt|coun|cout|cound|cont)\b", "count", text, flags=re.I)
    text = re.sub(r"\ban (?=the\b)", "and ", text, flags=re.I)
    text = re.sub(r"\b(what|where|how|who|there|here)s\b", r"\1 is", text, flags=re.I)
    text = re.sub(r"\b(is|are|do|does|did|ca|wo|was|were|have|has|should|could|would)nt\b", r"\1n't", text, flags=re.I)
    text = re.sub(r"\bw/o\b", "without", re.sub(r"\bw/ ?(?=\w)(?!o\b)", "with ", text, flags=re.I), flags=re.I)
    return _WORD.sub(lambda match: _mend_word(match[0]), text)


@cache
def _mend_word(word: str) -> str:
    lower = word.lower()
    if lower in lexicon().swaps and (len(word) > 1 or word == lower):
        return lexicon().swaps[lower]
    if lower.endswith("s") and lower[:-1] in lexicon().heads and lower not in lexicon().heads:
        return plural(lower[:-1])  # "boxs"
    if len(word) == 4:  # too short for anything but two letters that changed places or one left out: "jras", "chps"
        if word[0].isupper() or {lower, singular(lower), plural(lower)} & (lexicon().leave | set(_known())):
            return word
        alike = [
            known for known in _known() if known[0] == lower[0] and (known[-1] == lower[-1] or known.startswith(lower))
        ]
        swapped = [known for known in alike if sorted(known) == sorted(lower)]
        longer = [known for known in alike if len(known) == 5 and OSA.distance(lower, known) == 1]
        return (swapped or (longer if len(longer) == 1 else []) or [word])[0]
    if (
        len(word) < 5
        or word[0].isupper()
        or {lower, singular(lower), plural(lower)} & (lexicon().leave | set(_known()))
    ):
        return word
    allowed = 1 if len(word) < 8 else 2
    best = min(
        _known(),
        key=lambda known: (OSA.distance(lower, known), sorted(known) != sorted(lower), known[0] != lower[0], known),
    )
    # The first letter is hardly ever the wrong one: "wings" is no typing of "rings".
    if OSA.distance(lower, best) <= allowed and (best[0] == lower[0] or sorted(best) == sorted(lower)):
        return best
    return word
