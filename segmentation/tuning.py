"""A condition fitted to an example by gradient descent: words say the kind, the box shows which one is meant.

The vector that conditions the decoder is moved from where the words put it until the marked example lights up. Copies
of the example are not marked and must stay free to light up too, so nothing around the box is pressed down, except what
the words alone hold to be background. The search is over the condition itself and not over tokens, as PEZ does
(Wen et al., https://arxiv.org/abs/2302.03668): nobody has to read the result.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from segmentation.clipseg import ClipSeg, Conditions
from segmentation.geometry import Box
from segmentation.meaning import cut_all
from segmentation.views import View, overview

STEPS = 24
RATE = 0.03  # of the start's mean size of a component, per step (Adam)
BETAS = (0.9, 0.99)
BACKGROUND = 0.15  # probability under the words below which a pixel is background
HOLD = 2.0  # weight of keeping it so
ANCHOR = 0.2  # weight of the squared distance from the start, as a share of the start's length


def tune(engine: ClipSeg, pixels: NDArray[np.uint8], boxes: Sequence[Box], start: Conditions) -> Conditions:
    """The condition of the words, moved so that the examples light up.

    Args:
        engine: a loaded ClipSeg.
        pixels: (H, W, 3) uint8 RGB, the photo with the examples.
        boxes: the examples, in its pixels.
        start: the words; several are averaged.
    """
    height, width = pixels.shape[:2]
    start = start.average()
    views = overview(width, height)
    activations = engine.encode(cut_all(engine, pixels, views))
    inside = torch.from_numpy(np.stack([_marked(view, boxes, engine.size) for view in views])).to(engine.device.name)
    if not inside.any():
        return start
    before = torch.from_numpy(engine.decode(activations, start)[:, 0]).to(engine.device.name)
    background = (torch.sigmoid(before) < BACKGROUND) & ~inside
    first = start.vectors[0]

    def loss(logits: torch.Tensor) -> torch.Tensor:
        lit = torch.nn.functional.softplus(-logits[inside]).mean()
        held = torch.nn.functional.softplus(logits[background]).mean() if background.any() else logits.new_zeros(())
        return lit + HOLD * held

    length = float((first**2).sum())
    vector = torch.nn.Parameter(torch.from_numpy(first.copy()))
    adam = torch.optim.Adam([vector], lr=RATE * float(np.abs(first).mean()), betas=BETAS, eps=1e-12)
    best, lowest = first, np.inf
    for _ in range(STEPS):
        tried = vector.detach().numpy().copy()
        value, gradient = engine.gradient_step(activations, tried, loss)
        value += ANCHOR * float(((tried - first) ** 2).sum()) / length
        if value < lowest:
            best, lowest = tried, value
        vector.grad = torch.from_numpy(gradient + 2 * ANCHOR * (tried - first) / length)
        adam.step()
    return Conditions((f"{start.names[0]} + example",), best[None])


def _marked(view: View, boxes: Sequence[Box], size: int) -> NDArray[np.bool_]:
    """Which pixels of a view's logits lie in a box, (size, size); its rim is left out, for packs are no rectangles."""
    marked = np.zeros((size, size), np.bool_)
    scale = size / view.side
    for x0, y0, x1, y1 in boxes:
        rim_x, rim_y = 0.1 * (x1 - x0), 0.1 * (y1 - y0)
        left, right = (round(min(max((x - view.x) * scale, 0), size)) for x in (x0 + rim_x, x1 - rim_x))
        top, bottom = (round(min(max((y - view.y) * scale, 0), size)) for y in (y0 + rim_y, y1 - rim_y))
        marked[top:bottom, left:right] = True
    return marked
