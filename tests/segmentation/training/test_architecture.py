"""The forward pass that training takes."""

from typing import Any

import pytest
import torch

from segmentation.training.architecture import encode
from segmentation.training.start import start_model
from tests.segmentation.training.tiny_runs import tiny_plan


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return start_model(tiny_plan(), tmp_path_factory.mktemp("model"))[0].eval()


@torch.no_grad()
def test_a_picture_of_full_size_is_encoded_as_transformers_does(model: Any) -> None:
    pixels = torch.randn(2, 3, 96, 96)
    seen = model.clip.vision_model(pixel_values=pixels, output_hidden_states=True)
    for place in (None, torch.tensor([[0.0, 0.0], [0.99, 0.5]])):
        for index, layer in zip(model.extract_layers, encode(model, pixels, place), strict=True):
            assert torch.allclose(layer, seen.hidden_states[index + 1], atol=1e-5)


@torch.no_grad()
def test_a_small_picture_takes_a_window_of_the_position_table(model: Any) -> None:
    embeddings = model.clip.vision_model.embeddings
    table = embeddings.position_embedding.weight
    pixels = torch.zeros(2, 3, 32, 32)  # two by two tokens of a table of six by six; the bias-free patches are 0
    kept: list[torch.Tensor] = []
    hook = model.clip.vision_model.pre_layrnorm.register_forward_pre_hook(lambda _, given: kept.append(given[0]))
    encode(model, pixels, torch.tensor([[0.0, 0.0], [0.999, 0.5]]))
    hook.remove()
    assert torch.equal(kept[0][0, 1:], table[[1, 2, 7, 8]])
    assert torch.equal(kept[0][1, 1:], table[[1 + 26, 1 + 27, 1 + 32, 1 + 33]])  # row 4, column 2


@torch.no_grad()
def test_a_picture_larger_than_the_table_stretches_it(model: Any) -> None:
    pixels = torch.randn(1, 3, 128, 128)
    placed, stretched = encode(model, pixels, torch.zeros(1, 2)), encode(model, pixels)
    assert all(torch.equal(a, b) for a, b in zip(placed, stretched, strict=True))
