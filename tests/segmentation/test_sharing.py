import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from segmentation.clipseg import Activations, ClipSeg
from segmentation.sharing import MOST_ON_CPU, SharedClipSeg


def views(seed: int, count: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (count, 352, 352, 3)).astype(np.uint8)


@pytest.fixture
def engine(tiny_checkpoint: Path) -> SharedClipSeg:
    return SharedClipSeg.load(tiny_checkpoint, "cpu")


def test_each_caller_gets_what_it_would_get_alone(engine: SharedClipSeg, tiny_checkpoint: Path) -> None:
    alone = ClipSeg.load(tiny_checkpoint, "cpu")
    with ThreadPoolExecutor(8) as pool:
        shared = list(pool.map(lambda seed: engine.encode(views(seed, 1 + seed % 3)), range(16)))
    for seed, activations in enumerate(shared):
        expected = alone.encode(views(seed, 1 + seed % 3))
        assert activations.reduced.shape == expected.reduced.shape
        torch.testing.assert_close(activations.reduced, expected.reduced, atol=1e-5, rtol=1e-4)


def hold(engine: SharedClipSeg, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], threading.Event]:
    """Make the encoder's first batch wait; the sizes of all batches are noted."""
    sizes: list[int] = []
    go = threading.Event()
    plain = ClipSeg.encode

    def slow(self: ClipSeg, views: np.ndarray) -> Activations:
        sizes.append(len(views))
        if len(sizes) == 1:
            assert go.wait(10)
        if (views == 255).all(axis=(1, 2, 3)).any():
            raise ValueError("white views are refused here")
        return plain(self, views)

    monkeypatch.setattr(ClipSeg, "encode", slow)
    return sizes, go


def waiting(engine: SharedClipSeg, count: int) -> None:
    while len(engine._queue) < count:
        threading.Event().wait(0.001)


def test_views_that_wait_while_the_encoder_computes_go_together(
    engine: SharedClipSeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, go = hold(engine, monkeypatch)
    with ThreadPoolExecutor(12) as pool:
        first = pool.submit(engine.encode, views(0))
        while not sizes:
            threading.Event().wait(0.001)
        others = [pool.submit(engine.encode, views(seed, 2)) for seed in range(1, 11)]
        waiting(engine, 10)
        go.set()
        assert [len(each.result()) for each in (first, *others)] == [1, *[2] * 10]
    assert sizes == [1, *[MOST_ON_CPU] * 5]
    assert engine.batches == 6


def test_a_caller_whose_views_are_refused_does_not_spoil_the_batch(
    engine: SharedClipSeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, go = hold(engine, monkeypatch)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(engine.encode, views(0))
        while not sizes:
            threading.Event().wait(0.001)
        bad = pool.submit(engine.encode, np.full((1, 352, 352, 3), 255, np.uint8))
        good = pool.submit(engine.encode, views(2))
        waiting(engine, 2)
        go.set()
        assert len(first.result()) == len(good.result()) == 1
        with pytest.raises(ValueError, match="white views"):
            bad.result()
    assert len(engine.encode(views(3))) == 1
