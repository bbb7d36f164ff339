"""Which read words are a target's words: fuzzy, plural and case tolerant, forgiving of joined and clipped words."""

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from segmentation.geometry import Box, centre, union
from segmentation.labels import ReadWord
from segmentation.target import Target, normalise
from segmentation.vocabulary import singular

CERTAIN = 0.80  # one reading this good is enough
POSSIBLE = 0.72  # readings this good count when there are several, or one that is certain
RARER = 0.6  # a word read at most this often, against the brand, marks a variant
BRAND_SHARE = 0.4  # of the letters of a brand of several words that must be read
LONG = 6  # letters of a word that can stand for a brand of several words alone
_CONTAINED = 0.97  # a word found whole inside a longer reading ("TIMTAM2x")


@dataclass(frozen=True)
class LabelHit:
    """A place where a target's word is read: the word's box, its score, the words, and how long the full word is."""

    box: Box
    score: float
    words: tuple[str, ...]
    vertical: bool = False


@dataclass(frozen=True)
class LabelEvidence:
    """Where a target is read, the tokens that were found at all, and the best score seen.

    `variant` says that a detail ("lentil") and not the brand marks the packs: packs of the brand without it are others.
    """

    hits: tuple[LabelHit, ...]
    found: tuple[str, ...]
    missing: tuple[str, ...]
    presence: float
    variant: bool = False


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
        whole = [hit for hit in _places(joined, words) if len(normalise(hit.words[0])) >= 0.8 * len(joined)]
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
    return LabelEvidence(tuple(hits), found, missing, best, variant)


def _places(token: str, words: Sequence[ReadWord]) -> list[LabelHit]:
    ascii_only = token.isascii()
    hits = []
    for word in words:
        readings = {text: similarity(token, read_token(text, ascii_only)) for text in (word.text, *word.also)}
        text, score = max(readings.items(), key=lambda item: item[1])
        if score >= POSSIBLE:
            hits.append(LabelHit(word.box, score, (text,), word.vertical))
    return hits


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
    return _one_per_line(rarest if variant else marks), variant


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


def _one_per_line(hits: list[LabelHit]) -> list[LabelHit]:
    """Join the parts of one line ("Tim" "Tam") that both matched."""
    kept: list[LabelHit] = []
    for hit in sorted(hits, key=lambda h: (h.box[1], h.box[0])):
        height = hit.box[3] - hit.box[1]
        for i, other in enumerate(kept):
            gap = hit.box[0] - other.box[2]
            if abs(centre(hit.box)[1] - centre(other.box)[1]) < 0.5 * height and -height < gap < 0.5 * height:
                if {normalise(w) for w in hit.words} & {normalise(w) for w in other.words}:
                    continue
                score = max(hit.score, other.score)
                kept[i] = LabelHit(union(hit.box, other.box), score, other.words + hit.words, hit.vertical)
                break
        else:
            kept.append(hit)
    return kept
