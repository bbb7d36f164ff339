from pathlib import Path

import numpy as np
import pytest

from agent.wording_trial import FIRST_SEED, Trial, prompts_for, run_trials, summarise
from segmentation.clipseg import ClipSeg
from segmentation.training.phrases import INSIDE, meant_items
from segmentation.training.scene import render


def trial(off: float, on: float, chosen: tuple[str, ...] = ("cans",)) -> Trial:
    return Trial(
        seed=1,
        text="cans",
        kind="kind",
        chosen=chosen,
        items=3,
        false_area=(1 - off, 1 - on),
        overlap=(off, on),
        count_error=(2, 1),
    )


def test_a_summary_is_the_mean_of_off_and_of_on() -> None:
    summary = summarise([trial(0.4, 0.6, ("tins",)), trial(0.8, 0.8), trial(0.0, 0.4)])
    assert (summary.prompts, summary.changed) == (3, 1)
    assert summary.overlap == (0.4, 0.6)
    assert summary.false_area == (0.6, 0.4)
    assert summary.count_error == (2, 1)


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + 4))
def test_prompts_of_a_scene_mean_what_stands_there_and_absent_ones_nothing(seed: int) -> None:
    scene = render(seed, 256)
    prompts = prompts_for(scene)
    assert "kind" in {prompt.kind for prompt in prompts}
    for prompt in prompts:
        meant = bool(np.any(meant_items(scene, prompt.meaning) == INSIDE))
        assert meant is not prompt.kind.startswith("absent"), prompt.text


@pytest.mark.slow
def test_a_trial_runs_end_to_end_on_random_weights(tiny_checkpoint: Path) -> None:
    trials = list(run_trials(ClipSeg.load(tiny_checkpoint, "cpu"), 1, height=128))
    assert trials
    assert all(0 <= value <= 1 for item in trials for value in (*item.overlap, *item.false_area))
