"""Curves of a run as a PNG."""

import json
from pathlib import Path

from segmentation.errors import DataError


def draw_curves(run: Path) -> Path:
    """Plot loss, IoU and lit share of absent prompts from a run's log.jsonl into curves.png.

    Raises:
        DataError: There is no log, or it is damaged.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    try:
        lines = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise DataError(f"{run}/log.jsonl cannot be read: {error}") from error
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    names = (("loss", "loss"), ("iou", "IoU of present prompts"), ("lit", "lit share of absent prompts"))
    for place, (key, title) in enumerate(names, 1):
        axes = figure.add_subplot(1, 3, place)
        axes.plot([line["scenes"] for line in lines], [line[key] for line in lines], linewidth=0.8)
        axes.set_title(title)
        axes.set_xlabel("scenes")
    path = run / "curves.png"
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error
    return path
