"""Pictures in rows, written as one PNG: what sheets of scenes and of worst cases are made of."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.errors import DataError

Picture = NDArray[np.uint8]


def check_place(path: Path | None) -> None:
    """Refuse a file that could not be written, before the work whose result it is to hold.

    Raises:
        DataError: Its folder is missing, or it is a folder itself.
    """
    if path is None:
        return
    if path.is_dir():
        raise DataError(f"{path} is a folder; name a file in it")
    if not path.resolve().parent.is_dir():
        raise DataError(f"{path} cannot be written: there is no folder {path.parent}")


def write_text(path: Path, text: str) -> None:
    """Write a text file.

    Raises:
        DataError: It cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error


def framed(picture: Picture, height: int, width: int) -> Picture:
    """A picture made smaller or larger to fit a black frame, (height, width, 3)."""
    scale = min(height / picture.shape[0], width / picture.shape[1])
    size = (max(1, int(picture.shape[1] * scale)), max(1, int(picture.shape[0] * scale)))
    tile = np.zeros((height, width, 3), np.uint8)
    tile[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return tile


def write_tiles(tiles: list[Picture], path: Path, columns: int) -> None:
    """Write equally large RGB pictures in rows; the last row is filled up with black.

    Raises:
        DataError: There are none, or the file cannot be written.
    """
    if not tiles:
        raise DataError("there is nothing to draw on the sheet")
    columns = min(columns, len(tiles))
    blank = [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    filled = [*tiles, *blank]
    rows = [np.hstack(filled[i : i + columns]) for i in range(0, len(filled), columns)]
    done, data = cv2.imencode(".png", np.vstack(rows)[..., ::-1])
    if not done:
        raise DataError(f"{path} cannot be written: the sheet is too large")
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error
