"""Which read words are a target's words: fuzzy, plural and case tolerant, forgiving of joined and clipped words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rapidfuzz import fuzz

from segmentation.geometry import Box, centre, overlap_of_smaller, union
from segmentation.labels import ReadWord
from segmentation.target import Target, normalise
from segmentation.vocabulary import singular

CERTAIN = 0.80  # one reading this good is enough
POSSIBLE = 0.72  # readings this good count when there are several, or one that is certain
RARER = 0.6  # a word read at most this often, against the brand, marks a variant
BRAND_SHARE = 0.4  # of the letters of a brand of several words that must be read
LONG = 6  # letters of a word that can stand for a brand of several words alone
NEXT_LINE = 1.35  # heights of a word between two lines of one label
_CONTAINED = 0.97  # a word found whole inside a longer reading ("TIMTAM2x")


@dataclass(frozen=True)
class LabelHit:
    """A place where a target's word is read: the box of its letters, how well the reading fits, and the word."""

    box: Box
    score: float
    token: str = ""


@dataclass(frozen=True)
class LabelEvidence:
    """Where a target is read, the tokens that were found at all, and the best score seen.

    `variant` says that a detail ("lentil") and not the brand marks the packs: packs of the brand without it are others.
    `unread` are the details that are read nowhere: the hits then speak for the brand and not for the variant.
    """

    hits: tuple[LabelHit, ...]
    found: tuple[str, ...]
    missing: tuple[str, ...]
    presence: float
    variant: bool = False
    unread: tuple[str, ...] = ()


def similarity(wanted: str, read: str) -> float:
    """How well a reading fits a wanted word, 0..1; both normalised."""
    if not wanted or not read:
        return 0.0
    if len(wanted) <= 3:
        if wanted in (read, singular(read)):
            return 1.0
        clipped = len(read) == len(wanted) + 1 and (read.startswith(wanted) or read.endswith(wanted))
        return 0.75 if clipped else 0.0
    if len(read) < max(3, 0.6 * len(wanted)):
        return 0.0
    whole = max(fuzz.ratio(wanted, read), fuzz.ratio(singular(wanted), singular(read))) / 100
    if len(read) > len(wanted) + 1 and len(wanted) >= 4:
        inside = fuzz.partial_ratio(wanted, read) / 100
        exact = inside == 1.0 or (len(wanted) >= 6 and inside >= 0.83)
        whole = max(whole, inside * _CONTAINED if exact else 0.0)
    return whole


def wanted_tokens(words: Sequence[str]) -> tuple[str, ...]:
    """The comparable forms of a target's words ("Lay's" -> "lays"), without repeats."""
    return tuple(dict.fromkeys(token for token in (normalise(word) for word in words) if token))


def read_token(text: str, ascii_only: bool) -> str:
    """The comparable form of a reading; foreign letters beside a Latin brand are dropped."""
    token = normalise(text)
    return "".join(c for c in token if c.isascii()) if ascii_only else token


def find_label(target: Target, words: Sequence[ReadWord]) -> LabelEvidence:
    """Where the print of a target is read.

    The brand must be read. The rarest of the target's words that is read near the brand marks the packs: of "Heinz
    lentil soup" the word lentil, since Heinz and soup stand on other packs too.
    """
    brand, details = wanted_tokens(target.brand), wanted_tokens(target.details)
    if not brand:
        return LabelEvidence((), (), (), 0.0)
    places = {token: _places(token, words) for token in (*brand, *details)}
    joined = "".join(brand)
    if len(brand) > 1:
        whole = [hit for hit in _places(joined, words) if hit.score >= CERTAIN]
        for token in brand:
            places[token] = _without_repeats(places[token] + whole)
    best = max((hit.score for token in brand for hit in places[token]), default=0.0)
    trusted = {token: _trusted(hits) for token, hits in places.items()}
    found = tuple(token for token, hits in trusted.items() if hits)
    missing = tuple(token for token in trusted if token not in found)
    read_brand = [token for token in brand if token in found]
    if not read_brand or sum(map(len, read_brand)) < BRAND_SHARE * len(joined):
        return LabelEvidence((), found, missing, best)
    hits, variant = _packs(trusted, read_brand, [token for token in details if token in found])
    # What a pack holds ("beans") is often printed small or not at all; any other detail is there to tell packs apart.
    telling = wanted_tokens([word for word in target.details if word not in _contents_words(target)])
    unread = tuple(token for token in telling if token not in found)
    return LabelEvidence(tuple(hits), found, missing, best, variant, unread)


def _contents_words(target: Target) -> set[str]:
    return {word for name in target.contents for word in name.split()}


def _places(token: str, words: Sequence[ReadWord]) -> list[LabelHit]:
    """Where a token is read; of several readings of one place the best, and of equal ones that which has it oftener."""
    hits: list[LabelHit] = []
    for word in words:
        readings = [_in_reading(token, reading) for reading in (word, *word.also)]
        best = max(readings, key=_how_well)
        hits.extend(best)
    return hits


def _how_well(found: list[LabelHit]) -> tuple[float, int]:
    return max((hit.score for hit in found), default=0.0), len(found)


def _in_reading(token: str, word: ReadWord) -> list[LabelHit]:
    """The token in one reading, more than once where words of neighbouring packs were run together."""
    read = read_token(word.text, token.isascii())
    score = similarity(token, read)
    if score < POSSIBLE:
        return []
    whole = LabelHit(word.box, score, token)
    if len(token) < 4 or len(read) < len(token) + 2 or not word.letters:
        return [whole]
    # Which letter of the reading each character of its comparable form comes from.
    origin = [at for at, character in enumerate(word.text) for _ in read_token(character, token.isascii())]
    pieces = [(a, b) for a, b in _occurrences(token, read) if similarity(token, read[a:b]) >= POSSIBLE]
    if not pieces or len(origin) != len(read):
        return [whole]
    return [LabelHit(union(*(word.letters[at] for at in origin[a:b])), score, token) for a, b in pieces]


def _occurrences(token: str, read: str, start: int = 0) -> list[tuple[int, int]]:
    """The stretches of a reading that align with a token, from left to right, as far as they are alike."""
    found = fuzz.partial_ratio_alignment(token, read[start:], score_cutoff=100 * CERTAIN)
    if found is None or len(read) - start < len(token) - 1:
        return []
    a, b = start + found.dest_start, start + found.dest_end
    before = _occurrences(token, read[:a], start) if a > start else []
    return [*before, (a, b), *_occurrences(token, read, b)]


def _trusted(hits: list[LabelHit]) -> list[LabelHit]:
    """All hits when at least one is certain or two agree; else none: one poor reading proves nothing."""
    if any(hit.score >= CERTAIN for hit in hits) or len(hits) >= 2:
        return hits
    return []


def _without_repeats(hits: list[LabelHit]) -> list[LabelHit]:
    kept: dict[Box, LabelHit] = {}
    for hit in hits:
        if hit.box not in kept or kept[hit.box].score < hit.score:
            kept[hit.box] = hit
    return list(kept.values())


def _packs(trusted: dict[str, list[LabelHit]], brand: list[str], details: list[str]) -> tuple[list[LabelHit], bool]:
    """One hit a pack, marked by the rarest word that stands near all the others; whether that is a detail."""
    rare = min(brand, key=lambda token: len(trusted[token]))
    marks = trusted[rare]
    for other in brand:
        near = [mark for mark in marks if _near_any(mark, trusted[other])]
        if not near and len(rare) < LONG:
            return [], False  # short words that never stand together are not this brand ("fresh ... step")
        marks = near or marks
    variants = [[hit for hit in trusted[token] if _near_any(hit, marks)] for token in details]
    rarest = min((hits for hits in variants if hits), key=len, default=marks)
    # A detail sets a variant apart only when it is clearly rarer than the brand; else it is just read less often.
    variant = len(rarest) <= RARER * len(marks)
    return _one_a_label(rarest if variant else marks), variant


def _near_any(hit: LabelHit, others: Sequence[LabelHit]) -> bool:
    return any(_near(hit, other) for other in others)


def _near(a: LabelHit, b: LabelHit) -> bool:
    """Whether two words can be print of one pack: within a few lines above or below, side by side at most."""
    if a.box == b.box:
        return True
    width = max(a.box[2] - a.box[0], b.box[2] - b.box[0])
    height = max(a.box[3] - a.box[1], b.box[3] - b.box[1])
    (ax, ay), (bx, by) = centre(a.box), centre(b.box)
    reach = max(width, height)
    return abs(ax - bx) < 1.1 * reach and abs(ay - by) < max(1.6 * reach, 4 * min(width, height))


def _one_a_label(hits: Sequence[LabelHit]) -> list[LabelHit]:
    """Join what stands on one label: two readings of one place, and a word that is printed again on the next line."""
    kept: list[LabelHit] = []
    for hit in sorted(hits, key=lambda h: (h.box[1], h.box[0])):
        for i, other in enumerate(kept):
            if overlap_of_smaller(hit.box, other.box) > 0.5 or _next_line(other.box, hit.box):
                kept[i] = replace(max(hit, other, key=lambda h: h.score), box=union(hit.box, other.box))
                break
        else:
            kept.append(hit)
    return kept


def _next_line(upper: Box, lower: Box) -> bool:
    """Whether a word lies right under another one; on the next pack of a pile it would be further down."""
    height = min(upper[3] - upper[1], lower[3] - lower[1])
    overlap = min(upper[2], lower[2]) - max(upper[0], lower[0])
    narrower = min(upper[2] - upper[0], lower[2] - lower[0])
    return abs(centre(lower)[1] - centre(upper)[1]) < NEXT_LINE * height and overlap > 0.5 * narrower
