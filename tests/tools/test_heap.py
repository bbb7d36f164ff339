import os
from pathlib import Path

import numpy as np
import pytest

from tools.heap import _library, give_back

pytestmark = pytest.mark.skipif(_library() is None, reason="not glibc")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_free_memory_between_blocks_in_use_goes_back_to_the_system() -> None:
    give_back(0)
    blocks = [np.ones(100_000, np.uint8) for _ in range(2000)]  # each too small to be mapped on its own
    kept = blocks[::100]
    del blocks
    full = resident()

    assert not give_back(kept=2**40)
    assert resident() >= full - 10 * 2**20
    assert give_back(kept=100 * 2**20)
    assert resident() < full - 100 * 2**20
    assert sum(int(block[0]) for block in kept) == 20
