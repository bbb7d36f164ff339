"""The phrases of the grammar (prompts/phrases.yaml), compiled once."""

import re
from dataclasses import dataclass
from functools import cache

import yaml

import prompts
from segmentation.vocabulary import other_names, plural, vocabulary


@dataclass(frozen=True)
class Lexicon:
    """Compiled phrases. Patterns match case-insensitively; the `full` ones must cover the whole clause."""

    front: re.Pattern[str]
    back: re.Pattern[str]
    count: re.Pattern[str]
    look: re.Pattern[str]
    more: re.Pattern[str]
    describe: re.Pattern[str]
    labels: re.Pattern[str]
    gaps: re.Pattern[str]
    kinds_not_items: re.Pattern[str]
    no_photo_tells: re.Pattern[str]
    unsupported_place: re.Pattern[str]
    exclude: str
    fragment: re.Pattern[str]
    before_row: re.Pattern[str]
    ordinals: dict[str, int]
    numbers: dict[str, int]
    one_name: re.Pattern[str]
    heads: frozenset[str]
    kinds: frozenset[str]
    contents: frozenset[str]
    colours: frozenset[str]
    parts: frozenset[str]
    mend_to: frozenset[str]
    leave: frozenset[str]
    swaps: dict[str, str]
    no_request: frozenset[str]
    no_thing: frozenset[str]
    no_part: frozenset[str]
    no_bare: frozenset[str]
    together: frozenset[str]
    chatter: frozenset[str]
    small: frozenset[str]
    pointing: frozenset[str]
    remark: frozenset[str]
    counting: re.Pattern[str]
    amount: re.Pattern[str]
    other_business: re.Pattern[str]
    units: frozenset[str]


def any_of(patterns: list[str]) -> str:
    """One group of alternatives, tried in the order given."""
    return "(?:" + "|".join(patterns) + ")"


def spread(pattern: str) -> re.Pattern[str]:
    """A pattern that the file spreads over several lines; a line that goes on begins with its bar."""
    return re.compile(re.sub(r"\s+\|", "|", pattern.strip()), re.IGNORECASE)


def both_numbers(words: set[str]) -> frozenset[str]:
    """Singular words with their plurals."""
    return frozenset(words | {plural(word) for word in words})


@cache
def lexicon() -> Lexicon:
    """The lexicon that ships with the project."""
    raw = yaml.safe_load(prompts.read("phrases.yaml"))
    words = vocabulary()
    kinds = {synonym for synonyms in words.kinds.values() for synonym in synonyms}
    other = {synonym for synonyms in words.other.values() for synonym in synonyms}

    def full(key: str) -> re.Pattern[str]:
        return re.compile(rf"^{any_of(raw[key])}$", re.IGNORECASE)

    return Lexicon(
        front=re.compile(rf"^{any_of(raw['polite']['front'])}\b[\s,:]*", re.IGNORECASE),
        back=re.compile(rf"[\s,]+{any_of(raw['polite']['back'])}$", re.IGNORECASE),
        count=re.compile(rf"^{any_of(raw['count'])}\b[\s:]*", re.IGNORECASE),
        look=re.compile(rf"^{any_of(raw['look'])}\b[\s:]*", re.IGNORECASE),
        more=re.compile(rf"^{any_of(raw['more'])}\b[\s:]*", re.IGNORECASE),
        describe=full("describe"),
        labels=full("labels"),
        gaps=full("gaps"),
        kinds_not_items=full("kinds_not_items"),
        no_photo_tells=re.compile(rf"\b{any_of(raw['no_photo_tells'])}", re.IGNORECASE),
        unsupported_place=re.compile(rf"\b{any_of(raw['unsupported_place'])}", re.IGNORECASE),
        exclude=any_of(raw["exclude"]),
        fragment=re.compile(
            rf"^(?:.* ones?$|(?:the |those )?ones\b|(?:{any_of(raw['exclude'])}|on|in|at|left of|right of|to the"
            r"|above|below|under|only)\b)",
            re.IGNORECASE,
        ),
        before_row=re.compile(
            rf"\b(?:{any_of(raw['exclude'])}|above|below|under|over)(?:\s+(?:for|the|those|any|ones?|that|which|are|is))*\s*$",
            re.IGNORECASE,
        ),
        ordinals=raw["ordinals"],
        numbers=raw["numbers"],
        one_name=re.compile(rf"\b{any_of([re.escape(name) for name in raw['one_name']])}(?!\w)", re.IGNORECASE),
        heads=both_numbers(kinds | other | set(words.products)),
        kinds=both_numbers(kinds | set(words.products)) | frozenset(raw["containers"].split()),
        contents=both_numbers(set(words.contents))
        | {name for name, meant in other_names().items() if meant in words.contents},
        colours=frozenset(word for colour in words.colours.values() for word in (*colour.synonyms, *colour.also)),
        parts=both_numbers(set(words.parts)),
        mend_to=frozenset(raw["spelling"]["mend_to"].split()),
        leave=frozenset(
            (*raw["spelling"]["leave"].split(), *raw["chatter"].split(), *raw["numbers"], *raw["ordinals"])
        ),
        swaps=raw["spelling"]["swaps"],
        no_request=frozenset(raw["no_request"].split()),
        no_thing=frozenset(raw["no_thing"].split()),
        no_part=frozenset(raw["no_part"].split()),
        no_bare=frozenset(raw["no_bare"].split()),
        together=frozenset(raw["together"]),
        chatter=frozenset(raw["chatter"].split()),
        small=frozenset(raw["small"].split()),
        pointing=frozenset(raw["pointing"].split()),
        remark=frozenset((*raw["remark"].split(), *raw["pointing"].split())),
        counting=spread(raw["counting"]),
        amount=spread(raw["amount"]),
        other_business=spread(raw["other_business"]),
        units=frozenset(raw["units"].split()),
    )
