"""German and Spanish requests in the English of the grammar; brand names stay as they are.

A dictionary of phrases and words (prompts/translations.yaml), not a translator: it covers the usual
requests. What it does not know stays, and the grammar asks back when too little is left.
"""

import re
from dataclasses import dataclass
from functools import cache

import yaml

import prompts
from agent.rules.lexicon import lexicon

_WORD = re.compile(r"[^\W\d_][\w'’-]*")


@dataclass(frozen=True)
class Language:
    """How one language is recognised and put into English."""

    marker: re.Pattern[str]
    phrases: tuple[tuple[re.Pattern[str], str], ...]
    words: dict[str, str]


@cache
def languages() -> dict[str, Language]:
    """The languages that ship with the project."""
    raw = yaml.safe_load(prompts.read("translations.yaml"))
    return {
        name: Language(
            re.compile(item["marker"], re.IGNORECASE),
            tuple((re.compile(pattern, re.IGNORECASE), english) for pattern, english in item["phrases"]),
            item["words"],
        )
        for name, item in raw.items()
    }


def to_english(text: str) -> str:
    """The text in English when it opens in German or Spanish; unchanged otherwise."""
    found = next((item for item in languages().items() if item[1].marker.search(text)), None)
    if found is None:
        return text
    name, language = found
    for pattern, english in language.phrases:
        text = " ".join(pattern.sub(english, text).split())
    text = _WORD.sub(lambda match: _word(match[0], name, language.words), text)
    colours, contents = "|".join(sorted(lexicon().colours)), "|".join(sorted(lexicon().contents))
    kinds = "|".join(sorted(lexicon().heads | lexicon().parts, key=len, reverse=True))
    of = r"(?: of (?:the )?[\w'-]+)?"
    text = re.sub(rf"\b({kinds}) ({colours}) and ({colours})\b", r"\2 and \3 \1", text, flags=re.IGNORECASE)
    text = re.sub(rf"\b((?:{kinds}){of}) ({colours})\b", r"\2 \1", text, flags=re.IGNORECASE)  # "cans red"
    text = re.sub(rf"\b({colours}) ((?:{kinds})) of (?:the )?([\w'-]+)", r"\1 \3 \2", text, flags=re.IGNORECASE)
    text = re.sub(rf"\b({kinds}) ((?:\w+ )?(?:{contents}))\b", r"\2 \1", text, flags=re.IGNORECASE)  # "cartons milk"
    return " ".join(text.split())


def _word(word: str, language: str, words: dict[str, str]) -> str:
    lower = word.lower()
    if lower in words:
        return words[lower]
    if language == "de":
        stem = re.sub(r"(?:e|en|er|es|em)$", "", lower)  # "roten" -> "rot"
        if stem in words and words[stem] in lexicon().colours:
            return words[stem]
        for end, english in words.items():  # "Shampooflaschen" -> "shampoo bottles"
            first = lower.removesuffix(end).rstrip("-")
            if lower.endswith(end) and len(end) >= 4 and len(first) >= 3:
                known = words.get(first) or words.get(first.removesuffix("n")) or words.get(first.removesuffix("s"))
                return f"{known or word[: len(first)]} {english}"
    return word
