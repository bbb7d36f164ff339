"""Sentences put into the usual order: the verb, the thing, the place."""

import re

from agent.rules.comparison import as_counts
from agent.rules.lexicon import lexicon
from agent.rules.nouns import MEASURES, is_plural, is_thing
from agent.rules.places import Rows, find_rows
from segmentation.vocabulary import plural

_PLACE_HAS = re.compile(
    r"\b(?:does|do|has|have)\s+(?P<place>(?:the|this|my)\s.+?)\s+(?:have|hold|contain|got|carry)$",
    re.IGNORECASE,
)
_BRAND_HAS = re.compile(
    r"^(?P<verb>how many|how much)\s+(?P<noun>[\w' -]+?)\s+(?:does|do|has|have)\s+(?!(?:we|you|they|i"
    r"|it)\b)(?P<owner>[\w'& -]+?)\s+(?:have|show|get|got|take)(?P<place>(?: (?:on|in|at) .+)?)$",
    re.IGNORECASE,
)
_STOCK = re.compile(
    r"^(?:is|are) (?:the |there |our )?(?P<noun>.+?) (?:all )?(?:out of stock|sold out|in stock|available|gone"
    r"|missing|empty|left)$",
    re.IGNORECASE,
)
_PLACE_FIRST = re.compile(
    r"^(?P<place>(?:in|on|at|to|left of|right of|above|below)\s.+?)(?:\s*,\s*|\s+)(?P<rest>(?:how many|how much"
    r"|count|number of).+)$",
    re.IGNORECASE,
)
_I_SEE = re.compile(
    r"^(?:i (?:think|believe|guess) (?:that )?)?(?:i (?:see|count|counted|have)|there are|here are"
    r"|(?:we|there) (?:should|must) (?:have|be)|we have"
    r"|(?:(?:the|our|my|your) (?:\w+ )?\w+|planogram|plan|system|list|inventory)"
    r" (?:calls for|says|wants|shows|expects|lists|has|gives|requires|is))"
    r"(?: some| many| the| only)?(?: \d+| two| three| four| five| six| seven| eight| nine| ten| eleven| twelve)? "
    r"(?P<noun>.+?),? (?:so |but )?(?:how many(?: (?:are|of them|do).*)?|is (?:that|this|it) (?:right|correct|true)"
    r"|(?:(?:can|could) you |please )?(?:check|verify|confirm)(?: (?:that|it|this))?)$",
    re.IGNORECASE,
)
_COLOURS = re.compile(
    r"^(?P<verb>how many|count)(?: of)?(?: the)? (?P<noun>[\w' -]+?) (?:that |which )?are"
    r" (?P<colours>\w+(?:(?:\s*,\s*| or | and )\w+)+)$",
    re.IGNORECASE,
)
# "how many do you see of the cans"
_SEE_OF = re.compile(
    r"^(?P<verb>how many|how much) (?:(?:do|can|did|could) (?:we|you|they|i) (?:see|have|find|count|spot)"
    r"|have (?:we|you|they|i)(?: got)?|are (?:there|left)) of (?:the |our |these |those )?(?P<noun>.+)$",
    re.IGNORECASE,
)
# "what's above the cans": whatever stands there
_WHATEVER = re.compile(
    r"^(?P<verb>how many|count)?\s*(?:(?:what|which products|which items)(?:'s| is| are| stands?| sits?"
    r"| (?:do|can) (?:we|you|i|they) (?:have|see|find))|whatever is|everything|anything|all)(?: that(?:'s| is))? "
    r"(?=(?:to the (?:left|right)|left|right|above|below|under|underneath|beneath)\b)"
    r"|^(?:how many|count) (?:what(?:'s| is)|whatever is|everything|all)(?: that(?:'s| is))? (?=(?:on|in|at|along)\b)",
    re.IGNORECASE,
)
# "have we still got", "are there still any": says nothing about the thing
_STILL = re.compile(
    r"\b(?P<verb>have|has|got|there|is|are|we|you|they|do|does)\s+(?:still|yet|already)\b", re.IGNORECASE
)
# "how many of these boxes are Kellogg's"
_OF_ARE = re.compile(
    r"^(?P<verb>how many) of (?:these|those|the|my|our) (?P<noun>[\w' -]+?) (?:are|is) (?:from |by |made by )?"
    r"(?P<name>[\w&'-]+(?: [\w&'-]+){0,2})$",
    re.IGNORECASE,
)
# "out of those, how many have a blue cap"
_OF_THOSE = re.compile(
    r"^(?:out )?of (?:those|these|them|the same)\s*,?\s*how many (?:of them )?"
    r"(?:(?P<part>have|has|with|got) |are )(?P<rest>.+)$",
    re.IGNORECASE,
)
_HAVE = re.compile(
    r"^how many (?:of (?:them|these|those) )?(?:have|has) (?=(?:a|an|the|no|\w+) )", re.IGNORECASE
)  # "how many have a red label"
_VERB = re.compile(r"^(?:and |then )*(?:count|how many|how much)\b(?: the)?\s*", re.IGNORECASE)
_CHANCE = re.compile(r"\s*,?\s*\bby any chance\b,?", re.IGNORECASE)
# "bottles: how many?"
_NOUN_FIRST = re.compile(
    r"^(?P<noun>[^:,?]+?)\s*[:,]\s*(?P<verb>how many|how much)(?: (?:are|is|do|can|have)\b.*)?$", re.IGNORECASE
)
# "left side: how many bottles"
_SIDE_FIRST = re.compile(
    r"^(?:on |in )?(?:the )?(?P<side>(?:far )?(?:left|right|upper|lower|top|bottom)(?:[\s-]?hand)? (?:side|half|part))"
    r"(?: of the (?:photo|picture|image|shelf))?(?: only)?\s*[,:]\s*(?P<rest>\S.*)$",
    re.IGNORECASE,
)
# "the bottom shelf has how many jars"
_HAS_HOW_MANY = re.compile(
    r"^(?P<place>(?:on |in )?(?:the|this|my)\s.+?) (?:has|have|holds?|shows?) (?P<rest>how (?:many|much) .+)$",
    re.IGNORECASE,
)
_ADVERB = re.compile(
    r"\b(?:immediately|directly|right|just|exactly) (?=(?:to the )?(?:left|right) of\b"
    r"|(?:above|over|below|under|underneath|beneath|on top of)\b)"
    r"|\bover (?=(?:on|in|at|to) the\b)|\bbut (?=only\b)",
    re.IGNORECASE,
)
_ALL_BUT = re.compile(r"\b(?:everything|anything|all)(?: (?:products|items))? but\b", re.IGNORECASE)
_SHOWS = re.compile(
    r"^what (?:does|do) (?P<photo>the \w+ (?:photo|picture|image)|(?:photo|picture|image) \w+) show$", re.IGNORECASE
)
_BARE_SIDE = re.compile(r"^(?:the )?(?P<side>left|right|upper|lower)(?:[\s-]?hand)? (?:half|side)$", re.IGNORECASE)
# "leave the bottles out of it", "once you take away the Heineken": what is not to be counted
_LEFT_OUT = re.compile(
    r"(?:,|\b(?:and|but|please))*\s*\b(?:leav(?:e|ing)|keep(?:ing)?|tak(?:e|ing)) (?P<thing>[\w&' -]+?) out"
    r"(?: of (?:it|this|that|the count))?$"
    r"|,?\s*\b(?:once|when|if|after) (?:you|we|i) (?:take away|take off|remove|subtract|deduct) (?P<taken>.+)$"
    r"|,?\s*\bneither (?P<neither>.+? nor .+)$",
    re.IGNORECASE,
)
# "I want all bags counted", "the boxes need counting"
_PASSIVE = re.compile(
    r"^(?:(?:i|we) (?:want|need|would like|'d like)(?: to have)? |have |get )?(?P<noun>(?:all |the |every )*\S.*?)"
    r"(?: (?:need|want|must|should)s?(?: to)?(?: be)?)? (?:counted|counting|tallied)(?P<rest>\b.*)$",
    re.IGNORECASE,
)
_THING_COUNT = re.compile(
    r"^(?:what(?:'s| is)|give me|i need|get me|tell me) (?:the |a )?(?P<noun>[\w&' -]+?) (?:count|total|tally)"
    r"(?P<rest>\b.*)$",
    re.IGNORECASE,
)
_THESE_ARE = re.compile(
    r"^(?P<verb>how many|how much)(?: of)? (?:these|those|them|they|it)(?: (?:items|things|products))? "
    r"(?:are|is) (?P<noun>.+)$",
    re.IGNORECASE,
)


def polite(text: str) -> str:
    """Without "could you please tell me" in front and "thanks" behind."""
    changed = True
    while changed:
        shorter = lexicon().back.sub("", lexicon().front.sub("", text.strip(" ,.:"))).strip(" ,.:")
        changed, text = shorter not in (text, ""), shorter or text
    return text


def usual_order(text: str) -> str:
    """Put the place behind the thing, and say every count as "how many".

    "on the top shelf, how many cans", "how many cans does the top shelf have", "how many facings does Nescafe
    have", "is the shampoo out of stock", "how many of these are red" (which becomes "red ones").
    """
    rows = find_rows(text)
    if len(rows) > 1 and rows[0].start == 0:
        return _shelves_first(text, rows)
    text = as_counts(_STILL.sub(r"\g<verb>", _CHANCE.sub("", text)))
    text = _HAVE.sub("how many ones with ", _OF_THOSE.sub(_of_those, text))
    text = _LEFT_OUT.sub(_not_counted, text)
    text = _PASSIVE.sub(r"count \g<noun>\g<rest>", text)
    text = _THING_COUNT.sub(_counted_thing, text)
    text = _SHOWS.sub(r"what is on \g<photo>", text)
    text = _BARE_SIDE.sub(r"on the \g<side> half", text)
    text = _ALL_BUT.sub("products except", _ADVERB.sub("", text))
    text = _SEE_OF.sub(r"\g<verb> \g<noun>", text)
    text = _OF_ARE.sub(_named, text)
    text = _WHATEVER.sub("count products ", text)
    text = _PLACE_HAS.sub(lambda match: f"on {match['place']}", text)
    text = _HAS_HOW_MANY.sub(lambda match: f"{match['rest']} on {match['place'].removeprefix('on ')}", text)
    text = _BRAND_HAS.sub(r"\g<verb> \g<owner> \g<noun>\g<place>", text)
    text = _I_SEE.sub(r"how many \g<noun>", text)
    if not re.match(r"(?:on|in|at|to|left|right|above|below)\b", text, re.IGNORECASE) and not find_rows(text):
        text = _NOUN_FIRST.sub(r"\g<verb> \g<noun>", text)
    text = _COLOURS.sub(_each_colour, text)
    text = _STOCK.sub(_stock, text)
    text = _THESE_ARE.sub(_these, text)
    text = _PLACE_FIRST.sub(r"\g<rest> \g<place>", text)
    rows = find_rows(text)
    if rows and rows[0].start == 0 and text[rows[0].end :].strip(" ,:"):
        return f"{_side_last(polite(text[rows[0].end :]))} {text[: rows[0].end]}"
    return _side_last(text)


def _shelves_first(text: str, rows: list[Rows]) -> str:
    """Read "top shelf cans, bottom shelf bottles" as "cans top shelf, bottles bottom shelf"; else the text as it is."""
    ends = [*(each.start for each in rows[1:]), len(text)]
    things = [polite(text[each.end : end]).strip(" ,:") for each, end in zip(rows, ends, strict=True)]
    things = [_VERB.sub("", re.sub(r"[\s,]+(?:and|then)$", "", thing)).strip(" ,:") for thing in things]
    if not all(things):
        return text
    places = (text[each.start : each.end].strip(" ,") for each in rows)
    return "how many " + ", ".join(f"{thing} {place}" for thing, place in zip(things, places, strict=True))


def _of_those(match: re.Match[str]) -> str:
    return f"how many ones with {match['rest']}" if match["part"] else f"how many {match['rest']} ones"


def _not_counted(match: re.Match[str]) -> str:
    thing = match["thing"] or match["taken"] or match["neither"].replace(" nor ", " and ")
    return f" excluding {thing}"


def _counted_thing(match: re.Match[str]) -> str:
    """Read "what's the bottle count" as "how many bottles"."""
    noun = match["noun"]
    if not is_thing(noun) or noun in MEASURES:
        return match[0]
    return f"how many {noun if is_plural(noun) else plural(noun)}{match['rest']}"


def _side_last(text: str) -> str:
    return _SIDE_FIRST.sub(r"\g<rest> on the \g<side>", text)


def _stock(match: re.Match[str]) -> str:
    """A question about one product; "is anything missing" asks for gaps and stays."""
    if match["noun"].lower() in ("anything", "something", "any products", "products", "items", "shelf"):
        return match[0]
    return f"how many {match['noun']}"


def _named(match: re.Match[str]) -> str:
    """Read "of these boxes are Kellogg's" as "Kellogg's boxes", for names and contents."""
    words = match["name"].split()
    named = all(word[0].isupper() or word[0].isdigit() for word in words) or match["name"].lower() in lexicon().contents
    return f"{match['verb']} {match['name']} {match['noun']}" if named else match[0]


def _each_colour(match: re.Match[str]) -> str:
    """Read "bottles are blue or green" as "blue bottles and green bottles"."""
    colours = re.split(r"\s*,\s*|\s+(?:or|and)\s+", match["colours"])
    if not all(colour.lower() in lexicon().colours for colour in colours):
        return match[0]
    return f"{match['verb']} " + " and ".join(f"{colour} {match['noun']}" for colour in colours)


def _these(match: re.Match[str]) -> str:
    noun = match["noun"]
    return f"{match['verb']} {noun}" if is_thing(noun) else f"{match['verb']} {noun} ones of those"
