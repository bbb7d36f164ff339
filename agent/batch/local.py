"""The engine on one machine: while one photo is counted, the next are decoded and the last one is drawn.

Memory is bounded by what is in the pipeline: at most `ahead` decoded photos, one in work, and two that are
being drawn, whatever the length of the queue.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

from agent.batch.steps import count, draw
from agent.batch.work import Bench, Finished, Work

_DRAWING = 2


class LocalEngine:
    """Counts in the calling thread, decodes and draws in others."""

    def __init__(self, bench: Bench, ahead: int = 2) -> None:
        self._bench = bench
        self._ahead = ahead

    def work(self, todo: Iterable[Work], started: Callable[[Work], None], stop: Event) -> Iterator[Finished]:
        """See Engine."""
        queue = iter(todo)
        waiting: deque[tuple[Work, Future[Any]]] = deque()
        drawing: deque[Future[Finished]] = deque()
        held: Work | None = None
        with ThreadPoolExecutor(self._ahead) as loaders, ThreadPoolExecutor(1) as drawers:
            while not stop.is_set():
                while len(waiting) < self._ahead:
                    held = held or next(queue, None)
                    busy = waiting or drawing
                    if held is None or (held.alone and busy) or (waiting and waiting[-1][0].alone):
                        break
                    started(held)
                    waiting.append((held, loaders.submit(self._bench.load, held.photo)))
                    held = None
                if waiting:
                    work, loading = waiting.popleft()
                    photo, finished = count(self._bench, work, loading.result)
                    drawing.append(drawers.submit(draw, self._bench, photo, finished))
                elif not drawing:
                    return
                # Nothing left to count, or enough pictures wait: hand the oldest over.
                while drawing and (len(drawing) > _DRAWING or drawing[0].done() or not waiting):
                    yield drawing.popleft().result()
            for _, loading in waiting:
                loading.cancel()
            while drawing:
                yield drawing.popleft().result()
