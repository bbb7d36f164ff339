"""What no thing on a shelf is called: a plan that would look for it is a question instead.

A word too many in a target is taken for print that must be read, and the count is then near 0: a wrong answer that
looks like a right one. So words that tell, join or leave out, numbers alone, photos and places are never part of a
thing.
"""

import re

from agent.rules.lexicon import lexicon

_ALONE = re.compile(
    r"^(?:\d+|everywhere|rest|both|others?|top|bottom|above|below|next|it|them|those|these|what's|ones?"
    r"|(?:left|right|upper|lower) (?:half|side))$"
)
_MEASURE = re.compile(r"^(?:[£$€]?\d|(?:the )?(?:limit|minimum|maximum|eye level|average)\b)", re.IGNORECASE)
_PLACES = re.compile(r"\b(?:above|below|under|left of|right of|(?:on|in|at) the)\b", re.IGNORECASE)
_PHOTO = re.compile(r"\b(?:photos?|pictures?|images?|foto|bild|imagen)\b|\.(?:jpe?g|png|webp|heic)\b", re.IGNORECASE)
_THE = re.compile(r"(?<!with)(?<!of)(?<!in)(?<!and) the ", re.IGNORECASE)


def odd_thing(phrase: str) -> bool:
    """Whether a phrase cannot be the name of a thing."""
    words = re.findall(r"[^\s,:;()]+", phrase.lower())
    if not words or _ALONE.match(phrase.lower()) or set(words) & lexicon().no_part or "(" in phrase:
        return True
    first_of = len(words) > 1 and words[0] in lexicon().ordinals and words[1] in lexicon().heads  # "second cans"
    return first_of or words[-1] in lexicon().ordinals or bool(_PHOTO.search(phrase) or _THE.search(phrase))


def odd_reference(phrase: str) -> bool:
    """Whether a phrase cannot be the thing that a place is told by."""
    return odd_thing(phrase) or bool(_MEASURE.match(phrase) or _PLACES.search(phrase))
