"""Fixtures that several packages use. No test needs a network, a GPU, or anything outside this tree."""

import signal
from pathlib import Path

import pytest

from tests.tiny import save_tiny_checkpoint

# A suite that is started in the background inherits an ignored Ctrl-C; the tests of Ctrl-C need it heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIPSeg of random weights in a folder, saved as a trained one would be; it reads letters."""
    return save_tiny_checkpoint(tmp_path_factory.mktemp("weights") / "tiny")
