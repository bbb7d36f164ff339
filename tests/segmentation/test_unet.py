"""The convolutional decoder: shapes, what it depends on, and what it costs to reach it from a checkpoint."""

from typing import Any

import pytest
import torch
from transformers import CLIPSegConfig

from segmentation.unet import UNetDecoder, perceptron


def _config(*, patch: int = 16, layers: tuple[int, ...] = (0, 1, 2), film: int = 1) -> Any:
    return CLIPSegConfig(
        text_config={},
        vision_config={"hidden_size": 12, "num_attention_heads": 2, "num_hidden_layers": 6, "patch_size": patch},
        projection_dim=10,
        reduce_dim=16,
        extract_layers=list(layers),
        film_layers=film,
    )


def _levels(count: int, batch: int, grid: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(batch, grid * grid + 1, 12) for _ in range(count)]


@pytest.mark.parametrize("patch", [8, 14, 16, 32])
@pytest.mark.parametrize("layers", [(1,), (0, 3), (0, 1, 2), (0, 1, 2, 3, 4)])
def test_a_map_has_the_size_of_the_picture_for_any_patch_and_any_number_of_levels(
    patch: int, layers: tuple[int, ...]
) -> None:
    decoder = UNetDecoder(_config(patch=patch, layers=layers))
    drawn = decoder(_levels(len(layers), 2, 3), torch.randn(2, 10))
    assert drawn.logits.shape == (2, 3 * patch, 3 * patch)


def test_the_deepest_level_joins_at_the_grid_and_the_shallowest_at_the_finest_stage() -> None:
    assert UNetDecoder(_config(layers=(0, 1, 2, 3))).joins == [0, 1, 2, 3]
    assert UNetDecoder(_config(layers=(0, 1))).joins == [0, 3]


def test_every_level_and_the_prompt_change_the_map() -> None:
    decoder, levels, prompt = UNetDecoder(_config()), _levels(3, 1, 3), torch.randn(1, 10)
    with torch.no_grad():
        before = decoder(levels, prompt).logits
        assert not torch.allclose(before, decoder(levels, -prompt).logits)
        for number in range(3):
            other = [level + (place == number) for place, level in enumerate(levels)]
            assert not torch.allclose(before, decoder(other, prompt).logits)


def test_pictures_of_a_batch_do_not_see_each_other() -> None:
    decoder, levels, prompts = UNetDecoder(_config()), _levels(3, 2, 3), torch.randn(2, 10)
    with torch.no_grad():
        both = decoder(levels, prompts).logits
        second = decoder([level[1:] for level in levels], prompts[1:]).logits
    assert torch.allclose(both[1:], second, atol=1e-5)


def test_a_deeper_film_has_hidden_layers() -> None:
    assert len([p for p in perceptron(4, 6, 3).parameters() if p.ndim == 2]) == 3
    assert perceptron(4, 6, 3)(torch.zeros(1, 4)).shape == (1, 6)
    deep, flat = (sum(p.numel() for p in UNetDecoder(_config(film=n)).parameters()) for n in (3, 1))
    assert deep - flat == 4 * 2 * (10 * 10 + 10)  # two hidden layers in each of four stages
