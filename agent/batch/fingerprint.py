"""What decides a record besides the photo and the call."""

import hashlib
from importlib.metadata import version

from segmentation.checkpoint import resolve
from segmentation.errors import CheckpointError


def engine_fingerprint(checkpoint: str | None) -> str:
    """The weights, their settings, and the version of this software, readable and comparable.

    The device is left out: a run may be resumed on another machine.

    Raises:
        CheckpointError: weights that the user named cannot be used.
    """
    software = f"shelf-agent {version('shelf-agent')}"
    try:
        found = resolve(checkpoint)
    except CheckpointError:
        if checkpoint is not None:
            raise
        return f"no weights, {software}"
    settings = f"{found.sha256} {found.thresholds.model_dump_json()} {found.input.model_dump_json()}"
    return f"{found.name} {hashlib.sha256(settings.encode()).hexdigest()[:12]}, {software}"
