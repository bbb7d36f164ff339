"""The evaluation, asked about models whose answers are known."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from segmentation.checkpoint import Thresholds
from segmentation.errors import DataError
from segmentation.evaluation.calibration import calibrate, store, stored_interval
from segmentation.evaluation.coverage import IntervalCalibration
from segmentation.evaluation.real_photos import masked_photos, real_sets
from segmentation.evaluation.segmentation import (
    count_labels,
    count_sizes,
    judge_scene,
    rendered_outcomes,
    scenes,
    summarise,
)
from segmentation.training.centres import centres
from segmentation.training.phrases import BORDER, INSIDE, Meaning, Phrase, phrases_for, seams, target
from segmentation.training.products import HELD_OUT_PAIRS
from segmentation.training.scene import Scene, render
from segmentation.vocabulary import vocabulary

SIZE = 176
HALF = Thresholds(seed=0.5, mask=0.5)


class _Conditions:
    """Carries the texts through to the decoder."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names


class _Scripted:
    """Answers from a table of maps, one per text."""

    size = SIZE

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def text(self, texts: list[str]) -> Any:
        return _Conditions(tuple(texts))

    def encode(self, views: Any) -> Any:
        return views

    def decode(self, activations: Any, conditions: Any) -> Any:
        return np.stack([[self.answers[name] for name in conditions.names]]).astype(np.float32)


class _Constant(_Scripted):
    """Says the same everywhere, whatever is asked."""

    def __init__(self, logit: float) -> None:
        super().__init__({})
        self.logit = logit

    def decode(self, activations: Any, conditions: Any) -> Any:
        return np.full((1, len(conditions.names), SIZE, SIZE), self.logit, np.float32)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return next(scenes(1, 3, SIZE, wide=True, held_out=False, data=None))


def test_a_model_that_answers_with_the_truth_scores_one_and_counts_right(scene: Scene) -> None:
    meaning = Meaning()
    truth = target(scene, meaning, seams(scene)) == INSIDE
    model = _Scripted({"products": np.where(truth, 9.0, -9.0)})
    (outcome,) = judge_scene(model, scene, (Phrase("products", meaning),), HALF)
    assert outcome.iou == 1.0
    assert outcome.present
    assert summarise("set", [outcome], 0.5).present.miou == 1.0  # type: ignore[union-attr]


def test_a_model_that_always_lights_everything_is_charged_for_absent_prompts(scene: Scene) -> None:
    absent = Phrase("no such thing", Meaning(product=99))
    (outcome,) = judge_scene(_Constant(9.0), scene, (absent,), HALF)
    assert not outcome.present
    assert outcome.lit == outcome.marked == 1.0
    assert summarise("set", [outcome], 0.5).absent_area == 1.0


def test_what_does_not_reach_the_seed_is_lit_and_not_marked(scene: Scene) -> None:
    absent = Phrase("no such thing", Meaning(product=99))
    (outcome,) = judge_scene(_Constant(0.5), scene, (absent,), Thresholds(seed=0.9, mask=0.5))
    assert (outcome.lit, outcome.marked) == (1.0, 0.0)
    scores = summarise("set", [outcome], 0.5)
    assert (scores.absent_lit, scores.absent_area) == (1.0, 0.0)


def test_sets_without_samples_have_no_scores() -> None:
    scores = summarise("empty", [], 0.5)
    assert (scores.present, scores.absent_area, scores.components) == (None, None, None)


def test_counting_labels_leaves_out_specks_and_slivers() -> None:
    labels = np.zeros((352, 352), np.int32)
    labels[10:60, 10:40], labels[10:60, 100:130] = 1, 2  # two items
    labels[10:14, 200:210] = 3  # a speck of 40 pixels
    labels[200:210, 200:220] = 4  # 200 pixels, a seventh of the median
    assert count_labels(labels) == 2


def test_count_sizes_of_nothing_is_zero() -> None:
    assert count_sizes(np.array([]), 100) == 0


def test_held_out_scenes_ask_for_a_pair_that_training_never_shows() -> None:
    outcomes = rendered_outcomes(_Constant(-9.0), 3, HALF, held_out=True)
    assert len(outcomes) == 3
    assert all(o.colour_and_kind for o in outcomes)
    for made in scenes(3, 0, SIZE, wide=True, held_out=True, data=None):
        assert (made.products[0].colour, made.products[0].kind) in HELD_OUT_PAIRS


def test_calibration_of_a_model_that_knows_the_truth_finds_it_and_stores_thresholds(tmp_path: Path) -> None:
    calibration = calibrate(_Constant(0.0), 2, first_seed=5)
    assert calibration.thresholds.mask <= calibration.thresholds.seed
    assert calibration.prompts == 8
    path = store(calibration, tmp_path)
    assert '"thresholds"' in path.read_text(encoding="utf-8")


class _Knows(_Constant):
    """Draws the truth of what it is asked, surer where that is right, and something unsure for what is absent.

    Items that touch join in its maps when seams are closed; it knows the centres of packs or shows none.
    """

    def __init__(self, sure: float, unsure: float, *, closed: bool = False, centres: bool = False) -> None:
        super().__init__(-9.0)
        self.sure, self.unsure, self.closed, self.centres = sure, unsure, closed, centres
        self.left = iter(scenes(2, 5, SIZE, wide=True, held_out=False, data=None))
        self.done = 0

    def decode(self, activations: Any, conditions: Any) -> Any:
        scene = next(self.left, None)
        if scene is None:  # calibration looks several times
            self.left, self.done = iter(scenes(2, 5, SIZE, wide=True, held_out=False, data=None)), 0
            scene = next(self.left)
        self.done += 1
        *asked, last = conditions.names
        assert last == vocabulary().centres
        seam = seams(scene)
        phrases = phrases_for(scene, len(asked), np.random.default_rng((5, self.done)))
        inside = (INSIDE, BORDER) if self.closed else (INSIDE,)
        maps = [np.isin(target(scene, phrase.meaning, seam), inside) for phrase in phrases]
        drawn = [np.where(truth, self.sure, -9.0) if truth.any() else np.full((SIZE, SIZE), -9.0) for truth in maps]
        for one, truth in zip(drawn, maps, strict=True):
            if not truth.any():
                one[:100, :100] = self.unsure
        middle = (centres(scene, seam) == INSIDE) & self.centres
        return np.stack([*drawn, np.where(middle, 4.0, -4.0)])[None].astype(np.float32)


def test_calibration_puts_the_seed_above_what_lights_up_for_absent_prompts() -> None:
    calibration = calibrate(_Knows(sure=4.0, unsure=1.0), 2, first_seed=5)  # 0.98 and 0.73
    assert calibration.thresholds.seed > 0.73
    assert calibration.absent == 0.0
    assert calibration.miou > 0.95
    assert calibration.exact > 0.8


def test_calibration_uses_centres_when_more_counts_are_exact_with_them() -> None:
    knows = calibrate(_Knows(sure=4.0, unsure=1.0, closed=True, centres=True), 2, first_seed=5)
    shows_none = calibrate(_Knows(sure=4.0, unsure=1.0, closed=True), 2, first_seed=5)
    assert shows_none.thresholds.centres is None
    assert knows.thresholds.centres is not None
    assert knows.thresholds.centres.text == vocabulary().centres
    assert knows.exact > shows_none.exact


def test_calibration_that_cannot_be_stored_says_so_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        store(calibrate(_Constant(0.0), 1, first_seed=5), tmp_path / "missing")


def test_an_interval_that_was_found_before_can_be_read_back(tmp_path: Path) -> None:
    assert stored_interval(tmp_path) is None
    calibration = calibrate(_Constant(0.0), 1, first_seed=5)
    store(calibration, tmp_path)
    assert stored_interval(tmp_path) is None
    figures = {"share": 0.5, "most": 3.0, "level": 0.9, "samples": 4, "judged": 4}
    figures |= {"covered_before": 0.5, "covered": 0.9, "width_before": 1.0, "width": 5.0}
    interval = IntervalCalibration.model_validate(figures | {"source": "rendered scenes"})
    store(calibration.model_copy(update={"interval": interval}), tmp_path)
    assert stored_interval(tmp_path) == interval


@pytest.fixture
def masked(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "bottles_1.jpg"), np.full((40, 60, 3), 200, np.uint8))
    folder = tmp_path / "masks" / "bottles_1"
    folder.mkdir(parents=True)
    for number, x in enumerate((5, 30)):
        mask = np.zeros((40, 60), np.uint8)
        mask[10:30, x : x + 10] = 255
        cv2.imwrite(str(folder / f"{number:02d}.png"), mask)
    return tmp_path


def test_item_masks_become_one_truth_and_a_count(masked: Path) -> None:
    (photo,) = masked_photos(masked)
    assert (photo.prompt, photo.items, int(photo.truth.sum())) == ("bottles", 2, 400)


def test_a_mask_of_another_size_is_named_with_both_sizes(masked: Path) -> None:
    cv2.imwrite(str(masked / "masks" / "bottles_1" / "02.png"), np.zeros((20, 30), np.uint8))
    with pytest.raises(DataError, match=r"30x20, its photo 60x40"):
        list(masked_photos(masked))


def test_an_unreadable_mask_is_named(masked: Path) -> None:
    (masked / "masks" / "bottles_1" / "02.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"02\.png cannot be read"):
        list(masked_photos(masked))


def test_an_empty_folder_of_real_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds none"):
        list(real_sets(tmp_path))


def test_boxes_of_a_real_set_become_rectangles(tmp_path: Path) -> None:
    (tmp_path / "freiburg").mkdir()
    cv2.imwrite(str(tmp_path / "freiburg" / "A.png"), np.zeros((20, 20, 3), np.uint8))
    (tmp_path / "freiburg_boxes.json").write_text(
        '{"A.png": {"class": "tomato_sauce", "boxes": [[0, 0, 5, 4], [10, 10, 12, 12]]}}', encoding="utf-8"
    )
    ((_, _, (photo,)),) = real_sets(tmp_path)
    assert (photo.prompt, photo.items, int(photo.truth.sum())) == ("tomato sauce", 2, 24)


def test_wide_and_narrow_scenes_are_kept_apart() -> None:
    for wide in (True, False):
        for made in scenes(2, 100, SIZE, wide=wide, held_out=False, data=None):
            widths = []
            for number, item in enumerate(made.items):
                columns = np.flatnonzero((made.labels == number + 1).any(0))
                if item.thing == "pack" and len(columns) and columns[0] > 0 and columns[-1] < SIZE - 1:
                    widths.append(len(columns) / SIZE)
            if not wide:
                assert min(widths) < 48 / 352


def test_evaluation_seeds_never_meet_training_seeds() -> None:
    from segmentation.training.samples import FIRST_TRAINING_SEED

    assert FIRST_TRAINING_SEED > 900_000_000 + 50_000_000 + 1_000_000
    assert render(1, 96).image.shape == (96, 96, 3)
