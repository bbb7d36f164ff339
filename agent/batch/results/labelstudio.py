"""labelstudio.json: the counted instances as predictions to be corrected in Label Studio.

One task per photo, rectangles in percent (https://labelstud.io/guide/predictions). The labelling interface
needs `<Image name="image" value="$image"/>` and `<RectangleLabels name="label" toName="image">` with the
targets as its labels. `image` is the photo as the run was given it: a URL, or a path that the Label Studio
project must be able to serve.
"""

import json
from typing import Any

from agent.batch.results.row import Row
from tools.records import CountRecord


class LabelStudioWriter:
    """Writes a task when its last row has come; rows are grouped by photo."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._photo: str | None = None
        self._task: dict[str, Any] = {}
        self._tasks = 0
        file.write(b"[")

    def add(self, row: Row, count: CountRecord | None) -> None:
        """See RowWriter."""
        if count is None:
            return
        if row.photo.name != self._photo:
            self._drain()
            self._photo = row.photo.name
            place = row.photo.place
            self._task = {
                "data": {
                    "image": row.photo.name,
                    "store": place.store,
                    "bay": place.bay,
                    "time": place.time,
                },
                "predictions": [{"model_version": count.model.checkpoint or "no checkpoint", "result": []}],
            }
        self._task["predictions"][0]["result"] += _rectangles(row, count)

    def close(self) -> None:
        """See RowWriter."""
        self._drain()
        self._file.write(b"\n]\n")

    def _drain(self) -> None:
        if self._photo is None:
            return
        prediction = self._task["predictions"][0]
        scores = [result["score"] for result in prediction["result"]]
        if scores:
            prediction["score"] = round(sum(scores) / len(scores), 4)
        comma = b",\n" if self._tasks else b"\n"
        self._file.write(comma + json.dumps(self._task, ensure_ascii=False, allow_nan=False).encode())
        self._tasks += 1


def _rectangles(row: Row, count: CountRecord) -> list[dict[str, Any]]:
    width, height = count.image.width, count.image.height
    return [
        {
            "id": f"{row.task[:8]}-{item.id}",
            "type": "rectanglelabels",
            "from_name": "label",
            "to_name": "image",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "score": round(item.score, 4),
            "value": {
                "x": item.box[0] * 100 / width,
                "y": item.box[1] * 100 / height,
                "width": (item.box[2] - item.box[0]) * 100 / width,
                "height": (item.box[3] - item.box[1]) * 100 / height,
                "rotation": 0,
                "rectanglelabels": [count.target],
            },
        }
        for item in count.instances
    ]
