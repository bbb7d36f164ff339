"""A convolutional decoder for CLIPSeg's encoder: the U-Net, conditioned by FiLM at every level.

All levels of a vision transformer have the grid of its patches. As in UNETR (arXiv 2103.10504) the shallower a
level, the finer it is unfolded before it joins: the deepest starts at the grid, each stage doubles the side, and
the last one stands at half the picture. FiLM (arXiv 1709.07871) lets the prompt scale and shift each stage.
"""

from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

FEWEST_CHANNELS = 8


@dataclass(frozen=True)
class Drawn:
    """What a decoder gives; named as the output of transformers' decoder."""

    logits: Tensor  # (batch, side, side)


class Film(nn.Module):
    """Scale and shift of channels from a condition."""

    def __init__(self, condition: int, channels: int, layers: int) -> None:
        super().__init__()
        self.map = perceptron(condition, 2 * channels, layers)

    def forward(self, image: Tensor, conditions: Tensor) -> Tensor:
        """The image modulated, same shape (batch, channels, height, width)."""
        scale, shift = self.map(conditions)[:, :, None, None].chunk(2, 1)
        return (1 + scale) * image + shift  # type: ignore[no-any-return]


class Stage(nn.Module):
    """Two convolutions with the prompt between them."""

    def __init__(self, given: int, channels: int, condition: int, film_layers: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(given, channels, 3, padding=1)
        self.norm = nn.GroupNorm(max(1, channels // 8), channels)
        self.film = Film(condition, channels, film_layers)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, image: Tensor, conditions: Tensor) -> Tensor:
        """(batch, given, height, width) to (batch, channels, height, width)."""
        hidden = functional.relu(self.film(self.norm(self.first(image)), conditions))
        return functional.relu(self.second(hidden))


class UNetDecoder(nn.Module):
    """Called as transformers' CLIPSegDecoder is, and with the same reductions of the levels."""

    def __init__(self, config: Any) -> None:
        """Build from a CLIPSegConfig; `film_layers` in it, if any, says how deep FiLM's maps are."""
        super().__init__()
        condition, width, depth = config.projection_dim, config.reduce_dim, len(config.extract_layers)
        film_layers = getattr(config, "film_layers", 1)
        self.patch = int(config.vision_config.patch_size)
        self.stages_up = max(1, ceil(log2(self.patch)) - 1)
        self.joins = [round(level * self.stages_up / max(1, depth - 1)) for level in range(depth)]  # deepest first
        channels = [max(FEWEST_CHANNELS, width >> stage) for stage in range(self.stages_up + 1)]
        self.reduces = nn.ModuleList(nn.Linear(config.vision_config.hidden_size, width) for _ in range(depth))
        self.unfolds = nn.ModuleList(
            nn.ConvTranspose2d(width, channels[stage], 1 << stage, stride=1 << stage) for stage in self.joins
        )
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(channels[stage - 1], channels[stage], 2, stride=2)
            for stage in range(1, self.stages_up + 1)
        )
        fed = [channels[s] * (self.joins.count(s) + (s > 0)) for s in range(self.stages_up + 1)]
        self.stages = nn.ModuleList(
            Stage(given, wide, condition, film_layers) for given, wide in zip(fed, channels, strict=True)
        )
        self.head = nn.Conv2d(channels[-1], 1, 1)

    def forward(self, hidden_states: Any, conditional_embeddings: Tensor) -> Drawn:
        """Logits of one prompt for each picture.

        Args:
            hidden_states: The extracted levels, shallowest first, each (batch, tokens + 1, encoder width).
            conditional_embeddings: (batch, projection).
        """
        levels = zip(self.reduces, hidden_states[::-1], strict=True)
        return Drawn(self.draw(torch.stack([reduce(level) for reduce, level in levels]), conditional_embeddings))

    def draw(self, reduced: Tensor, conditions: Tensor) -> Tensor:
        """Logits (batch, side, side) from reduced levels, (levels, batch, tokens + 1, width), deepest first."""
        grid = round((reduced.shape[2] - 1) ** 0.5)
        images = reduced[:, :, 1:].transpose(2, 3).reshape(*reduced.shape[:2], -1, grid, grid)
        joining: list[list[Tensor]] = [[] for _ in self.stages]
        for stage, unfold, image in zip(self.joins, self.unfolds, images, strict=True):
            joining[stage].append(unfold(image))
        hidden = self.stages[0](torch.cat(joining[0], 1), conditions)
        for up, stage_, more in zip(self.ups, self.stages[1:], joining[1:], strict=True):
            hidden = stage_(torch.cat([up(hidden), *more], 1), conditions)
        side = grid * self.patch
        logits = functional.interpolate(self.head(hidden), (side, side), mode="bilinear", align_corners=False)
        return logits[:, 0]


def perceptron(given: int, wanted: int, layers: int) -> nn.Module:
    """A linear map, or one with hidden layers as wide as what it is given."""
    if layers == 1:
        return nn.Linear(given, wanted)
    parts: list[nn.Module] = []
    for _ in range(layers - 1):
        parts += [nn.Linear(given, given), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(given, wanted))
