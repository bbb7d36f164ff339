"""Corrections of a count by hand: what the model counted and what the user says stay apart."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from agent.errors import ChatError
from tools.records import CountRecord, Frozen, Instance


class Drop(Frozen):
    """These numbers are not the thing."""

    kind: Literal["drop"] = "drop"
    ids: tuple[int, ...]


class Split(Frozen):
    """This number is really so many."""

    kind: Literal["split"] = "split"
    id: int
    into: Annotated[int, Field(ge=2, le=50)]


class Add(Frozen):
    """One was missed, here."""

    kind: Literal["add"] = "add"
    x: Annotated[int, Field(ge=0)]
    y: Annotated[int, Field(ge=0)]


Edit = Annotated[Drop | Split | Add, Field(discriminator="kind")]


class Corrected(Frozen):
    """A count with the edits made to it. Edits past `done` were undone and can be redone."""

    record: CountRecord
    edits: tuple[Edit, ...] = ()
    done: int = 0

    @property
    def active(self) -> tuple[Edit, ...]:
        """The edits that hold."""
        return self.edits[: self.done]

    @property
    def count(self) -> int:
        """What the user says there are; the model's own count is `record.count`."""
        dropped = self._dropped()
        splits = {edit.id: edit.into for edit in self.active if isinstance(edit, Split) and edit.id not in dropped}
        added = sum(isinstance(edit, Add) for edit in self.active)
        return self.record.count - len(dropped) + sum(into - 1 for into in splits.values()) + added

    def edit(self, edit: Edit) -> "Corrected":
        """With one more edit; whatever was undone before is forgotten.

        Raises:
            ChatError: there is no item of that number, it is dropped already, or the point is off the photo.
        """
        if isinstance(edit, Add):
            image = self.record.image
            if edit.x >= image.width or edit.y >= image.height:
                raise ChatError(f"{edit.x},{edit.y} is off the photo ({image.width} x {image.height})")
        else:
            known = {instance.id for instance in self.record.instances} - self._dropped()
            wrong = [id for id in (edit.ids if isinstance(edit, Drop) else (edit.id,)) if id not in known]
            if wrong:
                raise ChatError(f"no item has the number {wrong[0]}; the numbers are in the picture")
        edits = (*self.active, edit)
        return self.model_copy(update={"edits": edits, "done": len(edits)})

    def undo(self) -> "Corrected":
        """Without the last edit.

        Raises:
            ChatError: there is none.
        """
        if not self.done:
            raise ChatError("there is no correction to undo")
        return self.model_copy(update={"done": self.done - 1})

    def redo(self) -> "Corrected":
        """With the edit that was undone last.

        Raises:
            ChatError: there is none.
        """
        if self.done == len(self.edits):
            raise ChatError("there is no correction to redo")
        return self.model_copy(update={"done": self.done + 1})

    def remaining(self) -> tuple[Instance, ...]:
        """What the model found and the user left."""
        dropped = self._dropped()
        return tuple(instance for instance in self.record.instances if instance.id not in dropped)

    def boxes(self) -> tuple[tuple[int, int, int, int], ...]:
        """A box for each item after the edits.

        A split box is cut along its longer side; an added point gets the median size of the boxes that are
        left (48 px when none are).
        """
        splits = {edit.id: edit.into for edit in self.active if isinstance(edit, Split)}
        boxes = [part for item in self.remaining() for part in _cut(item.box, splits.get(item.id, 1))]
        widths = sorted(x1 - x0 for x0, _, x1, _ in boxes) or [48]
        heights = sorted(y1 - y0 for _, y0, _, y1 in boxes) or [48]
        width, height = widths[len(widths) // 2], heights[len(heights) // 2]
        image = self.record.image
        for edit in self.active:
            if isinstance(edit, Add):
                x0, y0 = max(0, edit.x - width // 2), max(0, edit.y - height // 2)
                boxes.append((x0, y0, min(image.width, x0 + width), min(image.height, y0 + height)))
        return tuple(boxes)

    def left_out(self) -> tuple[tuple[int, int, int, int], ...]:
        """A box for each thing that was seen and does not count: dropped by the user, or rejected by the model."""
        dropped = self._dropped()
        by_hand = [instance.box for instance in self.record.instances if instance.id in dropped]
        return (*by_hand, *(item.box for item in self.record.excluded))

    def _dropped(self) -> set[int]:
        return {id for edit in self.active if isinstance(edit, Drop) for id in edit.ids}

    def says(self) -> str:
        """Both counts in a sentence."""
        target = self.record.target
        if not self.active:
            return f"{target}: {self.record.count}, as counted."
        return f"{target}: {self.count} after {_many(self.active)} (counted: {self.record.count})."


def _many(edits: Sequence[Edit]) -> str:
    return "1 correction" if len(edits) == 1 else f"{len(edits)} corrections"


def _cut(box: tuple[int, int, int, int], into: int) -> list[tuple[int, int, int, int]]:
    """Equal parts of a box along its longer side."""
    x0, y0, x1, y1 = box
    if into == 1:
        return [box]
    if x1 - x0 >= y1 - y0:
        edges = [x0 + (x1 - x0) * i // into for i in range(into + 1)]
        return [(left, y0, right, y1) for left, right in pairwise(edges)]
    edges = [y0 + (y1 - y0) * i // into for i in range(into + 1)]
    return [(x0, top, x1, bottom) for top, bottom in pairwise(edges)]
