"""How long a plan will take, from counting on a few of its own photos."""

import time
from collections.abc import Callable

from agent.batch.plan import Group, Plan
from agent.batch.work import Bench
from segmentation.errors import ShelfError


def estimate_seconds(
    plan: Plan, bench: Bench, sample: int, clock: Callable[[], float] = time.perf_counter
) -> float | None:
    """Seconds for the whole plan on this machine; None when no photo of the sample could be read.

    The photos are spread evenly over the plan. The first is done twice and timed the second time: loading the
    model is no part of the pace.
    """
    groups = plan.groups[:: -(-len(plan.groups) // sample)]
    timed = [seconds for group in (groups[0], *groups) if (seconds := _timed(group, bench, clock)) is not None]
    if not timed:
        return None
    warm = timed[1:] or timed
    asked = sum(len(group.asks) for group in groups) / len(groups)
    return sum(warm) / len(warm) / asked * plan.tasks


def _timed(group: Group, bench: Bench, clock: Callable[[], float]) -> float | None:
    began = clock()
    try:
        photo = bench.load(group.photo)
    except ShelfError:
        return None
    for outcome in bench.run(photo, [ask.call for ask in group.asks]):
        bench.draw(photo, outcome)
    return clock() - began
