"""A step computed in parts, in other number formats, and by several processes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from segmentation.errors import DataError
from segmentation.training.group import Group
from segmentation.training.samples import Orders, collate
from segmentation.training.snapshot import latest, read_progress
from segmentation.training.trainer import _Run, train
from tests.segmentation.training.tiny_runs import SHORT, ignore, tiny_plan


def test_parts_of_all_processes_are_the_pictures_of_the_step() -> None:
    stage = SHORT.model_copy(update={"scenes": 7, "examples": 3})
    whole = next(iter(Orders(tiny_plan(stages=(stage,)), 0)))
    plan = tiny_plan(stages=(stage,), accumulate=2)
    dealt = [part for rank in (0, 1) for _, part in zip(range(2), iter(Orders(plan, 0, rank, 2)), strict=False)]
    assert sorted(order.index for part in dealt for order in part) == [order.index for order in whole]
    assert [len(part) for part in dealt] == [2, 2, 2, 1]
    for part in dealt:
        assert [order.example for order in part] == sorted((order.example for order in part), reverse=True)


def test_gradients_of_a_step_in_parts_are_the_mean_of_its_parts(tmp_path: Path) -> None:
    plan = tiny_plan(stages=(SHORT,), accumulate=2, clip=1e9)
    run = _Run(plan, tmp_path, torch.device("cpu"), Group())
    parts = [collate([run.samples[order] for order in orders]) for orders in list(Orders(plan, 0))[:2]]
    weight = run.model.decoder.reduces[0].weight
    wanted = torch.zeros_like(weight)
    for part in parts:
        run.model.zero_grad(set_to_none=True)
        run.objective(part)[0].backward()
        wanted += weight.grad / 2
    run._step(0, iter(parts))
    assert wanted.abs().max() > 0
    assert torch.allclose(weight.grad, wanted, atol=1e-7)


def test_a_step_with_fewer_pictures_than_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"stages\.0\.scenes: 2 pictures cannot be dealt out to 3 parts"):
        train(tiny_plan(stages=(SHORT,), accumulate=3), tmp_path, ignore)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_trains_and_goes_on(tmp_path: Path, precision: str) -> None:
    plan = tiny_plan(stages=(SHORT.model_copy(update={"steps": 4}),), precision=precision)
    train(plan, tmp_path, ignore, until=2)
    state = latest(tmp_path)
    assert state is not None
    before = load_file(state / "model.safetensors")
    scaler = read_progress(state).scaler
    assert (scaler is not None) == (precision == "float16")  # bfloat16 has the range of float32
    assert train(plan, tmp_path, ignore).step == 4
    after = load_file(tmp_path / "state/model.safetensors")
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert all(tensor.isfinite().all() for tensor in after.values())


@pytest.mark.slow
def test_two_processes_arrive_where_one_with_two_parts_does(tmp_path: Path) -> None:
    stage = SHORT.model_copy(update={"steps": 3})
    alone = tiny_plan(stages=(stage,), accumulate=2)
    train(alone, tmp_path / "alone", ignore)
    both = tmp_path / "both"
    both.mkdir()
    (both / "plan.yaml").write_text(json.dumps(tiny_plan(stages=(stage,)).model_dump(mode="json")), encoding="utf-8")
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*start, "--no-python", str(Path(sys.executable).with_name("shelf")), "train", "run", str(both)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("step 3 of 3") == 1  # one process reports
    assert len((both / "log.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    one, two = (load_file(tmp_path / name / "state/model.safetensors") for name in ("alone", "both"))
    assert all(torch.allclose(one[name], two[name], atol=1e-5) for name in one)
