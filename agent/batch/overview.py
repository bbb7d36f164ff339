"""A plan in a few lines: what would be asked of how many photos."""

from collections import Counter

from agent.batch.plan import Plan
from tools.records import Frozen


class Asked(Frozen):
    """One call, the sentence it came from, and how many photos it is made on."""

    label: str
    sentence: str
    tool: str
    arguments: str
    photos: int


class Overview(Frozen):
    """What a plan does. `seconds` is None when nothing was measured."""

    photos: int
    tasks: int
    asked: tuple[Asked, ...]
    outputs: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float | None


def overview(plan: Plan, seconds: float | None) -> Overview:
    """Count a plan's tasks by what they ask, in the order in which it first appears."""
    asks = Counter(ask for group in plan.groups for ask in group.asks)
    return Overview(
        photos=len(plan.groups),
        tasks=plan.tasks,
        asked=tuple(
            Asked(
                label=ask.call.label(),
                sentence=ask.sentence,
                tool=ask.call.tool,
                arguments=ask.call.arguments,
                photos=photos,
            )
            for ask, photos in asks.items()
        ),
        outputs=plan.outputs,
        notes=plan.notes,
        seconds=None if seconds is None else round(seconds, 1),
    )
