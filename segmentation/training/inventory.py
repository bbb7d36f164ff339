"""A contrastive loss that teaches CLIP the products of an inventory: pack pictures against their names.

Several products make a step, each with its name and two views (two of its pictures, or two crops of one). Every
view shall be nearer to its own name than to the others, and to its twin than to other products: CLIP's loss
(arXiv 2103.00020, figure 3) over name and view, view and view. Views are prepared as example pictures are in use.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from segmentation.errors import DataError
from segmentation.training.architecture import MEAN
from segmentation.visual_prompt import visual_prompt

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
LONGEST = 512  # px kept of a picture's longer side
LEAST_CROP = 0.75  # of each side


@dataclass(frozen=True)
class Packs:
    """Views of the products of one step."""

    names: tuple[str, ...]
    views: Tensor  # uint8 (2, products, side, side, 3)


class Inventory:
    """Products with their pictures."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Read a folder: one picture or one folder of pictures per product, called as the product is called.

        Raises:
            DataError: It is missing or holds fewer than two products.
        """
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder of pack pictures")
        found: dict[str, tuple[Path, ...]] = {}
        for path in sorted(folder.iterdir()):
            pictures = tuple(p for p in sorted(path.iterdir()) if _is_picture(p)) if path.is_dir() else (path,)
            if pictures and _is_picture(pictures[0]):
                name = path.name if path.is_dir() else path.stem
                found[name.replace("_", " ")] = pictures
        if len(found) < 2:
            raise DataError(f"{folder} holds {len(found)} products; two are needed: NAME.jpg, or NAME/ with pictures")
        self._products = tuple(found.items())
        self._seed = seed

    def draw(self, step: int, part: int, packs: int, side: int) -> Packs:
        """Products of one part of a step; the same for the same numbers.

        Raises:
            DataError: A picture cannot be read.
        """
        rng = np.random.default_rng((self._seed, 11, step, part))
        chosen = rng.permutation(len(self._products))[:packs]
        names, views = [], []
        for index in chosen:
            name, pictures = self._products[int(index)]
            twins = rng.permutation(len(pictures))[:2]
            names.append(name)
            views.append([_view(pictures[int(twins[i % len(twins)])], side, rng) for i in range(2)])
        return Packs(tuple(names), torch.from_numpy(np.stack(views)).transpose(0, 1).contiguous())


def contrastive_loss(views: Tensor, texts: Tensor, log_scale: Tensor) -> Tensor:
    """The loss of a step.

    Args:
        views: Conditions of the pictures, (2, products, projection).
        texts: Conditions of the names, (products, projection).
        log_scale: Logarithm of what cosines are multiplied with; CLIP caps the factor at 100.
    """
    first, second, named = (functional.normalize(v.float(), dim=-1) for v in (*views, texts))
    scale = log_scale.float().exp().clamp(max=100.0)
    own = torch.arange(len(named), device=named.device)
    loss = torch.zeros((), device=named.device)
    for left, right in ((first, named), (second, named), (first, second)):
        logits = scale * left @ right.T
        loss = loss + functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)
    return loss / 6


def _is_picture(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in PICTURES


@lru_cache(maxsize=2048)
def _read(path: Path) -> NDArray[np.uint8]:
    found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if found is None:
        raise DataError(f"{path} cannot be read as a picture")
    scale = min(1.0, LONGEST / max(found.shape[:2]))
    size = (max(1, round(found.shape[1] * scale)), max(1, round(found.shape[0] * scale)))
    small = cv2.resize(found, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8)


def _view(path: Path, side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A crop under other light, as an example picture."""
    pixels = _read(path)
    height, width = pixels.shape[:2]
    cut = [max(1, round(length * rng.uniform(LEAST_CROP, 1))) for length in (height, width)]
    y, x = (int(rng.integers(length - kept + 1)) for length, kept in zip((height, width), cut, strict=True))
    light, shift = rng.uniform(0.7, 1.3), rng.uniform(-15, 15, 3)
    lit = np.clip(pixels[y : y + cut[0], x : x + cut[1]] * light + shift, 0, 255).astype(np.uint8)
    return visual_prompt(lit, (0, 0, cut[1], cut[0]), side, MEAN)
