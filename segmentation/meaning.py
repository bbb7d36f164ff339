"""Meaning evidence: where the words, or an example, lie on a photo.

The photo is looked at in overlapping square views; what lights up is looked at again from closer, until one
facing is wide enough to be told from the next, the photo has no more pixels, or the budget of views is spent.
All views are fused on one canvas, and its connected components are what meaning alone would count.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from segmentation.checkpoint import Checkpoint, Thresholds
from segmentation.chunks import Chunk, find_chunks
from segmentation.clipseg import Activations, Conditions
from segmentation.components import Component, find_components
from segmentation.fusion import Canvas
from segmentation.geometry import Box, clip, grow, iou
from segmentation.heatmap import HeatMap
from segmentation.views import View, cover, cut, overview

PATCH = 16  # px of the encoder's picture per token, in all CLIPSeg checkpoints
SCANNED = 1  # halvings at which the whole photo is looked at: small packs do not show in the overview
VIEW_BUDGET = 48  # views per photo and target, the overview included
TOKENS_PER_FACING = 4.5  # below about 4 the components of touching packs merge (a synthetic check, docs)
TOKENS_OF_A_BLOCK = 8.0  # a chunk larger than this both ways may be many packs: look once from closer
FACING_OF_HEIGHT = 0.6  # a facing is at most about this wide for its height, so a wide chunk is several
PADDING = 0.25  # of a chunk's side, before the crop is squared by taking more image
CLOSER = 4.0  # weight of a view against one of twice its side
SMALLEST_PART = 0.5  # area in tokens of the overview (chunks) or of the closest view (components)
LEAST_PIXELS = 1.0  # a view this many times the encoder size is the closest: closer ones show no more
SURVEYED = 352  # px of the canvas of a survey: wordings are compared, and nothing is drawn
BATCH = 8  # views decoded together: bounds the logits held at once


class Encoder(Protocol):
    """What this module needs of a ClipSeg."""

    checkpoint: Checkpoint
    size: int

    def text(self, texts: Sequence[str]) -> Conditions:
        """One condition per text."""

    def encode(self, views: NDArray[np.uint8]) -> Activations:
        """Encodes (B, S, S, 3) views."""

    def decode(self, activations: Activations, conditions: Conditions) -> NDArray[np.float32]:
        """Logits (B, P, S, S)."""


@dataclass(frozen=True, eq=False)
class Meaning:
    """What CLIPSeg alone says about one target on one photo."""

    heat: HeatMap
    chunks: tuple[Chunk, ...]
    components: tuple[Component, ...]
    presence: float  # best probability anywhere
    saturated: bool  # views that were wanted were not looked at
    views: int
    seconds: dict[str, float] = field(default_factory=dict)  # by stage


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the photo that is looked at under a wording of its own."""

    box: Box
    conditions: Conditions


def find_meaning(
    engine: Encoder,
    pixels: NDArray[np.uint8],
    conditions: Conditions,
    thresholds: Thresholds | None = None,
    regions: Sequence[Region] = (),
    *,
    packs: bool = True,
) -> Meaning:
    """Looks for one target.

    Args:
        engine: a loaded ClipSeg.
        pixels: (H, W, 3) uint8 RGB, the upright photo.
        conditions: the wordings of the target; a place counts as far as all of them agree on it.
        thresholds: instead of those that came with the checkpoint.
        regions: parts with wordings of their own, which hold instead of `conditions` there.
        packs: whether packs are looked for, which are told apart by their centres when the weights know these.
    """
    cut = thresholds or engine.checkpoint.thresholds
    return _Search(
        engine, pixels, conditions, cut if packs else cut.model_copy(update={"centres": None}), regions
    ).run()


def find_meaning_many(
    engine: Encoder,
    pixels: NDArray[np.uint8],
    targets: Sequence[Conditions],
    thresholds: Thresholds | None = None,
) -> tuple[Meaning, ...]:
    """Looks for several targets on one photo, each with its own wordings.

    Views lie on a lattice, so targets that stand near each other share them: a view is encoded for the first
    and only decoded for the others.
    """
    return tuple(find_meaning(engine, pixels, conditions, thresholds) for conditions in targets)


def survey(engine: Encoder, pixels: NDArray[np.uint8], conditions: Conditions) -> tuple[HeatMap, ...]:
    """The cheap look: one map per condition from the overview alone, to compare wordings before a search."""
    height, width = pixels.shape[:2]
    canvases = [Canvas(width, height, SURVEYED) for _ in conditions.names]
    views = overview(width, height)
    activations = engine.encode(cut_all(engine, pixels, views))
    for view, logits in zip(views, engine.decode(activations, conditions), strict=True):
        for canvas, one in zip(canvases, logits, strict=True):
            canvas.add(view, one)
    return tuple(canvas.heat() for canvas in canvases)


class _Search:
    """One target on one photo: what was looked at so far, and what it showed."""

    def __init__(
        self,
        engine: Encoder,
        pixels: NDArray[np.uint8],
        target: Conditions,
        thresholds: Thresholds,
        regions: Sequence[Region] = (),
    ) -> None:
        self.engine = engine
        self.regions = [(region.box, region.conditions) for region in regions]
        self.pixels = pixels
        self.target = target
        self.thresholds = thresholds
        self.height, self.width = pixels.shape[:2]
        self.canvas = Canvas(self.width, self.height)
        self.centres: tuple[Conditions, Canvas] | None = None
        if thresholds.centres is not None:
            self.centres = engine.text([thresholds.centres.text]), Canvas(self.width, self.height)
        self.looked: dict[View, None] = {}
        self.seconds: dict[str, float] = {}
        self.tokens = engine.size / PATCH

    def run(self) -> Meaning:
        views = overview(self.width, self.height)
        widest = views[0].side
        for side in self._sides(widest)[:SCANNED]:
            views += cover((0, 0, self.width, self.height), side, self.width, self.height)
        saturated = False
        before: tuple[Box, ...] = ()
        chunks: tuple[Chunk, ...] = ()
        while views:
            self._look(views, widest)
            with self._clock("chunks"):
                heat = self.canvas.heat()
                token = widest / self.tokens
                chunks = find_chunks(heat, self.thresholds.look, self.thresholds.grow, SMALLEST_PART * token**2)
                wanted = self._closer(chunks, before)
            room = VIEW_BUDGET - len(self.looked)
            saturated = saturated or len(wanted) > room
            views = wanted[:room]
            before = tuple(chunk.box for chunk in chunks)
        with self._clock("components"):
            token = min(view.side for view in self.looked) / self.tokens
            smallest = SMALLEST_PART * token**2
            if self.centres is not None:
                heat = replace(heat, centres=self.centres[1].heat().logits)
            components = find_components(heat, self.thresholds, token, smallest, self.width, self.height)
        return Meaning(heat, chunks, components, heat.peak, saturated, len(self.looked), dict(self.seconds))

    def _look(self, views: Sequence[View], widest: int) -> None:
        for start in range(0, len(views), BATCH):
            batch = views[start : start + BATCH]
            with self._clock("cut"):
                pictures = cut_all(self.engine, self.pixels, batch)
            with self._clock("encode"):
                activations = self.engine.encode(pictures)
            with self._clock("decode"):
                logits = self.target.agreed(self.engine.decode(activations, self.target))  # (B, S, S)
                for box, conditions in self.regions:
                    windows = [_part(view, box, logits.shape[-1]) for view in batch]
                    if any(windows):
                        other = conditions.agreed(self.engine.decode(activations, conditions))
                        for index, window in enumerate(windows):
                            if window is not None:
                                logits[index][window] = other[index][window]
            with self._clock("fuse"):
                for view, one in zip(batch, logits, strict=True):
                    self.canvas.add(view, one, CLOSER ** np.log2(widest / view.side))
                    self.looked[view] = None
            if self.centres is not None:
                self._find_centres(batch, activations, widest, *self.centres)

    def _find_centres(
        self, views: Sequence[View], activations: Activations, widest: int, asked: Conditions, canvas: Canvas
    ) -> None:
        with self._clock("decode"):
            logits = self.engine.decode(activations, asked)[:, 0]
        with self._clock("fuse"):
            for view, one in zip(views, logits, strict=True):
                canvas.add(view, one, CLOSER ** np.log2(widest / view.side))

    def _closer(self, chunks: Sequence[Chunk], before: Sequence[Box]) -> tuple[View, ...]:
        """The views that chunks ask for and that were not looked at yet, best chunk first."""
        wanted: dict[View, None] = {}
        for chunk in chunks:
            side = self._side_for(chunk, before)
            if side is not None:
                box = clip(grow(chunk.box, PADDING), self.width, self.height)
                wanted.update(dict.fromkeys(cover(box, side, self.width, self.height)))
        return tuple(view for view in wanted if view not in self.looked)

    def _side_for(self, chunk: Chunk, before: Sequence[Box]) -> int | None:
        """From how close a chunk should be looked at next; None when it was seen well enough."""
        x0, y0, x1, y1 = chunk.box
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        seen_from = min(
            view.side for view in self.looked if view.x <= x <= view.x + view.side and view.y <= y <= view.y + view.side
        )
        width, height = x1 - x0, y1 - y0
        facing = min(width, FACING_OF_HEIGHT * height)
        block = min(width, height) * self.tokens / seen_from > TOKENS_OF_A_BLOCK
        unchanged = any(iou(chunk.box, box) > 0.7 for box in before)
        widest = max(view.side for view in self.looked)
        sides = [side for side in self._sides(widest) if side < seen_from]
        if block and not unchanged:
            return sides[0] if sides else None
        if facing * self.tokens / seen_from >= TOKENS_PER_FACING or not sides:
            return None
        return next((side for side in sides if facing * self.tokens / side >= TOKENS_PER_FACING), sides[-1])

    def _sides(self, widest: int) -> list[int]:
        """Halves of the overview's side, as long as the photo has the pixels."""
        side, sides = widest, []
        while side / 2 >= self.engine.size * LEAST_PIXELS and side // 2 <= min(self.width, self.height):
            side //= 2
            sides.append(side)
        return sides

    @contextmanager
    def _clock(self, stage: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begin


def cut_all(engine: Encoder, pixels: NDArray[np.uint8], views: Sequence[View]) -> NDArray[np.uint8]:
    """The views of a photo (H, W, 3) as the encoder takes them, (B, S, S, 3)."""
    form = engine.checkpoint.input
    return np.stack([cut(pixels, view, engine.size, form.mean) for view in views])


def _part(view: View, box: Box, size: int) -> tuple[slice, slice] | None:
    """The pixels of a view's logits (size, size) that a box on the photo covers; None when it covers none."""
    scale = size / view.side
    x0, x1 = (round(min(max((x - view.x) * scale, 0), size)) for x in (box[0], box[2]))
    y0, y1 = (round(min(max((y - view.y) * scale, 0), size)) for y in (box[1], box[3]))
    return (slice(y0, y1), slice(x0, x1)) if x0 < x1 and y0 < y1 else None
