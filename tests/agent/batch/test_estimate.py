"""The time of a plan is that of a few of its photos, the first of which only warms up."""

from pathlib import Path

from agent.batch.estimate import estimate_seconds
from agent.batch.instructions import parse_instructions
from agent.batch.plan import Plan, make_plan
from tests.agent.batch.fakes import FakeBench, WordPlanner, photos, registry


def plan(folder: Path, number: int) -> Plan:
    photos(folder / "shelf", number)
    text = "photos: shelf\nrequests: [{target: cans}, {target: jars}]\n"
    return make_plan(parse_instructions(text.encode(), folder / "job.yaml"), WordPlanner(), registry())


def test_the_sample_is_spread_and_the_warm_up_is_not_counted(tmp_path: Path) -> None:
    bench, ticks = FakeBench(), iter([0, 100, 100, 102, 102, 106])

    seconds = estimate_seconds(plan(tmp_path, 10), bench, 2, lambda: next(ticks))

    assert bench.loads == ["shelf/0000.jpg", "shelf/0000.jpg", "shelf/0005.jpg"]
    assert seconds == 3 * 10


def test_photos_that_cannot_be_read_give_no_estimate(tmp_path: Path) -> None:
    made = plan(tmp_path, 2)
    for path in (tmp_path / "shelf").iterdir():
        path.write_bytes(b"broken")

    assert estimate_seconds(made, FakeBench(), 2) is None
