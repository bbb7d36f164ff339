"""Further questions asked while training: what each token shows, what each text says, and whether they match.

A mask teaches one bit per prompt and pixel. A rendered scene knows more: colour, kind and contents of what lies
under every token, how far that thing reaches to each side, and where things meet and end within the token. Asking
for it costs next to nothing and grounds words and outlines long before masks alone do. None of this is part of the
exported model.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from torch import Tensor, nn
from torch.nn import functional

from segmentation.training.architecture import PATCH
from segmentation.training.phrases import IGNORED, INSIDE, Meaning
from segmentation.training.scene import Scene
from segmentation.vocabulary import vocabulary

UNKNOWN = -100  # left out by cross-entropy
CELLS = 4  # of a token's side, in questions about outlines
OUTLINES = 4 + 2 * CELLS**2  # reach to the left, top, right and bottom; seams and edges in each cell
_SHARES = (1 / 3, 1.0, 1.0)  # colour, kind, contents: colours are what masks teach by themselves


@cache
def _places() -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Number of each colour, kind (or other thing) and contents; 0 is none."""
    words = vocabulary()
    groups = (list(words.colours), [*words.kinds, *words.other], list(words.contents))
    colours, kinds, contents = ({name: i for i, name in enumerate(group, 1)} for group in groups)
    return colours, kinds, contents


def text_facts(meaning: Meaning) -> tuple[int, int, int]:
    """What a text says: numbers of its colour, kind and contents, 0 where it says nothing."""
    colours, kinds, contents = _places()
    kind = meaning.kind if meaning.thing == "pack" else meaning.thing
    return colours.get(meaning.colour or "", 0), kinds.get(kind or "", 0), contents.get(meaning.contents or "", 0)


def scene_facts(scene: Scene, patch: int = PATCH) -> NDArray[np.int64]:
    """What lies under the middle of each token, shape (3, side / patch, side / patch): colour, kind, contents."""
    colours, kinds, contents = _places()
    table = np.zeros((3, len(scene.items) + 1), np.int64)
    for number, item in enumerate(scene.items, 1):
        if item.product < 0:
            table[:, number] = 0, kinds[item.thing], 0
            continue
        product = scene.products[item.product]
        table[:, number] = (
            colours.get(product.colour or "", UNKNOWN),
            kinds[product.kind],
            contents.get(product.contents or "", UNKNOWN),
        )
    under = scene.labels[patch // 2 :: patch, patch // 2 :: patch]
    return np.asarray(table[:, under], np.int64)


def scene_outlines(scene: Scene, seam: NDArray[np.bool_], patch: int = PATCH) -> NDArray[np.float32]:
    """Where things reach and end, shape (OUTLINES, side / patch, side / patch).

    The first four say how far the thing under the middle of a token is seen to the left, top, right and bottom:
    log(1 + tokens), NaN where there is none. Then, cell by cell of each token, whether two things meet there, and
    whether anything begins or ends.

    Args:
        scene: A rendered scene.
        seam: From phrases.seams(scene).
        patch: Side of a token in pixels.
    """
    labels = scene.labels
    side = labels.shape[0] // patch
    middles = patch // 2 + patch * np.arange(side)
    under = labels[np.ix_(middles, middles)]
    boxes = np.full((4, len(scene.items) + 1), np.nan, np.float32)
    for number, found in enumerate(find_objects(labels.astype(np.int32)), 1):
        if found is not None and number < boxes.shape[1]:
            boxes[:, number] = found[1].start, found[0].start, found[1].stop, found[0].stop
    left, top, right, bottom = boxes[:, under]
    x, y = middles[None, :], middles[:, None]
    reach = np.log1p(np.maximum(0, np.stack([x - left, y - top, right - x, bottom - y])) / patch)
    edge = np.zeros(labels.shape, np.bool_)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    starts = np.arange(side * CELLS) * patch // CELLS
    cells = np.logical_or.reduceat(np.logical_or.reduceat(np.stack([seam, edge]), starts, 1), starts, 2)
    drawn = cells.reshape(2, side, CELLS, side, CELLS).transpose(0, 2, 4, 1, 3).reshape(-1, side, side)
    return np.concatenate([reach, drawn]).astype(np.float32)


@dataclass(frozen=True)
class Facts:
    """What is known of a batch."""

    scenes: Tensor  # int64 (pictures, 3, side / patch, side / patch)
    outlines: Tensor  # float32 (pictures, OUTLINES, side / patch, side / patch), NaN where unknown
    texts: Tensor  # int64 (pictures * prompts, 3)


class Auxiliary(nn.Module):
    """Heads on the deepest layer the decoder reads, and on the conditions."""

    def __init__(self, width: int, projection: int) -> None:
        super().__init__()
        sizes = [len(group) + 1 for group in _places()]
        self.see = nn.ModuleList(nn.Linear(width, size) for size in sizes)
        self.read = nn.ModuleList(nn.Linear(projection, size) for size in sizes)
        self.trace = nn.Linear(width, OUTLINES)
        self.match = nn.Linear(width, projection)
        self.scale = nn.Parameter(torch.tensor(projection**-0.5))
        self.bias = nn.Parameter(torch.tensor(-2.0))

    def forward(self, tokens: Tensor, texts: Tensor, conditions: Tensor, facts: Facts, target: Tensor) -> Any:
        """The loss.

        Args:
            tokens: (pictures, tokens + 1, width), class token first.
            texts: (pictures * prompts, projection), conditions of the texts alone.
            conditions: Same shape, as the decoder gets them.
            facts: What is known of the batch.
            target: uint8 codes, (pictures * prompts, side, side).
        """
        seen = tokens[:, 1:].float()
        loss = torch.zeros((), device=tokens.device)
        for place, (see, read) in enumerate(zip(self.see, self.read, strict=True)):
            loss = loss + _SHARES[place] * _known(see(seen).flatten(0, 1), facts.scenes[:, place].flatten())
            loss = loss + 0.1 * _known(read(texts.float()), facts.texts[:, place])
        loss = loss + _traced(self.trace(seen), facts.outlines.flatten(2).transpose(1, 2))
        grid = self.match(seen)
        asked = conditions.float().view(grid.shape[0], -1, grid.shape[2])
        logits = self.scale * torch.einsum("bpd,btd->bpt", asked, grid) + self.bias
        patch = target.shape[-1] // facts.scenes.shape[-1]
        inside, counted = ((c).float()[:, None] for c in (target == INSIDE, target != IGNORED))
        share = functional.avg_pool2d(inside, patch).flatten(1).view_as(logits)
        weight = functional.avg_pool2d(counted, patch).flatten(1).view_as(logits)
        return loss + functional.binary_cross_entropy_with_logits(logits, share, weight)


def _traced(drawn: Tensor, truth: Tensor) -> Tensor:
    """Loss of reaches and cells, both (pictures, tokens, OUTLINES); what is unknown costs nothing."""
    known = ~truth.isnan()
    truth = truth.nan_to_num()
    reach = functional.smooth_l1_loss(drawn[..., :4], truth[..., :4], reduction="none", beta=0.1)
    cells = functional.binary_cross_entropy_with_logits(drawn[..., 4:], truth[..., 4:], reduction="none")
    parts = ((reach, known[..., :4]), (cells, known[..., 4:]))
    return torch.stack([(part * given).sum() / given.sum().clamp(min=1) for part, given in parts]).sum()


def _known(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy over what is known; 0 when nothing is."""
    known = (truth != UNKNOWN).sum().clamp(min=1)
    return functional.cross_entropy(logits, truth, ignore_index=UNKNOWN, reduction="sum") / known
