"""The interval low..high of a count: how far the evidence disagrees."""

from collections.abc import Sequence
from dataclasses import dataclass

from segmentation.finds import EVIDENT_COPY, HOPELESS, SURE, Find
from segmentation.meaning import Meaning


@dataclass(frozen=True)
class Interval:
    """From low to high, both included."""

    low: int
    high: int

    def moved(self, before: int, after: int) -> "Interval":
        """The interval once a filter left `after` of `before` items: both ends shrink in proportion."""
        if before == after or before == 0:
            return Interval(min(self.low, after), max(self.high, after))
        share = after / before
        return Interval(min(round(self.low * share), after), max(round(self.high * share), after))


def search_interval(found: Sequence[Find], rejected: Sequence[Find]) -> Interval:
    """Weak finds may be wrong; rejected ones that came near may be right.

    A find is weak when votes alone stand behind it and they are not evident, or a doubtful reading alone does.
    """
    weak = sum(
        1
        for find in found
        if (find.hit is None and find.strength < EVIDENT_COPY and not _is_example(find))
        or (not find.repeated and find.strength < 0.8)
    )
    near = sum(1 for find in rejected if find.contradiction is None and find.strength > (SURE + HOPELESS) / 2)
    count = len(found)
    return Interval(count - weak, count + min(near, max(2, count)))


def meaning_interval(meaning: Meaning, count: int) -> Interval:
    """A component may be noise or several packs; the sizes of the others say how many it could hold."""
    components = meaning.components
    if not components:
        return Interval(0, 0)
    areas = sorted(component.area for component in components)
    typical = areas[len(areas) // 2]
    sure = sum(1 for component in components if component.peak >= 0.8 and component.area >= 0.3 * typical)
    held = sum(max(1, round(component.area / typical)) for component in components)
    return Interval(min(count, sure), max(count, held))


def _is_example(find: Find) -> bool:
    return find.likeness is not None and find.likeness.print > 0.985
