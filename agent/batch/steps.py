"""The two steps of a photo that every engine takes: counted, then drawn."""

import logging
from collections.abc import Callable
from typing import Any

from agent.batch.work import Bench, Finished, Work, lost
from segmentation.errors import ShelfError

logger = logging.getLogger(__name__)


def count(bench: Bench, work: Work, load: Callable[[], Any]) -> tuple[Any, Finished]:
    """The loaded photo (None when that failed) and what became of its calls."""
    try:
        photo = load()
    except ShelfError as error:
        return None, lost(work, str(error))
    except Exception as error:  # one photo must not end a batch, whatever a decoder raises
        logger.exception("%s could not be loaded", work.photo.name)
        return None, lost(work, f"internal error ({type(error).__name__}): {error}")
    outcomes = bench.run(photo, work.calls_for(photo.sha256))
    return photo, Finished(work.photo, photo.sha256, tuple(outcomes))


def draw(bench: Bench, photo: Any, finished: Finished) -> Finished:
    """The same with its pictures."""
    if photo is None:
        return finished
    outcomes = tuple(bench.draw(photo, outcome) for outcome in finished.outcomes)
    return Finished(finished.photo, finished.sha256, outcomes)
