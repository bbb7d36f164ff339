from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from segmentation import meaning
from segmentation.checkpoint import Centres, Checkpoint, Thresholds
from segmentation.clipseg import Activations, ClipSeg, Conditions
from segmentation.geometry import Box, iou
from segmentation.meaning import find_meaning, find_meaning_many, survey

RED = Conditions(("red",), np.zeros((1, 4), np.float32))


CENTRES = Thresholds(centres=Centres(text="centres"))


class RedFinder:
    """Sees red as a CLIPSeg would: in cells of 8 px of its 352-px view, not sharper. Centres are what is violet."""

    size = 352

    def __init__(self, broken: float | None = None) -> None:
        self.checkpoint = Checkpoint(Path(), "red finder", "")
        self.encoded = 0
        self.broken = broken

    def text(self, texts: Sequence[str]) -> Conditions:
        return Conditions(tuple(texts), np.zeros((len(texts), 4), np.float32))

    def encode(self, views: NDArray[np.uint8]) -> Activations:
        self.encoded += len(views)
        return Activations(torch.from_numpy(views)[None])

    def decode(self, activations: Activations, conditions: Conditions) -> NDArray[np.float32]:
        logits = []
        for view in activations.reduced[0].numpy().astype(np.float32):
            red = (view[..., 2 if conditions.names == ("centres",) else 0] - view[..., 1]) / 255
            cells = cv2.resize(red, (44, 44), interpolation=cv2.INTER_AREA)
            logits.append(cv2.resize(cells, (352, 352), interpolation=cv2.INTER_NEAREST) * 16 - 8)
        if self.broken is not None:
            logits = [np.full_like(one, self.broken) for one in logits]
        return np.repeat(np.stack(logits)[:, None], len(conditions), axis=1)


def shelf(width: int, height: int, boxes: list[Box]) -> NDArray[np.uint8]:
    photo = np.full((height, width, 3), 120, np.uint8)
    for x0, y0, x1, y1 in boxes:
        photo[y0:y1, x0:x1] = (250, 10, 10)
    return photo


def row(number: int, x: int, y: int, width: int, height: int, pitch: int) -> list[Box]:
    return [(x + i * pitch, y, x + i * pitch + width, y + height) for i in range(number)]


def test_separate_packs_are_components_in_photo_pixels() -> None:
    boxes = row(5, 100, 200, 90, 220, 180)
    found = find_meaning(RedFinder(), shelf(1200, 900, boxes), RED)
    assert len(found.components) == 5
    for component, box in zip(sorted(found.components, key=lambda one: one.box), boxes, strict=True):
        assert iou(component.box, box) > 0.85
        assert component.area == pytest.approx(90 * 220, rel=0.15)
        assert component.score > 0.9
    assert found.presence > 0.99
    assert found.heat.score(boxes[0]) > 0.9
    assert found.heat.at(50, 50) < 0.01
    assert not found.saturated


def test_packs_without_a_gap_are_told_apart_by_their_centres_unless_no_packs_are_meant() -> None:
    boxes = row(4, 200, 200, 150, 300, 150)
    photo = shelf(1200, 900, boxes)
    for x0, y0, x1, y1 in boxes:
        photo[y0 + 90 : y1 - 90, x0 + 45 : x1 - 45] = (250, 10, 250)
    engine = RedFinder()
    assert len(find_meaning(engine, photo, RED).components) == 1
    found = find_meaning(engine, photo, RED, CENTRES)
    assert len(found.components) == 4
    for component, box in zip(sorted(found.components, key=lambda one: one.box), boxes, strict=True):
        assert iou(component.box, box) > 0.85
    assert len(find_meaning(engine, photo, RED, CENTRES, packs=False).components) == 1


def test_an_absent_target_stays_absent() -> None:
    found = find_meaning(RedFinder(), shelf(1600, 1200, []), RED)
    assert found.components == found.chunks == ()
    assert found.presence < 0.01


def test_packs_that_merge_in_the_overview_are_separated_from_closer() -> None:
    boxes = row(10, 300, 900, 60, 150, 84)  # one overview cell is 68 px: the gaps of 24 px drown
    photo = shelf(4000, 3000, boxes)
    (overview,) = survey(RedFinder(), photo, RED)
    overview_only = (overview.probability > 0.4).astype(np.uint8)
    assert cv2.connectedComponents(overview_only, connectivity=4)[0] - 1 < 10
    found = find_meaning(RedFinder(), photo, RED)
    assert len(found.components) == 10
    assert found.views < meaning.VIEW_BUDGET


def test_a_spent_budget_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [box for y in range(300, 2700, 400) for box in row(40, 200, y, 60, 150, 84)]
    monkeypatch.setattr(meaning, "VIEW_BUDGET", 16)
    engine = RedFinder()
    found = find_meaning(engine, shelf(4000, 3000, boxes), RED)
    assert found.saturated
    assert found.views == engine.encoded == 16


def test_a_small_photo_is_looked_at_once_because_it_has_no_more_pixels() -> None:
    engine = RedFinder()
    found = find_meaning(engine, shelf(300, 300, row(3, 30, 60, 50, 120, 80)), RED)
    assert (engine.encoded, len(found.components)) == (1, 3)


@pytest.mark.parametrize(("value", "components"), [(np.nan, 0), (-np.inf, 0), (np.inf, 1), (-3.0, 0), (2.0, 1)])
def test_broken_and_flat_maps_are_all_or_nothing(value: float, components: int) -> None:
    found = find_meaning(RedFinder(broken=value), shelf(400, 300, []), RED)
    assert len(found.components) == components
    assert np.isfinite(found.heat.logits).all()
    assert 0 <= found.presence <= 1


def test_thresholds_given_replace_those_of_the_checkpoint() -> None:
    photo = shelf(700, 400, [(100, 100, 200, 300)])
    photo[100:300, 400:500] = (200, 60, 60)  # half red: a probability of 0.68
    assert len(find_meaning(RedFinder(), photo, RED).components) == 2
    strict = Thresholds(seed=0.9, mask=0.8)
    assert len(find_meaning(RedFinder(), photo, RED, strict).components) == 1


def test_of_several_wordings_a_place_counts_as_far_as_all_agree(tiny_checkpoint: Path) -> None:
    engine = ClipSeg.load(tiny_checkpoint, device="cpu")
    photo = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)  # one view
    wordings = engine.text(["red can", "red tin"])
    found = find_meaning(engine, photo, wordings)
    alone = [find_meaning(engine, photo, engine.text([text])).heat.logits for text in wordings.names]
    np.testing.assert_allclose(found.heat.logits, np.minimum(*alone), atol=1e-4)


def test_targets_on_one_photo_share_its_encoded_views(tiny_checkpoint: Path) -> None:
    engine = ClipSeg.load(tiny_checkpoint, device="cpu")
    photo = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    maps = survey(engine, photo, engine.text(["can", "jar", "box"]))
    assert (len(maps), engine.encoded) == (3, 2)
    found = find_meaning_many(engine, photo, [engine.text(["can"]), engine.text(["jar", "pot"])])
    assert engine.encoded == 2
    np.testing.assert_allclose(found[0].heat.logits.mean(), maps[0].logits.mean(), atol=1e-3)


def test_the_time_of_each_stage_is_reported() -> None:
    found = find_meaning(RedFinder(), shelf(400, 300, []), RED)
    assert set(found.seconds) == {"cut", "encode", "decode", "fuse", "chunks", "components"}
