"""A contact sheet: what the model is shown, for people to look at."""

from pathlib import Path

import cv2
import numpy as np

from segmentation.evaluation.tiles import check_place, write_tiles
from segmentation.training.phrases import BORDER, IGNORED, INSIDE, phrases_for, seams, target
from segmentation.training.scene import Scene, render

_COLUMNS, _PROMPTS = 8, 3


def contact_sheet(path: Path, *, first_seed: int, count: int, size: int, data: Path | None, prompts: bool) -> None:
    """Draw scenes in rows; with prompts, each scene is followed by three of them and their masks.

    Green is inside, red a border between touching items, grey is left out of training.

    Raises:
        DataError: The file cannot be written, or the cut-outs cannot be read.
    """
    check_place(path)
    tiles = []
    for seed in range(first_seed, first_seed + count):
        scene = render(seed, size, data=data)
        tiles.append(scene.image)
        if prompts:
            tiles += _answers(scene, seed)
    write_tiles(tiles, path, _COLUMNS)


def _answers(scene: Scene, seed: int) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    seam, tiles = seams(scene), []
    for phrase in phrases_for(scene, _PROMPTS, np.random.default_rng((seed, 7))):
        codes = target(scene, phrase.meaning, seam)
        tile = scene.image // 3
        for code, colour in ((INSIDE, (0, 220, 0)), (BORDER, (255, 0, 0)), (IGNORED, (110, 110, 110))):
            tile[codes == code] = colour
        cv2.putText(tile, phrase.text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 0), 1)
        tiles.append(tile)
    return tiles
