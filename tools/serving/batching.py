"""One encoder for many callers: the views that wait while it computes go through it together next.

Nobody waits for company: a lone caller is served at once. Who finds the encoder free takes everything that
waits, in the order of arrival, encodes it in one batch, and hands every caller its own part.
"""

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segmentation.clipseg import Activations, ClipSeg

MOST_VIEWS = 16  # in one batch of several callers: bounds how long the last of them waits for the others


@dataclass(eq=False)
class _Waiting:
    views: NDArray[np.uint8]  # (B, S, S, 3)
    done: threading.Event = field(default_factory=threading.Event)
    result: Activations | None = None
    error: BaseException | None = None


class SharedClipSeg(ClipSeg):
    """A ClipSeg whose `encode` gathers the views of all threads that call it."""

    _queue: list[_Waiting]
    _gate: threading.Lock
    _computing: threading.Lock
    batches: int
    shared_batches: int

    def __new__(cls, *_: object, **__: object) -> "SharedClipSeg":
        """Add what sharing needs, so that every way to load a ClipSeg loads a shared one."""
        engine = super().__new__(cls)
        engine._queue, engine._gate, engine._computing = [], threading.Lock(), threading.Lock()
        engine.batches = engine.shared_batches = 0
        return engine

    def encode(self, views: NDArray[np.uint8]) -> Activations:
        """Encodes (B, S, S, 3) views, together with those of other callers where there are any."""
        mine = _Waiting(views)
        with self._gate:
            self._queue.append(mine)
        while not mine.done.is_set():
            # Either this thread computes, or another does and may take these views along.
            with self._computing:
                if not mine.done.is_set():
                    self._compute(self._take())
        if mine.error is not None:
            raise mine.error
        assert mine.result is not None
        return mine.result

    def _take(self) -> list[_Waiting]:
        """The callers at the head of the queue whose views fit one batch; one at least."""
        with self._gate:
            taken: list[_Waiting] = []
            total = 0
            while self._queue and (not taken or total + len(self._queue[0].views) <= MOST_VIEWS):
                total += len(self._queue[0].views)
                taken.append(self._queue.pop(0))
            return taken

    def _compute(self, taken: list[_Waiting]) -> None:
        try:
            together = super().encode(np.concatenate([each.views for each in taken]))
            start = 0
            for each in taken:
                end = start + len(each.views)
                each.result = Activations(together.reduced[:, start:end])
                start = end
        except BaseException as error:  # each caller gets it: none may wait for ever
            if len(taken) > 1:  # one caller's fault must not become the others'
                for each in taken:
                    self._compute([each])
                return
            taken[0].error = error
        self.batches += 1
        self.shared_batches += len(taken) > 1
        for each in taken:
            each.done.set()
