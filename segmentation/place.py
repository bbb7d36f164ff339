"""Where on the photo: shelves, sides and halves, answered by geometry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from segmentation.geometry import Box, centre
from segmentation.rows import Rows

Relation = Literal["left of", "right of", "above", "below", "left half", "right half", "upper half", "lower half"]


@dataclass(frozen=True)
class Place:
    """A relation and, for those between two things, the words for the other thing."""

    relation: Relation
    reference: str | None = None

    @property
    def needs_reference(self) -> bool:
        """Whether the relation is between two things."""
        return self.relation in ("left of", "right of", "above", "below")

    @property
    def text(self) -> str:
        """In words: "left of the Sunkist bottles", "in the left half"."""
        return f"{self.relation} {self.reference}" if self.needs_reference else f"in the {self.relation}"


def in_row(box: Box, rows: Rows, wanted: int) -> bool:
    """Whether a box stands on that shelf, 1 being the top one."""
    return rows.of(box) == wanted


def on_side(box: Box, relation: Relation, anchors: Sequence[Box], size: tuple[int, int]) -> bool:
    """Whether a box lies on that side of all anchors, or in that half of a photo of (width, height)."""
    x, y = centre(box)
    width, height = size
    match relation:
        case "left half":
            return x < width / 2
        case "right half":
            return x >= width / 2
        case "upper half":
            return y < height / 2
        case "lower half":
            return y >= height / 2
        case "left of":
            return bool(anchors) and x < min(centre(anchor)[0] for anchor in anchors)
        case "right of":
            return bool(anchors) and x > max(centre(anchor)[0] for anchor in anchors)
        case "above":
            return bool(anchors) and y < min(centre(anchor)[1] for anchor in anchors)
        case "below":
            return bool(anchors) and y > max(centre(anchor)[1] for anchor in anchors)
