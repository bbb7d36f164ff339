"""Comparisons read as counts: whoever asks which is more wants both numbers."""

import re

from agent.rules.nouns import is_plural, is_thing

_PHOTO = r"(?:the \w+ )?(?:photo|picture|image)(?: \w+)?"
_MORE = r"(?:more|most|fewer|fewest|less|least)"
_HAS = r"(?:has|have|is|are|shows?|got)"

_COMPARE = re.compile(r"^compare\b[^:]*:\s*", re.IGNORECASE)
_COMPARE_WITH = re.compile(
    r"^compare (?P<one>(?!.*\b(?:photo|picture|image)).+?) (?:with|to|and|against) (?P<other>.+)$", re.IGNORECASE
)
# "which has the higher count: A or B"
_WHICH_OF_TWO = re.compile(
    rf"^(?:which|what|who)(?: (?:one|product|brand|of (?:them|these|the two)))? {_HAS}(?: there)?(?: got)?"
    rf"(?: the)? (?:higher|highest|larger|largest|bigger|biggest|greater|lower|lowest|smaller|smallest|{_MORE})"
    r"(?: (?:count|number|amount|quantity|stock|facings?))?(?: (?:here|there))?\s*[:,]?\s*(?P<things>.+ or .+)$",
    re.IGNORECASE,
)
# "which supplier has more bottles here, Henkel or Unilever"
_WHO_HAS = re.compile(
    rf"^(?:which|what) (?:supplier|brand|maker|company|one|of them) {_HAS} (?:the )?{_MORE} "
    r"(?P<noun>[\w-]+)(?: (?:here|there))?\s*[,:]\s*(?P<names>.+? or [^,]+)$",
    re.IGNORECASE,
)
# "has photo 2 got fewer gaps than photo 1"
_PHOTO_HAS = re.compile(
    rf"^(?:has|have|does|do|is|are) (?P<one>{_PHOTO}) (?:got|have|has|show|showing|contain) "
    rf"(?:{_MORE}|as many) (?P<noun>.+?) (?:than|as) (?P<other>{_PHOTO})$",
    re.IGNORECASE,
)
_WHICH_PHOTO = re.compile(
    r"^(?:which|what|in which|on which) (?:photo|picture|image)s? (?:has|have|shows?|contains?|are there|do you see)"
    rf"(?: the)?(?: {_MORE})? (?P<noun>.+)$",
    re.IGNORECASE,
)
# "is the number of wine bottles higher in photo 2 than in photo 1"
_NUMBER_OF = re.compile(
    r"^(?:is|are|has|have|did|does) the (?:number|count|amount|stock|quantity) of (?P<noun>.+?) "
    r"(?:(?:gone|going|go) (?:up|down)|higher|lower|bigger|smaller|larger|greater|different|the same|changed?"
    r"|increased?|decreased?|dropped|drop|risen|fallen|fall|grown?|shrunk)\b(?P<rest>.*)$",
    re.IGNORECASE,
)
# "does Nivea have more bottles than Garnier"
_HAVE_MORE = re.compile(
    rf"^(?:does|do|has|have) (?P<one>.+?) (?:have|got|has|show) {_MORE} (?P<noun>[\w-]+) than (?P<other>.+)$",
    re.IGNORECASE,
)
_MORE_ON = re.compile(
    rf"^(?:are|is|were|was) there {_MORE} (?P<noun>.+?) (?:in|on) (?P<one>{_PHOTO}) (?:or|than) (?:(?:in|on) )?"
    rf"(?P<other>{_PHOTO}|the \w+)$",
    re.IGNORECASE,
)
_ON_BOTH = r"how many \g<noun> on \g<one> and on \g<other>"
_AS_MANY = re.compile(r"^(?:are|is) there (?:just )?as (?:many|much) (?P<one>.+?) as (?P<other>.+)$", re.IGNORECASE)
_OUTNUMBER = re.compile(r"^(?:does|do|is|are) (?P<one>.+?) outnumber(?:ing)? (?P<other>.+)$", re.IGNORECASE)
_AGAINST = re.compile(r"^(?P<one>.+?)\s+against\s+(?P<other>\S.*)$", re.IGNORECASE)
_COMPARED_TO = re.compile(r"(?<=\S)\s+(?:as )?compared (?:to|with)\s+(?=\S)", re.IGNORECASE)
_MORE_OR_MORE = re.compile(r"\b(?P<joint>or|than) (?:more|fewer|less) ", re.IGNORECASE)
# ", who wins", ", the first or the second": adds nothing
_ASIDE = re.compile(
    r"(?<=\w)\s*,\s*(?:count (?:both|all|them|each)(?: of (?:them|these))?|(?:who|which|what)(?: one| brand| product)? "
    rf"(?:wins|leads|is (?:ahead|more|bigger|higher)|has (?:the )?(?:{_MORE}|lead))"
    r"|(?:the )?(?:first|1st|left|upper)(?: one)? or (?:the )?(?:second|2nd|right|other|lower)(?: one)?)$",
    re.IGNORECASE,
)


def as_counts(text: str) -> str:
    """A comparison of things or photos as "how many <one> and <other>"; other sentences as they are."""
    text = _COMPARE.sub("", _ASIDE.sub("", text))
    text = _WHICH_OF_TWO.sub(_two, _WHO_HAS.sub(_each_owner, text))
    for both in (_AS_MANY, _OUTNUMBER, _COMPARE_WITH):
        text = both.sub(r"how many \g<one> and \g<other>", text)
    text = _PHOTO_HAS.sub(_ON_BOTH, text)
    text = _HAVE_MORE.sub(r"how many \g<one> \g<noun> and \g<other> \g<noun>", text)
    text = re.sub(r"\bon the (first|second|third|last)$", r"on the \1 photo", _MORE_ON.sub(_ON_BOTH, text))
    text = _WHICH_PHOTO.sub(r"how many \g<noun> in all photos", text)
    text = _NUMBER_OF.sub(_on_two_photos, text)
    if text.lower().startswith(("how many", "count")):
        text = _COMPARED_TO.sub(" and ", text)
    return _AGAINST.sub(_either, _MORE_OR_MORE.sub(r"\g<joint> ", text))


def _each_owner(match: re.Match[str]) -> str:
    names = re.split(r"\s*,\s*(?:or )?|\s+or\s+", match["names"])
    return "how many " + " and ".join(f"{name} {match['noun']}" for name in names)


def _two(match: re.Match[str]) -> str:
    return "how many " + re.sub(r"\bor\b", "and", match["things"])


def _either(match: re.Match[str]) -> str:
    """Read "red cans against blue cans" as both; "against the wall" stays."""
    other = match["other"]
    known = is_thing(other) or is_plural(other) or other[0].isupper()
    return f"{match['one']} and {match['other']}" if known else match[0]


def _on_two_photos(match: re.Match[str]) -> str:
    rest = re.sub(r"\s+(?:than|to|and)\s+(?:(?:in|on|from)\s+)?", " and on ", match["rest"])
    rest = re.sub(r"\bon the (first|second|third|last|other)$", r"on the \1 photo", rest)
    return f"how many {match['noun']} {re.sub(r'^ (?:from|between|in) ', 'on ', rest).strip()}"
