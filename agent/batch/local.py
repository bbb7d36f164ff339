"""The engine on one machine: while some photos are counted, the next are decoded and the last ones drawn.

Several photos are counted at once, so that their views share encoder batches (`segmentation/sharing.py`) and one is
encoded while another's maps are fused. Memory is bounded by what is in the pipeline: `ahead` decoded photos, `lanes`
in work, and three that are being drawn, whatever the length of the queue.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from threading import Event
from typing import Any

from agent.batch.steps import count, draw
from agent.batch.work import LANES, Bench, Finished, Work

_DRAWING = 2


class LocalEngine:
    """Decodes, counts and draws, each in threads of its own.

    Args:
        bench: what works on the photos.
        ahead: photos decoded before they are needed.
        lanes: photos counted at once.
    """

    def __init__(self, bench: Bench, ahead: int = 2, lanes: int = LANES) -> None:
        self._bench = bench
        self._ahead = ahead
        self._lanes = lanes

    def work(self, todo: Iterable[Work], started: Callable[[Work], None], stop: Event) -> Iterator[Finished]:
        """See Engine."""
        with (
            ThreadPoolExecutor(1) as drawers,
            ThreadPoolExecutor(self._lanes) as counters,
            ThreadPoolExecutor(self._ahead) as loaders,
        ):
            try:
                yield from self._flow(iter(todo), started, stop, loaders, counters, drawers)
            except BaseException:  # a second Ctrl-C: what is being counted is not waited for to its end
                self._bench.give_up()
                raise

    def _flow(
        self,
        queue: Iterator[Work],
        started: Callable[[Work], None],
        stop: Event,
        loaders: ThreadPoolExecutor,
        counters: ThreadPoolExecutor,
        drawers: ThreadPoolExecutor,
    ) -> Iterator[Finished]:
        held: Work | None = None
        alone = False  # whether what is in work must stay by itself
        loading: deque[tuple[Work, Future[Any]]] = deque()
        counting: set[Future[Any]] = set()
        drawing: deque[Future[Finished]] = deque()
        while True:
            while len(loading) + len(counting) < self._ahead + self._lanes and not stop.is_set():
                held = held or next(queue, None)
                if held is None or ((loading or counting or drawing) and (alone or held.alone)):
                    break
                alone = held.alone
                started(held)
                loading.append((held, loaders.submit(self._bench.load, held.photo)))
                held = None
            while loading and len(counting) < self._lanes and not stop.is_set():
                work, loaded = loading.popleft()
                counting.add(counters.submit(count, self._bench, work, loaded.result))
            if counting:
                # A drawn photo is handed over at once too: what a kill finds in work is done again.
                done, _ = wait([*counting, *islice(drawing, 1)], return_when=FIRST_COMPLETED)
                drawing.extend(drawers.submit(draw, self._bench, *each.result()) for each in done & counting)
                counting -= done
            elif not drawing:
                return
            # Nothing is being counted, or enough pictures wait: hand the oldest over.
            while drawing and (len(drawing) > _DRAWING or drawing[0].done() or not counting):
                yield drawing.popleft().result()
