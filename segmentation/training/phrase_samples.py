"""Training samples from pictures with phrases, cut as CLIPSeg's authors cut PhraseCut.

A square of the picture's shorter side that holds enough of the first phrase's mask, resized; one phrase in five is
exchanged for one of another picture, whose mask is empty (datasets/phrasecut.py of github.com/timojl/clipseg).
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from segmentation.training.architecture import PATCH
from segmentation.training.auxiliary import OUTLINES, UNKNOWN
from segmentation.training.phrases import IGNORED, INSIDE, OUTSIDE
from segmentation.training.samples import Order, Sample
from segmentation.training.sources import Picture

_NEGATIVES = 0.2
_ENOUGH = 0.05  # of the square
_TRIES = 50


class PhraseSamples(Dataset[Sample]):
    """Samples of pictures in an order that follows from the seed; examples are not made."""

    def __init__(self, pictures: tuple[Picture, ...], seed: int, patch: int = PATCH) -> None:
        self.pictures, self.seed, self.patch = pictures, seed, patch

    def __getitem__(self, order: Order) -> Sample:
        rng = np.random.default_rng((self.seed, order.index))
        lap, place = divmod(order.index, len(self.pictures))
        shuffled = np.random.default_rng((self.seed, lap)).permutation(len(self.pictures))
        picture = self.pictures[int(shuffled[place])]
        pixels = picture.read()
        height, width = pixels.shape[:2]
        picks = rng.integers(len(picture.phrases), size=order.prompts)
        texts = [picture.phrases[int(pick)][0] for pick in picks]
        shapes = [picture.phrases[int(pick)][1] for pick in picks]
        masks = [shape.draw(height, width) for shape in shapes]
        doubts = [shape.doubt(height, width) for shape in shapes]
        own = {text for text, _ in picture.phrases}
        for number in range(1, order.prompts):
            other = self.pictures[int(rng.integers(len(self.pictures)))].phrases
            text = other[int(rng.integers(len(other)))][0]
            if rng.random() < _NEGATIVES and text not in own:
                texts[number], masks[number], doubts[number] = text, np.zeros((height, width), np.bool_), None
        y, x, side = _square(masks[0], rng)
        size = (order.size, order.size)
        image = cv2.resize(pixels[y : y + side, x : x + side], size, interpolation=cv2.INTER_AREA)
        square = slice(y, y + side), slice(x, x + side)
        targets = [
            _resized(mask[square], size, None if doubt is None else doubt[square])
            for mask, doubt in zip(masks, doubts, strict=True)
        ]
        grid = order.size // self.patch
        place_y, place_x = rng.random(2)
        return Sample(
            image=np.asarray(image, np.uint8),
            texts=tuple(texts),
            targets=np.stack(targets),
            example=None,
            text_share=1.0,
            seen=np.full((3, grid, grid), UNKNOWN, np.int64),
            said=np.full((order.prompts, 3), UNKNOWN, np.int64),
            outlines=np.full((OUTLINES, grid, grid), np.nan, np.float32),
            place=(float(place_y), float(place_x)),
        )


def _square(mask: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int, int]:
    """Top, left and side of a square that holds enough of the mask, or the best of many."""
    height, width = mask.shape
    side = min(height, width)
    best, most = (0, 0, side), -1.0
    for _ in range(_TRIES):
        y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        share = float(mask[y : y + side, x : x + side].mean())
        if share > most:
            best, most = (y, x, side), share
        if share > _ENOUGH:
            break
    return best


def _resized(
    mask: NDArray[np.bool_], size: tuple[int, int], doubt: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    codes = np.where(mask, INSIDE, OUTSIDE).astype(np.uint8)
    if doubt is not None:
        codes[doubt] = IGNORED
    return np.asarray(cv2.resize(codes, size, interpolation=cv2.INTER_NEAREST), np.uint8)
