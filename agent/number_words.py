"""Number words of English, German and Spanish, up to the hundreds."""

from collections.abc import Sequence

# "one", "ein", "un" are articles and pronouns as often as numbers: they count only before a scale word.
_UNITS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "single": 1, "zwei": 2, "drei": 3, "vier": 4,
    "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "elf": 11, "zwölf": 12,
    "dreizehn": 13, "vierzehn": 14, "fünfzehn": 15, "sechzehn": 16, "siebzehn": 17, "achtzehn": 18,
    "neunzehn": 19, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8,
    "nueve": 9, "diez": 10, "once": 11, "doce": 12, "trece": 13, "catorce": 14, "quince": 15,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "zwanzig": 20, "dreißig": 30, "dreissig": 30, "vierzig": 40, "fünfzig": 50, "veinte":
    20, "treinta": 30, "cuarenta": 40, "cincuenta": 50,
}  # fmt: skip
_SCALES = {
    "hundred": 100,
    "hundert": 100,
    "thousand": 1000,
    "tausend": 1000,
    "million": 1_000_000,
    "cien": 100,
}
_ONES = {"one", "a", "ein", "eine", "un", "una"}
_SMALL = {"one": 1} | _UNITS
VAGUE = frozenset(
    [
        "dozen",
        "dozens",
        "couple",
        "pair",
        "hundreds",
        "thousands",
        "millions",
        "double",
        "twice",
        "triple",
        "thrice",
        "half",
        "dutzend",
        "paar",
        "doppelt",
        "docena",
        "docenas",
        "par",
        "mitad",
        "doble",
        "several",
    ]
)


def spelled(tokens: Sequence[str]) -> tuple[float, int] | None:
    """The value of the number words that the tokens begin with, and how many tokens they take."""
    if not tokens:
        return None
    total = 0.0
    used = 0
    words = [token.lower() for token in tokens[:8]]
    while used < len(words):
        value = _word(words[used])
        following = words[used + 1] if used + 1 < len(words) else ""
        if value is not None and (total == 0 or total % 10 == 0) and words[used] not in _SCALES:
            if total and not (total % 100 == 0 or value < 10):
                break
            total += value
        elif words[used] in _SCALES:
            total = max(total, 1) * _SCALES[words[used]]
        elif words[used] in _ONES and following in _SCALES and total == 0:
            total = 1
        elif not (words[used] == "and" and total >= 100 and _word(following) is not None):
            break
        used += 1
    return (total, used) if used and total else None


def _word(word: str) -> float | None:
    """A single word or a hyphenated pair: "seven", "twenty-four", "vierundzwanzig"."""
    if word in _UNITS:
        return _UNITS[word]
    if word in _TENS:
        return _TENS[word]
    first, dash, second = word.partition("-")
    if dash and first in _TENS and second in _SMALL:
        return _TENS[first] + _SMALL[second]
    unit, joint, ten = word.partition("und")
    if joint and ten in _TENS and (unit in _UNITS or unit == "ein"):
        return _TENS[ten] + _UNITS.get(unit, 1)
    return None
