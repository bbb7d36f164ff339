"""The Ray engine gives the rows of the local engine, whatever dies on the way."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.batch.call import Call
from agent.batch.cluster import RayEngine, connect
from agent.batch.errors import ClusterError
from tests.agent.batch.fakes import FakeBench, Loaded, Silent, finished_tasks, noted, photos, results, run_fake

# Ray's own warnings (its code still uses what Python and its dependencies deprecate) are not ours to mend.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

KILLS = 20  # of the driver


@pytest.mark.parametrize("address", ["10.1.2.3:6379", "ray://head:10001", "auto"])
def test_a_cluster_of_other_machines_must_ask_for_a_token(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)

    with pytest.raises(ClusterError, match="RAY_AUTH_MODE=token"):
        connect(address)


@pytest.mark.parametrize("error", [ConnectionError, ValueError, Exception])
def test_a_cluster_that_cannot_be_reached_or_started_is_one_line(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray raises a plain Exception when its own node takes too long to start."""

    def init(**options: object) -> None:
        raise error("The node timed out\n  during startup.")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))  # type: ignore[arg-type]

    with pytest.raises(ClusterError, match=r"^Ray: The node timed out during startup\.$"):
        connect(None)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that holds nothing and nodes that come and go, on this machine, behind a token."""
    # Ray reads these when it is imported, so it must not have been before.
    settings = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789" * 4}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(name, value)
        made = pytest.importorskip("ray.cluster_utils", reason="the extra `ray` is not installed").Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0}
        )
        yield made
        made.shutdown()


def bench(folder: str, death: float = 0.0) -> FakeBench:
    """A bench that dies by chance, and dies or hangs on every photo that says so. Deaths are noted as files.

    Chance is a matter of the photo, the call and the deaths before, so it is the same in every run of a test.
    """

    def before(photo: Loaded, call: Call) -> None:
        if photo.data.startswith(b"endless"):
            threading.Event().wait()
        note = f"death-{Path(photo.name).stem}-"
        deaths = len(list(Path(folder).glob(f"{note}*")))
        dies = random.Random(f"{photo.name} {call} {deaths}").random() < death
        if dies or photo.data.startswith(b"poison"):
            (Path(folder) / f"{note}{deaths}").touch()
            os._exit(1)

    return FakeBench(before)


def deaths(folder: Path) -> int:
    return len(list(folder.glob("death-*")))


def run_on(
    cluster: Any,
    tmp_path: Path,
    watcher: Silent | None = None,
    death: float = 0.0,
    patience: float = 120,
    **options: Any,
) -> Any:
    engine = RayEngine(partial(bench, str(tmp_path), death), cluster.address, patience=patience, workers=3)
    return run_fake(tmp_path, tmp_path / "ray", make_engine=lambda: engine, watcher=watcher, **options)


@pytest.fixture
def nodes(cluster: Any) -> Iterator[list[Any]]:
    added = [cluster.add_node(num_cpus=1) for _ in range(3)]
    yield added
    for node in added:
        if node in cluster.worker_nodes:
            cluster.remove_node(node)


@pytest.mark.slow
@pytest.mark.usefixtures("nodes")
def test_the_rows_are_those_of_the_local_engine(cluster: Any, tmp_path: Path) -> None:
    paths = photos(tmp_path / "shelf", 40)
    paths[7].write_bytes(b"broken")
    run_fake(tmp_path, tmp_path / "local")

    summary = run_on(cluster, tmp_path)

    assert (summary.ending, summary.done, summary.failed) == ("complete", 78, 2)
    assert results(tmp_path / "ray") == results(tmp_path / "local")


@pytest.mark.slow
@pytest.mark.usefixtures("nodes")
def test_actors_that_die_by_chance_lose_nothing(cluster: Any, tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 60)
    run_fake(tmp_path, tmp_path / "local")

    run_on(cluster, tmp_path, death=0.05)

    assert deaths(tmp_path) >= 3
    assert results(tmp_path / "ray") == results(tmp_path / "local")
    assert len(set(finished_tasks(tmp_path / "ray"))) == len(finished_tasks(tmp_path / "ray")) == 120


@pytest.mark.slow
@pytest.mark.usefixtures("nodes")
def test_a_photo_that_kills_its_actor_becomes_a_row_and_the_others_are_done(cluster: Any, tmp_path: Path) -> None:
    paths = photos(tmp_path / "shelf", 12)
    paths[5].write_bytes(b"poison")

    summary = run_on(cluster, tmp_path)

    assert (summary.ending, summary.done, summary.failed) == ("complete", 22, 2)
    assert deaths(tmp_path) == 4  # once beside another photo, three times alone
    assert b"the worker died 3 times on this photo" in results(tmp_path / "ray")["counts.csv"]


@pytest.mark.slow
@pytest.mark.usefixtures("nodes")
def test_a_photo_that_never_ends_becomes_a_row_and_the_others_are_done(cluster: Any, tmp_path: Path) -> None:
    paths = photos(tmp_path / "shelf", 12)
    paths[5].write_bytes(b"endless")

    summary = run_on(cluster, tmp_path, patience=30)

    assert (summary.ending, summary.done, summary.failed) == ("complete", 22, 2)
    assert b"the worker died 3 times on this photo (silent for 3" in results(tmp_path / "ray")["counts.csv"]


@pytest.mark.slow
@pytest.mark.parametrize("percent", [10, 50, 90])
def test_a_node_that_leaves_loses_nothing(cluster: Any, nodes: list[Any], tmp_path: Path, percent: int) -> None:
    photos(tmp_path / "shelf", 50)
    run_fake(tmp_path, tmp_path / "local")

    class Remover(Silent):
        def advance(self, photo: str, done: int, failed: int) -> None:
            if done >= percent and nodes[0] in cluster.worker_nodes:
                cluster.remove_node(nodes[0])

    run_on(cluster, tmp_path, watcher=Remover())

    assert results(tmp_path / "ray") == results(tmp_path / "local")
    assert len(set(finished_tasks(tmp_path / "ray"))) == len(finished_tasks(tmp_path / "ray")) == 100


@pytest.mark.slow
@pytest.mark.usefixtures("nodes")
def test_a_run_begun_on_ray_is_finished_on_the_local_engine(cluster: Any, tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 30)
    run_fake(tmp_path, tmp_path / "local")
    stop = threading.Event()

    class Stopper(Silent):
        def advance(self, photo: str, done: int, failed: int) -> None:
            if done >= 20:
                stop.set()

    first = run_on(cluster, tmp_path, watcher=Stopper(), stop=stop)
    rest = run_fake(tmp_path, tmp_path / "ray", start="resume")

    assert first.ending == "interrupted"
    assert rest.fresh == 60 - first.done > 0
    assert results(tmp_path / "ray") == results(tmp_path / "local")


@pytest.mark.slow
@pytest.mark.usefixtures("nodes")
def test_a_worker_that_cannot_start_ends_the_run_with_its_reason(cluster: Any, tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 2)
    engine = RayEngine(no_bench, cluster.address, workers=1)

    with pytest.raises(ClusterError, match="the weights are not on this node"):
        run_fake(tmp_path, tmp_path / "ray", make_engine=lambda: engine)


def no_bench() -> FakeBench:
    raise FileNotFoundError("the weights are not on this node")


@pytest.mark.slow
def test_a_driver_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    photos(tmp_path / "shelf", 130)
    run_fake(tmp_path, tmp_path / "local")
    out, chance = tmp_path / "ray", random.Random(3)

    for life in range(KILLS):
        # As for the local engine: every other life finishes a photo. Two actors of two lanes each finish six at most.
        least = chance.randint(life % 2, 2)
        lives, finished = noted(out, "open"), noted(out, "photo")
        process = drive(tmp_path, out, str(2 * least + 2))
        while noted(out, "open") == lives or noted(out, "photo") < finished + least:
            assert not ended(process, 0.02)
        # A life that finishes nothing may be killed while its cluster starts.
        assert not ended(process, chance.random() * (0.1 if least else 8))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    assert drive(tmp_path, out).wait() == 0
    assert results(out) == results(tmp_path / "local")
    assert len(set(finished_tasks(out))) == len(finished_tasks(out)) == 260


def drive(folder: Path, out: Path, *calls: str) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[3]
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("process.py")), "ray", str(folder), str(out), *calls],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, start_new_session=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
