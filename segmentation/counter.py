"""The counting engine: meaning, label and repetition evidence on one photo, reconciled into instances.

Print decides for a named product, an example decides when one is given, meaning decides for everything else; what the
other evidence says is kept beside the count, and their disagreement becomes the interval.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from segmentation.cache import ByteCache
from segmentation.clipseg import ClipSeg
from segmentation.colour import wears
from segmentation.counted import Counted, Dropped, Evidence, Item, Question
from segmentation.errors import BoxError, CheckpointError, TargetError
from segmentation.finds import Find, Origin, SearchResult, Source
from segmentation.geometry import Box, area, centre, clip, holds
from segmentation.interval import Interval, meaning_interval, search_interval
from segmentation.keypoints import KeypointCache
from segmentation.labels import SMALL_PRINT, LabelReader, Reading, ReadWord
from segmentation.meaning import Meaning, Region, find_meaning
from segmentation.photo import Photo
from segmentation.place import Place, in_row, on_side
from segmentation.print_match import LabelEvidence, find_label
from segmentation.rows import Rows, find_rows
from segmentation.search import PackSearch
from segmentation.target import Target, in_taught_words, parse_target
from segmentation.tuning import tune
from segmentation.vocabulary import names_packs
from segmentation.wording import ScoredWording, agreement, score_wordings

log = logging.getLogger(__name__)

WORD_BYTES = 8 * 2**20
SCORE_BYTES = 2**20  # the last targets of a conversation
NO_LABELS = LabelEvidence((), (), (), 0.0)


class Counter:
    """Counts on photos. Weights and readers are loaded at the first use and kept; safe to share between threads.

    Args:
        checkpoint: shipped name, folder or hub id of the weights; None: the shipped ones.
        load: how weights become an engine; a server hands in one that many callers share.
    """

    def __init__(self, checkpoint: str | None = None, load: Callable[[str | None], ClipSeg] = ClipSeg.load) -> None:
        self._reference = checkpoint
        self._load = load
        self._engine: ClipSeg | None = None
        self._engine_complaint: str | None = None
        self._reader = LabelReader()
        self._keypoints = KeypointCache()
        self._words: ByteCache[Reading] = ByteCache(WORD_BYTES)
        self._scores: ByteCache[tuple[ScoredWording, ...]] = ByteCache(SCORE_BYTES)
        self._lock = threading.Lock()

    def engine(self) -> ClipSeg | None:
        """The vision model; None when the shipped weights cannot be used (the record then says so).

        Raises:
            CheckpointError: weights that the user named cannot be used.
        """
        with self._lock:
            if self._engine is None and self._engine_complaint is None:
                try:
                    self._engine = self._load(self._reference)
                except CheckpointError as error:
                    if self._reference is not None:
                        raise
                    log.info("no meaning evidence: %s", error)
                    self._engine_complaint = str(error)
            return self._engine

    def words(self, photo: Photo) -> tuple[ReadWord, ...]:
        """The words on a photo, read now or before."""
        return self.reading(photo).words

    def reading(self, photo: Photo) -> Reading:
        """The words on a photo, and whether small print was left out."""
        with self._lock:
            known = self._words.get(photo.sha256)
        if known is None:
            known = self._reader.read(photo.pixels)
            with self._lock:
                self._words.put(photo.sha256, known, 200 * len(known.words) + 200)
        return known

    def score_wordings(
        self, photo: Photo, texts: Sequence[str], broader: Sequence[str] = ()
    ) -> tuple[ScoredWording, ...]:
        """How well wordings fit the photo, judged without labels. Empty without a vision model."""
        engine = self.engine()
        if engine is None:
            return ()
        key = (photo.sha256, tuple(texts), tuple(broader))
        with self._lock:
            scored = self._scores.get(key)
        if scored is None:
            scored = score_wordings(engine, photo.pixels, texts, broader)
            with self._lock:
                self._scores.put(key, scored, 1000 * len(scored))
        return scored

    def count(
        self,
        photo: Photo,
        question: Question,
        progress: Callable[[str, float], None] = lambda stage, share: None,
    ) -> Counted:
        """Count on one photo.

        Raises:
            BoxError: an example lies outside its photo.
            TargetError: the target or a place cannot be looked for.
            CheckpointError: weights that the user named cannot be used.
        """
        return _Count(self, photo, question, progress).run()


class _Count:
    """One count in progress."""

    def __init__(
        self, counter: Counter, photo: Photo, question: Question, progress: Callable[[str, float], None]
    ) -> None:
        self._counter, self._photo, self._question, self._progress = counter, photo, question, progress
        self._target = question.target
        self._seconds: dict[str, float] = {}
        self._warnings = list(photo.warnings)
        self._dropped: list[Dropped] = []

    def run(self) -> Counted:
        question, target = self._question, self._target
        sources = [self._source(photo, box) for photo, box in question.examples]
        with self._stage("meaning", 0.1):
            meaning = self._meaning(question.wordings or (target.noun,))
        searched = bool(sources or target.named) and not question.tune
        if searched:
            items, interval, presence, saturated = self._by_search(sources, meaning)
        else:
            items, interval, presence, saturated = self._by_meaning(meaning)
        kept = self._filter(items)
        interval = self._widened(interval.moved(len(items), len(kept)), len(kept), searched)
        return Counted(
            items=tuple(sorted(kept, key=lambda item: (item.box[1], item.box[0]))),
            dropped=tuple(self._dropped),
            interval=interval,
            components=len(meaning.components) if meaning else 0,
            presence=float(np.clip(presence, 0.0, 1.0)),
            saturated=saturated,
            warnings=tuple(dict.fromkeys(self._warnings)),
            seconds={name: round(value, 3) for name, value in self._seconds.items()},
        )

    def _widened(self, interval: Interval, count: int, searched: bool) -> Interval:
        """The interval by as much wider as the weights' calibration found counts by meaning to need."""
        engine = None if searched else self._counter.engine()
        if engine is None or engine.checkpoint.margin is None:
            return interval
        return Interval(*engine.checkpoint.margin.applied(interval.low, interval.high, count))

    @contextmanager
    def _stage(self, name: str, share: float) -> Iterator[None]:
        self._progress(name, share)
        started = time.perf_counter()
        yield
        self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - started

    def _source(self, photo: Photo | None, box: Box | None) -> Source:
        on = photo or self._photo
        box = box or (0, 0, on.width, on.height)
        if not (0 <= box[0] < box[2] <= on.width and 0 <= box[1] < box[3] <= on.height):
            raise BoxError(
                f"the example {list(box)} does not lie on {on.name} ({on.width} x {on.height} px): "
                "give x0,y0,x1,y1 with x0 < x1 and y0 < y1"
            )
        if min(box[2] - box[0], box[3] - box[1]) < 8:
            raise BoxError(f"the example {list(box)} is under 8 px wide or high: draw it around a whole item")
        if photo is None or photo.sha256 == self._photo.sha256:
            return Source(box, Origin.USER)
        return Source(box, Origin.USER, photo.pixels, photo.sha256, self._counter.words(photo))

    def _meaning(self, wordings: Sequence[str]) -> Meaning | None:
        engine = self._counter.engine()
        if engine is None:
            self._warnings.append(
                "no usable segmentation weights: counted from labels and repetition alone (see shelf doctor)"
            )
            return None
        packs = names_packs(self._target.noun)
        if self._question.tune:
            own = [
                box
                for photo, box in self._question.examples
                if box and (photo is None or photo.sha256 == self._photo.sha256)
            ]
            if not own:
                raise TargetError("fitting the words needs an example on the photo itself: give a box around one item")
            if self._target.colours:
                self._warnings.append(
                    "fitting to an example counts things of one colour less well than the words do: try it without"
                )
            fitted = tune(engine, self._photo.pixels, own, engine.text(list(wordings)))
            return find_meaning(engine, self._photo.pixels, fitted, packs=packs)
        broader = self._question.broader
        regions = [Region(box, agreement(engine, (wordings[0], text), broader)) for box, text in self._question.regions]
        wanted = agreement(engine, wordings, broader)
        return find_meaning(engine, self._photo.pixels, wanted, regions=regions, packs=packs)

    def _by_search(
        self, sources: Sequence[Source], meaning: Meaning | None
    ) -> tuple[list[Item], Interval, float, bool]:
        target = self._target
        with self._stage("labels", 0.4):
            words = self._counter.words(self._photo)
            label = find_label(target, words) if target.named else NO_LABELS
        if not sources and not label.hits:
            self._warnings.append(f"no label on the photo reads {' '.join(target.brand)!r}")
            if self._counter.reading(self._photo).left_out:
                self._warnings.append(SMALL_PRINT)
            return [], Interval(0, 0), label.presence, False
        with self._stage("repetition", 0.6):
            search = PackSearch(
                self._photo.pixels,
                self._photo.sha256,
                words,
                label,
                self._counter._keypoints,
                self._counter._reader.recognise,
                coloured=bool(target.colours) and bool(sources),
            )
            result = search.run(sources)
        # An example shows its colour; without one the name of the colour has to do.
        found = list(result.found) if sources else self._of_colour(result)
        items = [self._item(find, meaning) for find in found]
        for find in result.rejected:
            if find.contradiction is not None:
                self._drop(find.box, _squash(find.strength), f"its label reads {find.contradiction!r}")
        presence = max([label.presence, *(item.score for item in items)])
        interval = search_interval(found, result.rejected)
        if label.unread and not sources:
            self._warnings.append(
                f"{' '.join(label.unread)!r} is read nowhere: all {' '.join(target.brand)} packs are counted; "
                "an example box (--like) tells the variant apart"
            )
            interval = Interval(0, interval.high)
        return items, interval, presence, result.saturated

    def _of_colour(self, result: SearchResult) -> list[Find]:
        """Finds that wear the target's colour, where it names one."""
        if not self._target.colours:
            return list(result.found)
        kept = []
        for find in result.found:
            if wears(self._photo.pixels, find.box, self._target.colours, self._target.part):
                kept.append(find)
            else:
                self._drop(find.box, _squash(find.strength), f"not {' '.join(self._target.colours)}")
        return kept

    def _item(self, find: Find, meaning: Meaning | None) -> Item:
        evidence: list[Evidence] = []
        if meaning is not None and meaning.heat.score(find.box) >= 0.4:
            evidence.append("meaning")
        if find.hit is not None:
            evidence.append("label")
        if find.repeated:
            evidence.append("repetition")
        score = _squash(find.strength) if find.repeated else find.strength
        if find.repeated and find.hit is not None:
            score = max(score, find.hit.score)
        return Item(find.box, float(np.clip(score, 0, 1)), tuple(evidence))

    def _by_meaning(self, meaning: Meaning | None) -> tuple[list[Item], Interval, float, bool]:
        if meaning is None:
            self._warnings.append("without them only named products and examples can be counted")
            return [], Interval(0, 0), 0.0, False
        scale = meaning.heat.scale
        items = []
        for component in meaning.components:
            box = clip(component.box, self._photo.width, self._photo.height)
            if area(box) == 0:
                continue
            if self._target.colours and not wears(self._photo.pixels, box, self._target.colours, self._target.part):
                self._drop(box, component.score, f"not {' '.join(self._target.colours)}")
                continue
            items.append(
                Item(
                    box,
                    float(component.score),
                    ("meaning",),
                    component.mask_over(box, scale),
                )
            )
        return items, meaning_interval(meaning, len(items)), meaning.presence, meaning.saturated

    def _filter(self, items: Sequence[Item]) -> list[Item]:
        """Exclusions, then places; what goes is kept with its reason."""
        kept = list(items)
        for target in self._question.exclude:
            kept = self._without(kept, target)
        row = self._question.row if self._question.row is not None else self._target.row
        if row is not None:
            with self._stage("rows", 0.9):
                rows = find_rows(self._photo.pixels)
            kept = self._on_row(kept, rows, row)
        for place in self._question.places:
            kept = self._at(kept, place)
        return kept

    def _without(self, items: Sequence[Item], target: Target) -> list[Item]:
        words = self._counter.words(self._photo)
        label = find_label(target, words) if target.named else NO_LABELS
        rival = self._rival(target) if not target.named and not target.colours else None
        kept = []
        for item in items:
            printed = any(holds(item.box, centre(hit.box)) for hit in label.hits)
            coloured = bool(target.colours) and wears(self._photo.pixels, item.box, target.colours, target.part)
            shaped = rival is not None and rival.heat.score(item.box) > max(item.score, 0.5)
            if printed or shaped or (coloured and not target.named):
                self._drop(item.box, item.score, f"excluded: {target.text}")
            else:
                kept.append(item)
        return kept

    def _rival(self, target: Target) -> Meaning | None:
        engine = self._counter.engine()
        return find_meaning(engine, self._photo.pixels, engine.text([in_taught_words(target)])) if engine else None

    def _on_row(self, items: Sequence[Item], rows: Rows, row: int) -> list[Item]:
        wanted = row if row > 0 else len(rows) + 1 + row
        if not 1 <= wanted <= len(rows):
            self._warnings.append(f"shelf {row} was asked for; {len(rows)} shelves were found")
        kept = []
        for item in items:
            if in_row(item.box, rows, wanted):
                kept.append(item)
            else:
                self._drop(item.box, item.score, f"on shelf {rows.of(item.box)}")
        return kept

    def _at(self, items: Sequence[Item], place: Place) -> list[Item]:
        anchors: tuple[Box, ...] = ()
        if place.reference is not None:
            other = Question(parse_target(place.reference))
            counted = self._counter.count(self._photo, other)
            anchors = tuple(item.box for item in counted.items)
            if not anchors:
                self._warnings.append(f"{place.reference!r} was not found, so nothing is {place.relation} it")
        elif place.needs_reference:
            raise TargetError(f"{place.relation!r} needs the thing that it refers to")
        size = (self._photo.width, self._photo.height)
        kept = []
        for item in items:
            if on_side(item.box, place.relation, anchors, size):
                kept.append(item)
            else:
                self._drop(item.box, item.score, f"not {place.text}")
        return kept

    def _drop(self, box: Box, score: float, reason: str) -> None:
        self._dropped.append(Dropped(box, float(np.clip(score, 0, 1)), reason))


def _squash(strength: float) -> float:
    return float(1 / (1 + np.exp(-strength)))
