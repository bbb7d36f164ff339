"""An example box turned into the picture that CLIPSeg takes as a prompt.

Of the ways the authors compared, cropping with a blurred background at 10 % intensity raised the probability
of the object most (arXiv 2112.10003, table 2: +23.5). Their code works on normalised tensors, so darkening
pulls towards the mean colour, not towards black, and padding has the mean colour too.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.errors import BoxError
from segmentation.geometry import Box

CONTEXT = 0.1  # the box grows by this share of its side before the crop
BLUR_KERNEL = 15
BLUR_SIGMA = 3.0  # both in pixels of the 352-px prompt, as `crop_blur_highlight352` in the authors' code
BACKGROUND = 0.1


def visual_prompt(
    pixels: NDArray[np.uint8],
    box: Box,
    size: int,
    mean: Sequence[float],
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """The example as a square picture: cropped, its background blurred and at 10 %.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        box: the example, in pixels.
        size: side of the result.
        mean: channel means in 0..1, the colour of darkness and padding.
        mask: (H, W), the object; without it the whole box counts as object.

    Returns:
        (size, size, 3) uint8 RGB.

    Raises:
        BoxError: the box has no area or does not lie on the photo.
    """
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise BoxError(f"the example box {list(box)} does not lie on the photo of {width} x {height} px")
    side = max(x1 - x0, y1 - y0) * (1 + 2 * CONTEXT)
    left, top = (x0 + x1 - side) / 2, (y0 + y1 - side) / 2
    crop, valid = _square(pixels, left, top, side)
    if mask is None:
        inside = np.zeros(crop.shape[:2], np.uint8)
        ox, oy = round(left), round(top)
        inside[y0 - oy : y1 - oy, x0 - ox : x1 - ox] = 255
    else:
        inside, _ = _square(mask.astype(np.uint8) * 255, left, top, side)
    # Averaging on the way down, as PIL's bilinear filter does; plain bilinear would alias.
    kind = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    cropped = cv2.resize(crop, (size, size), interpolation=kind).astype(np.float32)
    share = cv2.resize(inside, (size, size), interpolation=kind)[..., None].astype(np.float32) / 255
    known = cv2.resize(valid, (size, size), interpolation=kind)[..., None].astype(np.float32) / 255
    dark = np.asarray(mean, np.float32) * np.float32(255)
    picture = cropped + (1 - known) * dark  # zeros beyond the border: `cropped` is weighted already
    blurred = cv2.GaussianBlur(picture, (BLUR_KERNEL, BLUR_KERNEL), BLUR_SIGMA)
    background = dark + BACKGROUND * (blurred - dark)
    result = share * picture + (1 - share) * background
    return np.clip(result.round(), 0, 255).astype(np.uint8)


def _square(
    array: NDArray[np.uint8], left: float, top: float, side: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A square cut from an array, zeros beyond its border, and a mask (255) of what lies inside."""
    x0, y0, length = round(left), round(top), max(1, round(side))
    height, width = array.shape[:2]
    cut = np.zeros((length, length, *array.shape[2:]), np.uint8)
    valid = np.zeros((length, length), np.uint8)
    sx0, sy0, sx1, sy1 = max(0, x0), max(0, y0), min(width, x0 + length), min(height, y0 + length)
    cut[sy0 - y0 : sy1 - y0, sx0 - x0 : sx1 - x0] = array[sy0:sy1, sx0:sx1]
    valid[sy0 - y0 : sy1 - y0, sx0 - x0 : sx1 - x0] = 255
    return cut, valid
