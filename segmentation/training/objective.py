"""What a step makes smaller: the loss of the masks, of the questions beside them, and of an inventory."""

from typing import Any

import torch
from torch import Tensor, nn

from segmentation.training.architecture import decode, encode, image_conditions, normalise, text_conditions
from segmentation.training.auxiliary import Auxiliary
from segmentation.training.inventory import Packs, contrastive_loss
from segmentation.training.losses import segmentation_loss
from segmentation.training.phrases import IGNORED, INSIDE
from segmentation.training.plan import Plan
from segmentation.training.samples import Batch

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Objective(nn.Module):
    """A model, the heads that ask beside it, and how both are judged."""

    def __init__(self, plan: Plan, model: Any, helper: Auxiliary, tokenizer: Any) -> None:
        super().__init__()
        self.plan, self.model, self.helper, self.tokenizer = plan, model, helper, tokenizer

    def forward(self, batch: Batch, packs: Packs | None = None) -> tuple[Tensor, Tensor]:
        """The total loss, and without gradients: mask loss, IoU of present prompts, lit share of absent ones."""
        plan = self.plan
        with torch.autocast(plan.device, _DTYPES[plan.precision], enabled=plan.precision != "float32"):
            texts, conditions = self.conditions(batch)
            activations = encode(self.model, normalise(batch.images), batch.places)
            logits = decode(self.model, activations, conditions)
        logits = logits.float()
        loss = segmentation_loss(logits, batch.targets, plan.loss, plan.border, plan.dice, plan.absent)
        total = loss
        if plan.auxiliary:
            asked = self.helper(activations[-1], texts, conditions, batch.facts, batch.targets)
            total = loss + plan.auxiliary * asked
        if packs is not None and plan.inventory is not None:
            total = total + plan.inventory.weight * self._inventory(packs, batch.images.device)
        return total, torch.stack([loss.detach(), *overlap(logits.detach(), batch.targets)])

    def conditions(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Condition of every text, and of every prompt: where an example is given, mixed with that of its picture.

        The mix is the paper's: text_share * text + (1 - text_share) * image, of raw vectors.
        """
        text = self._texts(batch.texts, batch.images.device)
        count = batch.examples.shape[0]
        if not count:
            return text, text
        seen = image_conditions(self.model, normalise(batch.examples))
        share = batch.text_shares[:, None].to(text)
        at = torch.arange(count, device=text.device) * (len(batch.texts) // len(batch.images))
        return text, text.index_copy(0, at, (share * text[at] + (1 - share) * seen).to(text.dtype))

    def _texts(self, texts: list[str], device: torch.device) -> Tensor:
        tokens = self.tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=self.model.config.text_config.max_position_embeddings,
            return_tensors="pt",
        )
        return text_conditions(self.model, tokens["input_ids"].to(device), tokens["attention_mask"].to(device))

    def _inventory(self, packs: Packs, device: torch.device) -> Tensor:
        with torch.autocast(self.plan.device, _DTYPES[self.plan.precision], enabled=self.plan.precision != "float32"):
            named = self._texts(list(packs.names), device)
            seen = image_conditions(self.model, normalise(packs.views.to(device).flatten(0, 1)))
        return contrastive_loss(seen.view(2, len(named), -1), named, self.model.clip.logit_scale)


def overlap(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mean IoU of present prompts and mean lit share of absent ones, at probability 0.5; NaN where there are none."""
    lit, meant, counted = logits > 0, target == INSIDE, target != IGNORED
    lit = lit & counted
    present = meant.flatten(1).any(1)
    both = (lit & meant).flatten(1).sum(1).float()
    either = (lit | meant).flatten(1).sum(1).float().clamp(min=1)
    return (both / either)[present].mean(), lit.flatten(1).float().mean(1)[~present].mean()
