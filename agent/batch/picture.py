"""The overlay of a batch: as on every surface, but small enough to be kept for each of many photos."""

from typing import TYPE_CHECKING

from tools.records import CountRecord

if TYPE_CHECKING:
    from segmentation.photo import Photo

LONGEST_SIDE = 2000  # px; a 12-megapixel overlay at full size takes some 4 MB


def draw_count(photo: "Photo", record: CountRecord) -> bytes:
    """The photo with what was counted on it, as a JPEG."""
    from segmentation.overlay import draw_overlay, encode_overlay, title

    lines = [title(record.target, record.count, record.low, record.high), *record.warnings]
    picture = draw_overlay(photo.pixels, record.instances, record.excluded, lines)
    return encode_overlay(picture, ".jpg", LONGEST_SIDE)
