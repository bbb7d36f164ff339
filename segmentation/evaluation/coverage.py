"""How wide the interval of a count must be to hold the truth, found from counts whose truth is known.

The evidence gives an interval of its own. Its ends move out by a share of the count and are capped at another share:
of all pairs that cover the asked level of a calibration set, with the correction for its size of split conformal
prediction (arXiv 1905.03222, eq. 8), the one with the narrowest intervals. Two numbers chosen together void the
guarantee of that method, so what counts is the coverage that is reported on samples of other photos. Counts of 0 are
left alone: the best score seen, not a width, says how far a 0 can be believed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from segmentation.checkpoint import Margin
from segmentation.clipseg import ClipSeg
from segmentation.counted import Question
from segmentation.counter import Counter
from segmentation.errors import DataError
from segmentation.evaluation.segmentation import count_sizes, scenes
from segmentation.photo import Photo, decode_photo
from segmentation.target import parse_target
from segmentation.training.phrases import INSIDE, meant_items, phrases_for
from segmentation.training.scene import Scene

LEVEL = 0.9
FEWEST = 20  # samples on each side; with fewer a level of 0.9 means little
_PROMPTS = 6
_SHARES = tuple(round(0.05 * step, 2) for step in range(61))
_MOST = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class CountSample:
    """A count with its interval, and the range that the truth lies in. Samples of one photo share its name."""

    photo: str
    count: int
    low: int
    high: int
    true_low: int
    true_high: int

    def missed_by(self, margin: Margin | None = None) -> int:
        """Items between the interval and the truth; 0 when they meet."""
        low, high = margin.applied(self.low, self.high, self.count) if margin else (self.low, self.high)
        return max(0, low - self.true_high, self.true_low - high)


class IntervalCalibration(BaseModel):
    """A margin, and what it reached on photos that it was not found on."""

    model_config = ConfigDict(frozen=True)

    share: float
    most: float
    level: float
    source: str
    samples: int
    judged: int
    covered_before: float
    covered: float
    width_before: float
    width: float

    def sentence(self) -> str:
        """One line for people."""
        return (
            f"interval: {self.share:.2f} of the count to both sides, {self.most:.2f} at most, from {self.samples} "
            f"counts ({self.source}); on "
            f"{self.judged} others it covers {self.covered:.0%} (wanted {self.level:.0%}, {self.covered_before:.0%} "
            f"without) at a mean width of {self.width:.1f} ({self.width_before:.1f} without)"
        )


def calibrate_interval(samples: Sequence[CountSample], source: str, level: float = LEVEL) -> IntervalCalibration:
    """Find a margin on half of the photos and judge it on the other half.

    Raises:
        DataError: There are too few counts above 0 on either half.
    """
    photos = list(dict.fromkeys(sample.photo for sample in samples))
    fitted = set(photos[::2])
    counted = [sample for sample in samples if sample.count]
    used, kept = ([s for s in counted if (s.photo in fitted) == half] for half in (True, False))
    if min(len(used), len(kept)) < FEWEST:
        raise DataError(
            f"{len(used)} counts above 0 to find an interval and {len(kept)} to judge it; {FEWEST} of each are needed"
        )
    margin = fit_margin(used, level)
    return IntervalCalibration(
        share=margin.share,
        most=margin.most,
        level=level,
        source=source,
        samples=len(used),
        judged=len(kept),
        covered_before=round(float(np.mean([s.missed_by() == 0 for s in kept])), 4),
        covered=round(float(np.mean([s.missed_by(margin) == 0 for s in kept])), 4),
        width_before=round(float(np.mean([s.high - s.low for s in kept])), 2),
        width=round(float(np.mean([np.ptp(margin.applied(s.low, s.high, s.count)) for s in kept])), 2),
    )


def fit_margin(samples: Sequence[CountSample], level: float) -> Margin:
    """The margin that covers the level among samples of counts above 0 at the least mean width.

    Where none does, it is the narrowest of those that cover most.
    """
    wanted = min(len(samples), ceil((len(samples) + 1) * level))
    tried = [Margin(share=share, most=most) for most in _MOST for share in _SHARES if share <= most]

    def rank(margin: Margin) -> tuple[int, float]:
        covered = sum(sample.missed_by(margin) == 0 for sample in samples)
        width = sum(float(np.ptp(margin.applied(s.low, s.high, s.count))) for s in samples)
        return -min(covered, wanted), width

    return min(tried, key=rank)


def rendered_counts(
    model: ClipSeg,
    count: int,
    *,
    first_seed: int,
    data: Path | None = None,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> list[CountSample]:
    """Count on rendered scenes of twice the view's side, where meaning alone decides.

    Args:
        model: Weights and thresholds.
        count: Scenes.
        first_seed: Where their seeds start.
        data: Folder of real cut-outs, or None.
        progress: Called with a stage and its share done.
    """
    counter = Counter(load=lambda reference: model)
    samples = []
    for number, scene in enumerate(scenes(count, first_seed, 2 * model.size, wide=True, held_out=False, data=data), 1):
        photo, areas = _photo(scene, f"scene {number}"), scene.areas()
        asked: set[str] = set()
        for phrase in phrases_for(scene, _PROMPTS, np.random.default_rng((first_seed, number))):
            target = parse_target(phrase.text)
            roles = meant_items(scene, phrase.meaning)[1:]
            true = count_sizes(areas[(roles == INSIDE) & (areas > 0)].astype(np.float64), scene.labels.size)
            # Print is looked for where words stay unknown; a 0 teaches nothing about widths.
            if target.named or not true or target.text in asked or len(asked) == 2:
                continue
            asked.add(target.text)
            found = counter.count(photo, Question(target))
            interval = found.interval
            samples.append(CountSample(photo.name, len(found.items), interval.low, interval.high, true, true))
        progress("counting", number / count)
    return samples


def _photo(scene: Scene, name: str) -> Photo:
    import cv2

    _, data = cv2.imencode(".png", scene.image[..., ::-1])
    return decode_photo(data.tobytes(), name)
