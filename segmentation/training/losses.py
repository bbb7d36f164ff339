"""What a wrong pixel costs."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from segmentation.training.phrases import BORDER, IGNORED, INSIDE

LossName = Literal["bce", "dice", "bce+dice", "focal"]


def pixel_weights(target: Tensor, border: float) -> Tensor:
    """Weight of each pixel: 0 where ignored, more at borders between touching items.

    Args:
        target: uint8 codes of segmentation.training.phrases, any shape.
        border: Weight of a border pixel; 1 is that of any other.
    """
    weights = torch.ones_like(target, dtype=torch.float32)
    weights[target == BORDER] = border
    weights[target == IGNORED] = 0.0
    return weights


def dice_loss(logits: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """One minus the soft Dice coefficient of each mask that has something in it, averaged.

    An empty mask has no useful overlap; cross-entropy already says that nothing should light up.
    """
    found = torch.sigmoid(logits) * weights
    meant = truth * weights
    size = meant.flatten(1).sum(1)
    both = (found * meant).flatten(1).sum(1)
    score = (2 * both + 1.0) / (found.flatten(1).sum(1) + size + 1.0)
    present = (size > 0).float()
    return ((1 - score) * present).sum() / present.sum().clamp(min=1.0)


def absent_loss(logits: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """How much lights up where a mask is empty, averaged over the empty ones.

    An area of a twentieth of the picture costs half of what the whole picture does: it is the first false pack
    that makes a wrong answer. Cross-entropy alone hardly sees it.
    """
    counted = weights.flatten(1).sum(1)
    share = (torch.sigmoid(logits) * weights).flatten(1).sum(1) / counted.clamp(min=1.0)
    absent = ((truth * weights).flatten(1).sum(1) == 0).float()
    return (share / (share + 0.05) * absent).sum() / absent.sum().clamp(min=1.0)


def focal_loss(logits: Tensor, truth: Tensor, weights: Tensor, gamma: float = 2.0, alpha: float = 0.25) -> Tensor:
    """Cross-entropy that forgets what is already right (arXiv 1708.02002)."""
    plain = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    missed = 1 - torch.exp(-plain)
    balance = alpha * truth + (1 - alpha) * (1 - truth)
    return (balance * missed**gamma * plain * weights).sum() / weights.sum().clamp(min=1.0)


def segmentation_loss(
    logits: Tensor, target: Tensor, name: LossName, border: float, dice: float, absent: float = 0.0
) -> Tensor:
    """The loss of a batch of maps.

    Args:
        logits: (maps, height, width).
        target: uint8 codes, same shape.
        name: Which loss.
        border: Weight of border pixels.
        dice: Share of Dice in "bce+dice".
        absent: Weight of what lights up in empty masks.
    """
    truth = (target == INSIDE).float()
    weights = pixel_weights(target, border)
    loss = torch.zeros((), device=logits.device)
    if absent:
        loss = absent * absent_loss(logits, truth, weights)
    if name == "focal":
        return loss + focal_loss(logits, truth, weights)
    if name in ("bce", "bce+dice"):
        plain = functional.binary_cross_entropy_with_logits(logits, truth, weights, reduction="sum")
        loss = loss + plain / weights.sum().clamp(min=1.0)
    if name in ("dice", "bce+dice"):
        loss = loss + (1.0 if name == "dice" else dice) * dice_loss(logits, truth, weights)
    return loss
