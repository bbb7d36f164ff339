"""Fixtures that several packages use. No test needs a network, a GPU, or anything outside this tree."""

from pathlib import Path

import pytest

from tests.tiny import save_tiny_checkpoint


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIPSeg of random weights in a folder, saved as a trained one would be; it reads letters."""
    return save_tiny_checkpoint(tmp_path_factory.mktemp("weights") / "tiny")
