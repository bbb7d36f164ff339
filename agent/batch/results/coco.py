"""coco.json: the counted instances as annotations (https://cocodataset.org/#format-data).

Instances with a mask carry it as compressed RLE; those without have an empty `segmentation` and the area of
their box. `score` is kept beside the fields of the format, as COCO's own result files have it.
"""

import json
from typing import Any

from agent.batch.results.row import Row
from tools.records import CountRecord, Instance


class CocoWriter:
    """Annotations are written as they come; images and categories, which are few, follow."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._images: dict[str, dict[str, Any]] = {}
        self._categories: dict[str, int] = {}
        self._annotations = 0
        file.write(b'{"annotations":[')

    def add(self, row: Row, count: CountRecord | None) -> None:
        """See RowWriter."""
        if count is None:
            return
        image = self._images.setdefault(
            row.photo.name,
            {
                "id": len(self._images) + 1,
                "file_name": row.photo.name,
                "width": count.image.width,
                "height": count.image.height,
            },
        )
        category = self._categories.setdefault(count.target, len(self._categories) + 1)
        for instance in count.instances:
            comma = b",\n" if self._annotations else b"\n"
            self._annotations += 1
            annotation = _annotation(instance, self._annotations, image["id"], category)
            self._file.write(comma + json.dumps(annotation, allow_nan=False).encode())

    def close(self) -> None:
        """See RowWriter."""
        categories = [
            {"id": number, "name": name, "supercategory": "shelf"} for name, number in self._categories.items()
        ]
        rest = {"images": list(self._images.values()), "categories": categories}
        self._file.write(b"\n]," + json.dumps(rest, ensure_ascii=False).encode()[1:] + b"\n")


def _annotation(instance: Instance, number: int, image: int, category: int) -> dict[str, Any]:
    x0, y0, x1, y1 = instance.box
    width, height = x1 - x0, y1 - y0
    segmentation: Any = []
    area = float(width * height)
    if instance.mask is not None:
        from pycocotools import mask as codec

        size = list(instance.mask.size)
        segmentation = {"size": size, "counts": instance.mask.counts}
        area = float(codec.area({"size": size, "counts": instance.mask.counts.encode()}))
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [x0, y0, width, height],
        "area": area,
        "segmentation": segmentation,
        "iscrowd": 0,
        "score": round(instance.score, 4),
    }
