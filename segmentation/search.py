"""Finding all packs of one product: examples vote, likeness judges, print confirms or contradicts, and finds grow.

A few sure finds vote as well, so a product is followed through slow changes of view and light; likeness is always to
the first example. Label hits that no copy explains become examples of their own: a brand has more than one variant.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from segmentation.extent import pack_extent
from segmentation.finds import (
    EVIDENT_COPY,
    HOPELESS,
    SURE,
    Find,
    Origin,
    SearchResult,
    Source,
    between_read,
    colour_of_confirmed,
    cut,
    distinct,
    is_itself,
    merge,
    one_find_a_hit,
    same_pack,
    strength,
)
from segmentation.geometry import Box, Point, area, centre, clip, holds
from segmentation.keypoints import Floats, KeypointCache, Keypoints, working_scale
from segmentation.labels import ReadWord
from segmentation.likeness import LikenessTo
from segmentation.print_match import LabelEvidence, LabelHit, read_token, similarity
from segmentation.repetition import MIN_VOTES, Peak, cast_votes, chance_level, find_peaks, make_example
from segmentation.reread import Recogniser, Reread, WordCheck
from segmentation.rows import Rows, find_rows
from segmentation.word_look import WordLook

MAX_EXAMPLES = 10
JUDGED = 120  # strongest peaks of an example that are compared cell by cell
LABEL_SURE, LABEL_HOPELESS = 2.0, 0.0  # the same for the window about a word, which is no whole pack
VARIANT_COLOUR = 12.0  # CIELAB; a colour further from the example's is another variant, where variants are asked for
EVIDENT = 1.2  # times the chance level from which a peak is no chance, whatever it is
SCOUTS = 2  # finds of one example that serve as examples themselves
CONFIRMED_AT_LEAST = -2.0  # strength from which a copy counts when the target's word is read on it
SURE_WORD = 0.85  # confidence from which a word read on the photo is taken for one
REREAD_FROM = -0.5  # strength from which a copy is worth another reading
REREAD_MOST = 24  # copies of an example that are read again
SAME_LOOK = 0.65  # correlation from which an unread word may be the example's
SURELY_SAME_LOOK = 0.75  # from which it is, on a copy that is sure otherwise
HIT_NEAR = 0.35  # of the example's shorter side: how far a copy's word may lie from where the example has it


class PackSearch:
    """Searches one photo for one product.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        sha256: identity of the photo, for the keypoint cache.
        words: what is read on the photo.
        label: where the target is read, and which of its words.
        recognise: reads a word again where a copy should have it; None: what was read at first has to do.
        coloured: whether the target names a colour: then a copy of another colour is another product.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        sha256: str,
        words: Sequence[ReadWord],
        label: LabelEvidence,
        cache: KeypointCache,
        recognise: Recogniser | None = None,
        coloured: bool = False,
    ) -> None:
        self._pixels, self._sha256, self._cache = pixels, sha256, cache
        self._height, self._width = pixels.shape[:2]
        self._words, self._tokens, self._hits = tuple(words), label.found, label.hits
        self._variant, self._coloured = label.variant, coloured
        self._recognise = recognise
        self._rows: Rows | None = None
        self._tried: set[Box] = set()  # hits that were examples already
        self._explained: set[Box] = set()  # of these, those that found their own pack, be it one that was known before
        self._reread_before: dict[tuple[int, int, int, int], Reread] = {}
        self._shown = False  # whether the user gave an example
        self._brand_only = bool(label.unread)

    def run(self, examples: Sequence[Source]) -> SearchResult:
        """Search from the given examples, then from label hits that they do not explain."""
        queue = list(examples)
        self._shown = bool(examples)
        found: list[Find] = []
        rejected: list[Find] = []
        used = 0
        while used < MAX_EXAMPLES:
            source = queue.pop(0) if queue else self._next_label(found)
            if source is None:
                break
            accepted, refused = self._copies(source)
            if source.origin is Origin.LABEL:
                whole = self._grown(source, accepted)
                if whole.box != source.box:
                    source = whole
                    accepted, refused = self._copies(source)
            new = merge(found, accepted)
            self._explain(accepted)
            scouts = self._scouts(new)[: max(0, MAX_EXAMPLES - used - 1)]
            for scout in scouts:
                further, _ = self._copies(source, scout)
                merge(found, further)
            rejected.extend(refused)
            used += 1 + len(scouts)
        for hit in self._uncovered(found):
            found.append(Find(self._pack_box(hit, found), hit.score, 0, None, hit=hit))
        left = [find for find in rejected if not any(same_pack(find.box, other.box) for other in found)]
        return SearchResult(tuple(found), distinct(left), bool(queue))

    def _copies(self, root: Source, scout: Find | None = None) -> tuple[list[Find], list[Find]]:
        """Copies of the root example, voted for by it or by a scout, which is a sure copy of it.

        Votes of a scout reach where view or light differ from the root's; likeness is always to the root, so a chain
        of scouts cannot drift to another product.
        """
        box = root.box if scout is None else scout.box
        photo = self._keypoints(self._sha256, self._pixels, box)
        foreign = root.pixels is not None and root.sha256 is not None
        if scout is None and root.pixels is not None and root.sha256 is not None:
            own = self._keypoints(root.sha256, root.pixels, box)
        else:
            own = photo
        example = make_example(box, own)
        if not len(example.indices):
            return [], []
        votes = cast_votes(example, photo)
        own_place = [] if foreign and scout is None else [box]
        chance = chance_level(votes, photo, own_place)
        peaks = find_peaks(votes, photo, max(MIN_VOTES, int(0.3 * chance)))
        evident = [peak.box for peak in peaks if peak.votes > EVIDENT * chance]
        chance = min(chance, chance_level(votes, photo, own_place + evident))
        source_pixels = self._pixels if root.pixels is None else root.pixels
        judge = LikenessTo(source_pixels, root.box, self._pixels)
        printed = self._printed(root.box, root.words if foreign else self._words)
        mark, reach = centre(root.box), float("inf")
        own_hit = None if foreign else self._hit_in(root.box, mark)
        if own_hit is not None:
            mark, reach = centre(own_hit.box), HIT_NEAR * min(root.box[2] - root.box[0], root.box[3] - root.box[1])
        check = self._word_check(root, own_hit)
        finds = []
        for peak in peaks[:JUDGED]:
            if scout is not None and scout.transform is not None:
                peak = replace(peak, transform=_then(scout.transform, peak.transform))
            find = self._judge(peak, chance, judge, printed, mark, reach)
            if find is not None:
                finds.append(find)
        if check is not None and own_hit is not None:
            finds = self._reread(finds, check, own_hit)
        if own_hit is not None and root.origin is not Origin.USER:
            finds = self._looked_at(finds, WordLook(self._pixels, own_hit.box, self._pixels))
        return self._decide(finds, root.origin, sure_only=scout is not None)

    def _grown(self, window: Source, copies: Sequence[Find]) -> Source:
        """The pack around a word's window, as its copies show it."""
        clear = [find for find in copies if find.hit is not None or find.strength >= EVIDENT_COPY]
        clear = sorted((find for find in clear if not is_itself(find)), key=lambda find: -find.strength)
        others = [centre(hit.box) for hit in self._hits] + [find.centre for find in copies]
        transforms = [find.transform for find in clear if find.transform is not None]
        if self._rows is None:
            self._rows = find_rows(self._pixels)
        shelf = self._rows.span(window.box)
        box = pack_extent(self._pixels, window.box, transforms, others, shelf)
        return replace(window, box=box, origin=Origin.PACK)

    def _beside_print(self, find: Find) -> bool:
        """Whether a find lies above or below a word of the target, on the same pack."""
        x, y = find.centre
        half_width, reach = (find.box[2] - find.box[0]) / 2, 0.7 * (find.box[3] - find.box[1])
        places = (centre(hit.box) for hit in self._hits)
        return any(abs(hx - x) < half_width and abs(hy - y) < reach for hx, hy in places)

    def _keypoints(self, sha256: str, pixels: NDArray[np.uint8], box: Box) -> Keypoints:
        return self._cache.get(sha256, pixels, working_scale(box, pixels.shape[1], pixels.shape[0]))

    def _judge(
        self,
        peak: Peak,
        chance: float,
        judge: LikenessTo,
        printed: Sequence[tuple[str, Box]],
        mark: Point,
        reach: float,
    ) -> Find | None:
        """Judge one peak; `mark` is where the example has its word, or its middle, `reach` how far that may be off."""
        box = clip(peak.box, self._width, self._height)
        if area(box) < 0.25 * max(1, area(peak.box)):
            return None  # three quarters of it would lie outside the photo
        likeness = judge.at(peak.transform)
        value = strength(peak.votes, chance, likeness)
        x, y = peak.transform[:, :2] @ np.array(mark) + peak.transform[:, 2]
        hit = self._hit_in(box, (float(x), float(y)), reach * peak.scale)
        contradiction = self._contradiction(peak, printed) if hit is None else None
        return Find(box, value, peak.votes, likeness, peak.transform, hit, contradiction)

    def _decide(self, finds: Sequence[Find], origin: Origin, sure_only: bool) -> tuple[list[Find], list[Find]]:
        finds = one_find_a_hit(finds)
        strengths = [find.strength for find in finds if find.contradiction is None]
        if sure_only or self._variant:
            level = EVIDENT_COPY
        elif origin is Origin.LABEL:
            # A window about a word is no whole pack: its copies must be clearer, and not lie on a pack that was read.
            finds = [find for find in finds if find.hit is not None or not self._beside_print(find)]
            level = cut(strengths, LABEL_SURE, LABEL_HOPELESS)
        else:
            level = cut(strengths)
        # Windows about words are small and their colours stray more than those of whole packs.
        strays = colour_of_confirmed(finds) if origin is Origin.USER else float("inf")
        accepted: list[Find] = []
        refused: list[Find] = []
        for find in finds:
            confirmed = find.hit is not None
            needed = CONFIRMED_AT_LEAST if confirmed and not sure_only and not self._brand_only else level
            if find.look is not None and find.look >= SURELY_SAME_LOOK:
                needed = min(needed, SURE)
            allowed = VARIANT_COLOUR if self._coloured or (self._variant and not confirmed) else float("inf")
            allowed = allowed if confirmed else min(allowed, strays)
            other_colour = find.likeness is not None and find.likeness.colour > allowed
            other_look = find.look is not None and find.look < SAME_LOOK and not between_read(find, finds)
            counts = find.contradiction is None and find.strength >= needed and not other_colour and not other_look
            (accepted if counts else refused).append(find)
        return accepted, refused

    def _printed(self, box: Box, words: Sequence[ReadWord]) -> list[tuple[str, Box]]:
        """The words of an example that a copy must not contradict: the target's, or with no text all sure ones."""
        inside = [word for word in words if holds(box, centre(word.box))]
        printed = []
        for word in inside:
            token = read_token(word.text, ascii_only=False)
            if self._tokens:
                best = max(self._tokens, key=lambda wanted: similarity(wanted, token))
                if similarity(best, token) >= 0.8:
                    printed.append((best, word.box))
            elif word.score >= 0.9 and len(token) >= 4:
                printed.append((token, word.box))
        return printed

    def _contradiction(self, peak: Peak, printed: Sequence[tuple[str, Box]]) -> str | None:
        """What is read on a copy at the place of an example's word, when it is surely another word."""
        for token, box in printed:
            x, y = peak.transform[:, :2] @ np.array(centre(box)) + peak.transform[:, 2]
            half_width, half_height = (box[2] - box[0]) * peak.scale / 2, (box[3] - box[1]) * peak.scale / 2
            for word in self._words:
                wx, wy = centre(word.box)
                if abs(wx - x) > 0.6 * half_width or abs(wy - y) > 0.7 * half_height:
                    continue
                readings = [
                    read_token(text, token.isascii()) for text in (word.text, *(reading.text for reading in word.also))
                ]
                wanted = (token, *self._tokens)
                likely = max(similarity(want, reading) for reading in readings for want in wanted)
                longest = max(readings, key=len)
                if likely < 0.5 and word.score >= 0.75 and len(longest) >= max(4, 0.6 * len(token)):
                    return word.text
        return None

    def _word_check(self, root: Source, own_hit: LabelHit | None) -> WordCheck | None:
        """Reads the example's own word again on copies; None where the example has none that can be read so."""
        if self._recognise is None or own_hit is None or not own_hit.token:
            return None
        source = self._pixels if root.pixels is None else root.pixels
        check = WordCheck(self._recognise, source, own_hit.token, own_hit.box, self._pixels, self._other_words())
        return check if check.usable else None

    def _reread(self, finds: Sequence[Find], check: WordCheck, word: LabelHit) -> list[Find]:
        """Finds without a word, read again where it should be: confirmed, contradicted, or as they were."""
        open_ones = [f for f in finds if f.hit is None and f.transform is not None and f.strength > REREAD_FROM]
        open_ones = sorted((f for f in open_ones if not is_itself(f)), key=lambda f: -f.strength)
        new = [f for f in open_ones if self._spot(f) not in self._reread_before][:REREAD_MOST]
        verdicts = check.at([find.transform for find in new if find.transform is not None])
        self._reread_before |= {self._spot(find): verdict for find, verdict in zip(new, verdicts, strict=True)}
        return [self._with_verdict(find, word) for find in finds]

    def _with_verdict(self, find: Find, word: LabelHit) -> Find:
        verdict = self._reread_before.get(self._spot(find)) if find.hit is None else None
        if verdict is None or verdict.verdict == "unclear" or find.transform is None:
            return find
        if verdict.verdict == "same":
            hit = LabelHit(_moved(word.box, find.transform), 1.0, word.token)
            return replace(find, hit=hit, contradiction=None)
        return replace(find, contradiction=verdict.text)

    def _looked_at(self, finds: Sequence[Find], word: WordLook) -> list[Find]:
        """Finds that may count although their word was not read, with how much it looks like the example's."""
        return [
            replace(find, look=word.at(find.transform))
            if word.usable and find.hit is None and find.transform is not None and find.strength > HOPELESS
            else find
            for find in finds
        ]

    @staticmethod
    def _spot(find: Find) -> tuple[int, int, int, int]:
        """Where a find lies, coarsely: a scout comes to the same places as its root."""
        side = max(4, (find.box[2] - find.box[0]) // 8)
        return (find.box[0] // side, find.box[1] // side, find.box[2] // side, find.box[3] // side)

    def _other_words(self) -> list[str]:
        """Words that are surely read on the photo and are none of the target's."""
        sure = {read_token(word.text, ascii_only=False) for word in self._words if word.score >= SURE_WORD}
        return [word for word in sure if len(word) >= 4 and all(similarity(t, word) < 0.5 for t in self._tokens)]

    def _hit_in(self, box: Box, point: Point, reach: float = float("inf")) -> LabelHit | None:
        """The hit in a box that lies nearest to where the word is expected: boxes of neighbours overlap."""

        def off(hit: LabelHit) -> float:
            return float(np.hypot(*np.subtract(centre(hit.box), point)))

        inside = [hit for hit in self._hits if holds(box, centre(hit.box)) and off(hit) <= reach]
        return min(inside, key=off, default=None)

    def _scouts(self, new: Sequence[Find]) -> list[Find]:
        """The finds that serve as examples: the weakest of the sure ones reach furthest."""
        sure = [find for find in new if find.strength >= EVIDENT_COPY and not is_itself(find)]
        return sorted(sure, key=lambda find: find.strength)[:SCOUTS]

    def _uncovered(self, found: Sequence[Find]) -> list[LabelHit]:
        """Hits on no pack found. None where an example shows a colour or detail that the hits do not tell apart."""
        if self._coloured or (self._brand_only and self._shown):
            return []
        open_ones = [hit for hit in self._hits if hit.box not in self._explained]
        return [hit for hit in open_ones if not any(holds(find.box, centre(hit.box)) for find in found)]

    def _explain(self, accepted: Sequence[Find]) -> None:
        """Note the examples that were found again: their packs are known, though perhaps by another box."""
        for hit in self._hits:
            if hit.box in self._tried and any(holds(find.box, centre(hit.box)) for find in accepted):
                self._explained.add(hit.box)

    def _next_label(self, found: Sequence[Find]) -> Source | None:
        """The surest label hit that no find explains, as an example."""
        left = [hit for hit in self._uncovered(found) if hit.box not in self._tried]
        if not left:
            return None
        # A window cut off by the frame is off its pack's middle, and so would be the boxes of all copies.
        best = max(left, key=lambda hit: (self._whole(hit), hit.score, area(hit.box)))
        self._tried.add(best.box)
        return Source(self._pack_box(best, found), Origin.LABEL)

    def _whole(self, hit: LabelHit) -> bool:
        """Whether the window about a word lies on the photo with all its width."""
        x0, _, x1, _ = word_window(hit, self._hits)
        return x0 >= 0 and x1 <= self._width

    def _pack_box(self, hit: LabelHit, found: Sequence[Find]) -> Box:
        """The pack around a word: placed as on the packs found, else a window about the word."""
        placed = [find for find in found if find.hit is not None and find.repeated]
        if placed:
            like = min(placed, key=lambda f: abs(f.centre[1] - centre(hit.box)[1]))
            assert like.hit is not None
            (hx, hy), (wx, wy) = centre(hit.box), centre(like.hit.box)
            dx, dy = hx - wx, hy - wy
            box = tuple(round(v + d) for v, d in zip(like.box, (dx, dy, dx, dy), strict=True))
            return clip((box[0], box[1], box[2], box[3]), self._width, self._height)
        return clip(word_window(hit, self._hits), self._width, self._height)


def word_window(hit: LabelHit, hits: Sequence[LabelHit]) -> Box:
    """The part of a pack that surely belongs to a word on it: at most half-way to the same word on its neighbours."""
    x, y = centre(hit.box)
    length = max(hit.box[2] - hit.box[0], hit.box[3] - hit.box[1])
    half_width, half_height = 0.8 * length, 0.95 * length
    for other in hits:
        if other.box == hit.box:
            continue
        ox, oy = centre(other.box)
        dx, dy = abs(ox - x), abs(oy - y)
        if dx >= dy and dy < half_height and dx > 0.4 * length:
            half_width = min(half_width, dx / 2)
        elif dy > dx and dx < half_width and dy > 0.3 * length:
            half_height = min(half_height, dy / 2)
    return (round(x - half_width), round(y - half_height), round(x + half_width), round(y + half_height))


def _then(first: Floats, second: Floats) -> Floats:
    """The (2, 3) map that applies `first`, then `second`."""
    linear = second[:, :2] @ first[:, :2]
    return np.column_stack([linear, second[:, :2] @ first[:, 2] + second[:, 2]]).astype(np.float32)


def _moved(box: Box, transform: Floats) -> Box:
    """The upright box of the same size, scaled, around where a (2, 3) similarity brings its middle."""
    x, y = transform[:, :2] @ np.array(centre(box)) + transform[:, 2]
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    half_width, half_height = (box[2] - box[0]) * scale / 2, (box[3] - box[1]) * scale / 2
    return (round(x - half_width), round(y - half_height), round(x + half_width), round(y + half_height))
