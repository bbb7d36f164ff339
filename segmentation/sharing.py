"""One encoder for many callers: the views that wait while it computes go through it together next.

The callers are the clients of a server, or the photos that a batch counts at once. Nobody waits for company: a lone
caller is served at once. Who finds the encoder free takes everything that waits, in the order of arrival, encodes it
in one batch, and hands every caller its own part.
"""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.clipseg import Activations, ClipSeg

# Views in one batch of several callers. On a CPU four go as fast as any number (docs/reliability.md), and more
# would only make the first of the callers wait for the last; a GPU is not full before.
MOST_ON_CPU = 4
MOST_ELSEWHERE = 16


@dataclass(eq=False)
class _Waiting:
    views: NDArray[np.uint8]  # (B, S, S, 3)
    result: Activations | None = None
    error: Exception | None = None

    @property
    def served(self) -> bool:
        return self.result is not None or self.error is not None


class SharedClipSeg(ClipSeg):
    """A ClipSeg whose `encode` gathers the views of all threads that call it."""

    _queue: list[_Waiting]
    _changed: threading.Condition
    _computing: bool
    batches: int

    def __new__(cls, *_: object, **__: object) -> "SharedClipSeg":
        """Add what sharing needs, so that every way to load a ClipSeg loads a shared one."""
        engine = super().__new__(cls)
        engine._queue, engine._changed, engine._computing = [], threading.Condition(), False
        engine.batches = 0
        return engine

    def encode(self, views: NDArray[np.uint8]) -> Activations:
        """Encodes (B, S, S, 3) views, together with those of other callers where there are any."""
        mine = _Waiting(views)
        with self._changed:
            self._queue.append(mine)
        while not mine.served:
            with self._changed:
                self._changed.wait_for(lambda: mine.served or not self._computing)
                if mine.served:
                    break
                self._computing = True
                taken = self._take()
            try:
                self._compute(taken)
            finally:
                with self._changed:
                    self._computing = False
                    self._changed.notify_all()
        if mine.error is not None:
            raise mine.error
        assert mine.result is not None
        return mine.result

    def _take(self) -> list[_Waiting]:
        """The callers at the head of the queue whose views fit one batch; one at least."""
        taken: list[_Waiting] = []
        total, most = 0, MOST_ON_CPU if self.device.name == "cpu" else MOST_ELSEWHERE
        while self._queue and (not taken or total + len(self._queue[0].views) <= most):
            total += len(self._queue[0].views)
            taken.append(self._queue.pop(0))
        return taken

    def _compute(self, taken: list[_Waiting]) -> None:
        self.batches += 1
        try:
            together = super().encode(np.concatenate([each.views for each in taken]))
        except Exception as error:  # whatever it is, it belongs to the caller whose views it was
            if len(taken) == 1:
                taken[0].error = error
            else:
                for each in taken:
                    self._compute([each])
            return
        start = 0
        for each in taken:
            end = start + len(each.views)
            each.result = Activations(together.reduced[:, start:end], together.keys[start:end])
            start = end
