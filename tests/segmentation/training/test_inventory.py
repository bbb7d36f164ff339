"""The inventory: reading it, what is drawn of it, and what its loss teaches."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from segmentation.errors import DataError
from segmentation.training.architecture import image_conditions, normalise, text_conditions
from segmentation.training.inventory import Inventory, contrastive_loss
from segmentation.training.plan import Inventory as Settings
from segmentation.training.start import start_model
from segmentation.training.trainer import train
from tests.segmentation.training.tiny_runs import SHORT, ignore, save_tiny_clip, tiny_plan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three products: a picture, a picture with a spaced name, and a folder of two pictures."""
    folder = tmp_path / "packs"
    (folder / "blue can").mkdir(parents=True)
    for name, colour in (
        ("red_bottle.png", (0, 0, 220)),
        ("green box.jpg", (0, 200, 0)),
        ("blue can/front.png", (220, 0, 0)),
        ("blue can/back.png", (200, 30, 0)),
    ):
        cv2.imwrite(str(folder / name), np.full((60, 40, 3), colour, np.uint8))
    (folder / "notes.txt").write_text("no picture", encoding="utf-8")
    return folder


def test_names_come_from_files_and_folders(folder: Path) -> None:
    packs = Inventory(folder, 0).draw(0, 0, 8, 64)
    assert set(packs.names) == {"red bottle", "green box", "blue can"}
    assert packs.views.shape == (2, 3, 64, 64, 3)


def test_the_same_step_draws_the_same_packs_and_another_step_others(folder: Path) -> None:
    inventory = Inventory(folder, 0)
    one, again, other = (inventory.draw(step, 0, 2, 64) for step in (3, 3, 4))
    assert one.names == again.names
    assert torch.equal(one.views, again.views)
    assert one.names != other.names or not torch.equal(one.views, other.views)


def test_views_keep_the_colour_of_their_product(folder: Path) -> None:
    packs = Inventory(folder, 0).draw(0, 0, 8, 64)
    middle = packs.views[:, list(packs.names).index("red bottle"), 32, 32].int()
    assert (middle[:, 0] > middle[:, 1] + 60).all()


def test_the_loss_of_vectors_that_say_nothing_is_the_logarithm_of_their_number() -> None:
    same = torch.ones(4, 8)
    assert contrastive_loss(torch.stack([same, same]), same, torch.zeros(())).item() == pytest.approx(math.log(4))


def test_the_loss_of_products_told_apart_is_nearly_zero() -> None:
    apart = torch.eye(4)
    assert contrastive_loss(torch.stack([apart, apart]), apart, torch.tensor(4.0)).item() < 1e-6


def test_an_inventory_is_learnt_beside_the_masks(tmp_path: Path, folder: Path) -> None:
    clip = save_tiny_clip(tmp_path / "clip")
    settings = Settings(folder=folder, packs=3, weight=1.0)
    stage = SHORT.model_copy(update={"steps": 12, "rate": (5e-3, 5e-3), "scenes": 1})
    plan = tiny_plan(start=str(clip), stages=(stage,), inventory=settings, save_every=12, auxiliary=0, average=0.0)

    def loss_now(run: Path) -> float:
        from safetensors.torch import load_file

        model, tokenizer = start_model(plan, run)
        if (run / "state").is_dir():
            model.load_state_dict(load_file(run / "state/model.safetensors"))
        packs = Inventory(folder, 99).draw(0, 0, 3, 64)
        tokens = tokenizer(list(packs.names), padding=True, return_tensors="pt")
        with torch.no_grad():
            seen = image_conditions(model, normalise(packs.views.flatten(0, 1))).view(2, 3, -1)
            named = text_conditions(model, tokens["input_ids"], tokens["attention_mask"])
            return contrastive_loss(seen, named, torch.tensor(2.66)).item()

    before = loss_now(tmp_path / "run")
    train(plan, tmp_path / "run", ignore)
    assert loss_now(tmp_path / "run") < 0.7 * before


def test_folders_that_are_no_inventory_are_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DataError, match="no such folder of pack pictures"):
        Inventory(tmp_path / "missing", 0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds 0 products"):
        Inventory(tmp_path / "empty", 0)
    (folder / "torn.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"torn\.png cannot be read"):
        Inventory(folder, 0).draw(0, 0, 8, 64)


def test_an_inventory_for_frozen_towers_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="freezes them"):
        tiny_plan(towers="none", inventory=Settings(folder=folder))
