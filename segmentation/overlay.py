"""The picture that defends a count: numbered boxes on the photo and a legend above it.

Drawn with OpenCV only, so the same input gives the same pixels. Sizes follow the photo: on a phone's screen
the numbers of a 12-megapixel photo are as large as those of a small one.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from segmentation.errors import UserError
from segmentation.geometry import Box, intersection
from segmentation.printable import printable

Pixels = npt.NDArray[np.uint8]
RGB = tuple[int, int, int]

COUNTED: RGB = (60, 230, 90)
EXCLUDED: RGB = (255, 90, 60)
EVIDENCE: dict[str, RGB] = {"meaning": (90, 170, 255), "label": (255, 215, 60), "repetition": (235, 120, 255)}
DARK: RGB = (18, 20, 24)
LIGHT: RGB = (245, 245, 245)
SMALLEST_SIDE = 1000  # px; smaller photos are enlarged, or no number would fit on their boxes
SMALLEST_FONT = 11  # px
QUALITY = 90


class Counted(Protocol):
    """A counted item, as tools.records.Instance is one."""

    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def box(self) -> Box: ...  # noqa: D102
    @property
    def evidence(self) -> Sequence[str]: ...  # noqa: D102


class Rejected(Protocol):
    """An item that was seen and not counted, as tools.records.Excluded is one."""

    @property
    def box(self) -> Box: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


def title(target: str, count: int, low: int, high: int) -> str:
    """The answer in one line: 'Sunkist bottles: 7 (6–8)'."""
    interval = f" ({low}–{high})" if (low, high) != (count, count) else ""
    return f"{target}: {count}{interval}"


def draw_overlay(
    pixels: Pixels, instances: Sequence[Counted], excluded: Sequence[Rejected], lines: Sequence[str]
) -> Pixels:
    """Boxes with numbers on a copy of the photo, below a legend.

    Args:
        pixels: (H, W, 3) RGB.
        instances: what was counted; drawn with its number and the colours of its evidence.
        excluded: what was seen and not counted; drawn thinner, crossed, in another colour.
        lines: what the legend says; the first line is the largest.

    Returns:
        (legend + H', W', 3) RGB, where H', W' = H, W or, for photos under 1000 px, a multiple.
    """
    height, width = pixels.shape[:2]
    factor = max(1, -(-SMALLEST_SIDE // max(height, width)))
    canvas: Pixels = np.array(cv2.resize(pixels, (width * factor, height * factor)), dtype=np.uint8)
    pen = _Pen.for_picture(canvas)
    rejected = [_scaled(item.box, factor) for item in excluded]
    counted = [_scaled(item.box, factor) for item in instances]
    for box in rejected:
        pen.cross(canvas, box)
    for box in counted:
        pen.outline(canvas, box, COUNTED)
    size = pen.number_size(counted)
    taken: list[Box] = []
    for item, box in zip(instances, counted, strict=True):
        taken += pen.number(canvas, box, str(item.id), size, taken)
    for item, box in zip(instances, counted, strict=True):
        pen.evidence(canvas, box, item.evidence, taken)
    return np.concatenate([_legend(pen, canvas.shape[1], instances, excluded, lines), canvas])


def encode_overlay(picture: Pixels, suffix: str, longest_side: int | None = None) -> bytes:
    """The picture as a JPEG or PNG file, shrunk to `longest_side` px if that is given.

    Raises:
        UserError: the suffix names another format.
    """
    options = {
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, QUALITY],
        ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, QUALITY],
        ".png": [],
    }
    if suffix.lower() not in options:
        raise UserError(f"an overlay is written as .jpg or .png, not {suffix or 'without an ending'!r}")
    scale = (longest_side or max(picture.shape)) / max(picture.shape[:2])
    if scale < 1:
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _, data = cv2.imencode(suffix.lower(), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options[suffix.lower()])
    return bytes(data.tobytes())


def save_overlay(path: str | os.PathLike[str], picture: Pixels) -> None:
    """Write the picture whole or not at all; the ending of the path decides between JPEG and PNG.

    Raises:
        UserError: another ending, or a place that cannot be written to.
    """
    path = Path(path)
    data = encode_overlay(picture, path.suffix)
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".overlay-", suffix=path.suffix)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            temporary.chmod(0o644)  # mkstemp keeps everybody else out; a picture is meant to be shown
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({(error.strerror or 'error').lower()})") from error


@dataclass(frozen=True)
class _Pen:
    """Line widths and letter sizes in px, fitted to one picture."""

    line: int
    letter: int
    face: cv2.FontFace

    @classmethod
    def for_picture(cls, canvas: Pixels) -> "_Pen":
        longest = max(canvas.shape[:2])
        return cls(max(2, round(longest / 450)), max(SMALLEST_FONT, round(longest / 42)), cv2.FontFace("sans"))

    def outline(self, canvas: Pixels, box: Box, colour: RGB) -> None:
        """An outline inside the box, so that neighbours keep theirs, with a dark edge for bright packs."""
        inset = self.line
        x0, y0, x1, y1 = box[0] + inset, box[1] + inset, box[2] - 1 - inset, box[3] - 1 - inset
        if x1 <= x0 or y1 <= y0:
            x0, y0, x1, y1 = box[0], box[1], max(box[0], box[2] - 1), max(box[1], box[3] - 1)
        cv2.rectangle(canvas, (x0, y0), (x1, y1), DARK, self.line + 2 * max(1, self.line // 2))
        cv2.rectangle(canvas, (x0, y0), (x1, y1), colour, self.line)

    def cross(self, canvas: Pixels, box: Box) -> None:
        """An excluded item: outlined and struck through."""
        self.outline(canvas, box, EXCLUDED)
        start, end = (
            (box[0] + self.line, box[3] - 1 - self.line),
            (box[2] - 1 - self.line, box[1] + self.line),
        )
        cv2.line(canvas, start, end, DARK, self.line + 2 * max(1, self.line // 2), cv2.LINE_AA)
        cv2.line(canvas, start, end, EXCLUDED, self.line, cv2.LINE_AA)

    def text_width(self, text: str, size: int, weight: int = 700) -> int:
        x, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), self.face, size, weight)
        return int(max(x, 0) + width)

    def text(self, canvas: Pixels, text: str, left: int, base: int, size: int, colour: RGB) -> None:
        wrap = cv2.PUT_TEXT_ALIGN_LEFT
        cv2.putText(canvas, text, (left, base), colour, self.face, size, 700, wrap, (0, 1 << 20))

    def number_size(self, boxes: Sequence[Box]) -> int:
        """The letter size that half of the boxes have room for, at most the picture's."""
        if not boxes:
            return self.letter
        room = [min((box[2] - box[0]) / 3, (box[3] - box[1]) / 2) for box in boxes]
        return int(max(SMALLEST_FONT, min(self.letter, float(np.median(room)))))

    def number(self, canvas: Pixels, box: Box, text: str, size: int, taken: Sequence[Box]) -> list[Box]:
        """Write the number on a plate that covers no other plate, smaller where it must be.

        Returns:
            The plate; nothing where even the smallest number finds no room.
        """
        while (plate := self.free_plate(box, text, size, taken, canvas.shape)) is None:
            if size == SMALLEST_FONT:
                return []
            size = max(SMALLEST_FONT, size * 3 // 4)
        cv2.rectangle(canvas, (plate[0], plate[1]), (plate[2] - 1, plate[3] - 1), COUNTED, -1)
        self.text(canvas, text, plate[0] + size // 4, plate[1] + size, size, DARK)
        return [plate]

    def free_plate(self, box: Box, text: str, size: int, taken: Sequence[Box], shape: tuple[int, ...]) -> Box | None:
        """The first place on the picture, of nine at the box, that overlaps no other plate."""
        width, height = self.text_width(text, size) + size // 2, round(size * 1.3)
        x0, y0, x1, y1 = box[0], box[1], box[2] - width, box[3] - height
        middle_x, middle_y = (x0 + x1) // 2, (y0 + y1) // 2
        corners = [(x0, y0), (middle_x, middle_y), (x1, y0), (x0, y1), (x1, y1)]
        edges = [(middle_x, y0), (middle_x, y1), (x0, middle_y), (x1, middle_y)]
        for left, top in corners + edges:
            left = min(max(left, 0), max(0, shape[1] - width))
            top = min(max(top, 0), max(0, shape[0] - height))
            plate = (left, top, left + width, top + height)
            if not any(intersection(plate, other) for other in taken):
                return plate
        return None

    def evidence(self, canvas: Pixels, box: Box, evidence: Sequence[str], taken: Sequence[Box]) -> None:
        """One small square for each kind of evidence, in the lower left corner where it is free."""
        side = max(4, self.line * 2)
        inset = 2 * self.line
        left, top = box[0] + inset, box[3] - inset - side
        row = (left, top, left + len(evidence) * (side + 2), top + side)
        if row[2] > box[2] or row[1] < box[1] or any(intersection(row, plate) for plate in taken):
            return
        for index, kind in enumerate(evidence):
            x = left + index * (side + 2)
            cv2.rectangle(canvas, (x - 1, top - 1), (x + side, top + side), DARK, -1)
            cv2.rectangle(canvas, (x, top), (x + side - 1, top + side - 1), EVIDENCE.get(kind, LIGHT), -1)


def _legend(
    pen: _Pen,
    width: int,
    instances: Sequence[Counted],
    excluded: Sequence[Rejected],
    lines: Sequence[str],
) -> Pixels:
    """The strip above the photo: the lines given, then what each colour means."""
    margin = pen.letter // 2
    entries: list[tuple[RGB, str]] = [(COUNTED, f"{len(instances)} counted")]
    reasons = Counter(printable(item.reason, 60) for item in excluded)
    entries += [(EXCLUDED, f"{count} not counted: {reason}") for reason, count in reasons.most_common()]
    used = {kind for item in instances for kind in item.evidence}
    entries += [(colour, kind) for kind, colour in EVIDENCE.items() if kind in used]
    sizes = [round(pen.letter * 1.35)] + [pen.letter] * (len(lines) - 1)
    rows = [
        _fitted(pen, printable(line, 300), size, width - 2 * margin) for line, size in zip(lines, sizes, strict=False)
    ]
    key_size = max(SMALLEST_FONT, round(pen.letter * 0.75))
    keys = _key_rows(pen, entries, key_size, width - 2 * margin)
    height = margin + sum(round(size * 1.4) for _, size in rows) + len(keys) * round(key_size * 1.5) + margin // 2
    strip = np.full((height, width, 3), DARK, np.uint8)
    y = margin
    for text, size in rows:
        pen.text(strip, text, margin, y + size, size, LIGHT)
        y += round(size * 1.4)
    for row in keys:
        x = margin
        for colour, text in row:
            cv2.rectangle(
                strip,
                (x, y + key_size // 4),
                (x + key_size - 1, y + key_size // 4 + key_size - 1),
                colour,
                -1,
            )
            pen.text(strip, text, x + round(key_size * 1.4), y + round(key_size * 1.15), key_size, LIGHT)
            x += _key_width(pen, text, key_size)
        y += round(key_size * 1.5)
    return strip


def _fitted(pen: _Pen, text: str, size: int, width: int) -> tuple[str, int]:
    """The text in smaller letters, and cut off at last, so that it fits the width."""
    smallest = max(SMALLEST_FONT, round(pen.letter * 0.7))
    while size > smallest and pen.text_width(text, size) > width:
        size = max(smallest, int(size * 0.9))
    return _cut(pen, text, size, width), size


def _cut(pen: _Pen, text: str, size: int, width: int) -> str:
    while len(text) > 1 and pen.text_width(text, size) > width:
        text = text[:-2].rstrip() + "…"
    return text


def _key_width(pen: _Pen, text: str, size: int) -> int:
    return round(size * 2.4) + pen.text_width(text, size)


def _key_rows(pen: _Pen, entries: Sequence[tuple[RGB, str]], size: int, width: int) -> list[list[tuple[RGB, str]]]:
    """The colour keys broken into rows that fit the width."""
    rows: list[list[tuple[RGB, str]]] = [[]]
    used = 0
    for colour, text in entries:
        text = _cut(pen, text, size, width - round(size * 2.4))
        need = _key_width(pen, text, size)
        if rows[-1] and used + need > width:
            rows.append([])
            used = 0
        rows[-1].append((colour, text))
        used += need
    return rows


def _scaled(box: Box, factor: int) -> Box:
    return (box[0] * factor, box[1] * factor, box[2] * factor, box[3] * factor)
