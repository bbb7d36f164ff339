"""Repetition evidence: the keypoints of one example vote for the centres of all its copies.

Identical packs repeat, so one example finds the rest, touching or not, and no learned weights are needed. Each
keypoint of the example may match many keypoints of the photo; a match that keeps scale and rotation within bounds
votes for the centre of a copy (generalised Hough transform, Ballard 1981; matching as in Lowe 2004, section 7). A peak
is scored by the number of *distinct* example keypoints that vote for it.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.spatial import cKDTree

from segmentation.geometry import Box
from segmentation.keypoints import Floats, Keypoints

SIMILARITY = 0.86  # cosine of RootSIFT descriptors
MAX_ROTATION = 25.0  # degrees
MAX_SCALE = 1.40
RADIUS = 0.18  # of the example's shorter side: votes this near belong to one copy
SAME_PLACE = 0.45  # of the example's sides: two peaks this near are one object
MIN_VOTES = 3
MAX_PEAKS = 200
_CELL = 0.06  # of the example's shorter side: bin of the vote map


@dataclass(frozen=True)
class Example:
    """What is looked for: a box and the keypoints in it, of this photo or of another."""

    box: Box
    keypoints: Keypoints
    indices: NDArray[np.intp]  # (E,) of the keypoints in the box

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of its own photo."""
        return self.box[2] - self.box[0], self.box[3] - self.box[1]


@dataclass(frozen=True)
class Votes:
    """V matches that vote: example row, photo keypoint, place (V, 2), log scale change and rotation in degrees."""

    example: Example
    row: NDArray[np.intp]
    keypoint: NDArray[np.intp]
    place: Floats
    log_scale: Floats
    rotation: Floats


@dataclass(frozen=True)
class Peak:
    """One copy: its centre, the number of distinct example keypoints behind it, and the map onto it."""

    centre: tuple[float, float]
    votes: int
    transform: Floats  # (2, 3) similarity, example photo px -> photo px
    box: Box  # the example's box under the transform, axis-parallel

    @property
    def scale(self) -> float:
        """Size relative to the example."""
        return float(np.hypot(self.transform[0, 0], self.transform[1, 0]))


def make_example(box: Box, keypoints: Keypoints) -> Example:
    """The example in a box of the photo that the keypoints are of."""
    return Example(box, keypoints, keypoints.inside(box))


def cast_votes(example: Example, photo: Keypoints, expected_scale: float = 1.0) -> Votes:
    """Match every example keypoint against the photo and let the plausible matches vote.

    Args:
        example: the example; its keypoints may be of another photo.
        photo: keypoints of the photo that is searched.
        expected_scale: size of a copy relative to the example, 1 on the same photo.
    """
    own = example.keypoints
    chosen = example.indices
    rows: list[NDArray[np.intp]] = []
    hits: list[NDArray[np.intp]] = []
    for start in range(0, len(chosen), 256):  # bounds the similarity matrix
        similar = own.descriptor[chosen[start : start + 256]] @ photo.descriptor.T > SIMILARITY
        row, hit = np.nonzero(similar)
        rows.append(row + start)
        hits.append(hit)
    row = np.concatenate(rows) if rows else np.zeros(0, np.intp)
    hit = np.concatenate(hits) if hits else np.zeros(0, np.intp)
    source = chosen[row]
    rotation = (photo.angle[hit] - own.angle[source] + 180.0) % 360.0 - 180.0
    log_scale = np.log(photo.size[hit] / own.size[source])
    keep = (np.abs(rotation) < MAX_ROTATION) & (np.abs(log_scale - np.log(expected_scale)) < np.log(MAX_SCALE))
    row, hit, source, rotation, log_scale = (
        row[keep],
        hit[keep],
        source[keep],
        rotation[keep],
        log_scale[keep],
    )
    x0, y0, x1, y1 = example.box
    offset = np.array([(x0 + x1) / 2, (y0 + y1) / 2], np.float32) - own.xy[source]
    turn, factor = np.deg2rad(rotation), np.exp(log_scale)
    place = photo.xy[hit] + factor[:, None] * np.stack(
        [
            offset[:, 0] * np.cos(turn) - offset[:, 1] * np.sin(turn),
            offset[:, 0] * np.sin(turn) + offset[:, 1] * np.cos(turn),
        ],
        axis=1,
    )
    return Votes(example, row, hit, place.astype(np.float32), log_scale, rotation)


def find_peaks(votes: Votes, photo: Keypoints, min_votes: int = MIN_VOTES) -> tuple[Peak, ...]:
    """The copies that were voted for, strongest first.

    Greedy: the strongest place takes the photo keypoints that support it; what is left is counted again. So a
    keypoint supports one copy only, and a tall pack is not hit twice.
    """
    if not len(votes.place):
        return ()
    width, height = votes.example.size
    side = min(width, height)
    tree = cKDTree(votes.place)
    members = tree.query_ball_point(_summits(votes.place, max(1.0, _CELL * side)), RADIUS * side)
    in_sizes = cKDTree(votes.place / np.array([width, height]))  # places in sizes of the example
    alive = np.ones(len(votes.place), bool)

    def support(index: int) -> NDArray[np.intp]:
        chosen = np.asarray(members[index], np.intp)
        return chosen[alive[chosen]]

    def distinct(chosen: NDArray[np.intp]) -> int:
        return len(np.unique(votes.row[chosen]))

    queue = [(-distinct(support(i)), i) for i in range(len(members))]
    heapq.heapify(queue)
    peaks: list[Peak] = []
    taken: list[tuple[float, float, float]] = []  # centre and scale of each
    while queue and len(peaks) < MAX_PEAKS:
        promised, index = heapq.heappop(queue)
        chosen = support(index)
        now = distinct(chosen)
        if now < min_votes:
            continue
        if now < -promised:
            heapq.heappush(queue, (-now, index))
            continue
        place = np.median(votes.place[chosen], axis=0)
        near = np.asarray(in_sizes.query_ball_point(place / np.array([width, height]), 0.5, p=np.inf), np.intp)
        alive[near[np.isin(votes.keypoint[near], votes.keypoint[chosen])]] = False
        peak = _peak(votes, photo, chosen, (float(place[0]), float(place[1])), now)
        if not _at_known_place(peak, taken, width, height):
            peaks.append(peak)
            taken.append((*peak.centre, peak.scale))
    return tuple(peaks)


def chance_level(votes: Votes, photo: Keypoints, own: Sequence[Box] = (), draws: int = 2) -> float:
    """The strongest peak that the same matches make when each example keypoint points at a wrong place.

    Offsets are dealt out anew among the example's keypoints, so matches stay as many and as clustered as they are,
    and only the agreement on a centre is lost: the score to expect where there is no copy. Matches on `own`, the
    example and its evident copies, are left out: they are no chance. The mean of a few draws, at least MIN_VOTES.
    """
    example = votes.example
    xy = photo.xy[votes.keypoint]
    outside = np.ones(len(votes.place), bool)
    for x0, y0, x1, y1 in own:
        outside &= ~((xy[:, 0] >= x0) & (xy[:, 0] < x1) & (xy[:, 1] >= y0) & (xy[:, 1] < y1))
    if not outside.any():
        return float(MIN_VOTES)
    x0, y0, x1, y1 = example.box
    offsets = np.array([(x0 + x1) / 2, (y0 + y1) / 2], np.float32) - example.keypoints.xy[example.indices]
    side = min(example.size)
    row = votes.row[outside]
    levels = []
    for draw in range(draws):
        dealt = np.random.default_rng(draw).permutation(len(offsets))
        wrong = (votes.place - offsets[votes.row] + offsets[dealt][votes.row])[outside]
        summits = _summits(wrong, max(1.0, _CELL * side))[:100]
        members = cKDTree(wrong).query_ball_point(summits, RADIUS * side)
        levels.append(max((len(np.unique(row[chosen])) for chosen in members), default=0))
    return max(float(np.mean(levels)), float(MIN_VOTES))


def _summits(places: Floats, cell: float) -> Floats:
    """Local maxima of the smoothed vote map, strongest first, as (S, 2) places."""
    low = places.min(axis=0) - 4 * cell
    bins = np.floor((places - low) / cell).astype(np.intp)
    votes = np.zeros(tuple(bins.max(axis=0) + 5), np.float32)
    np.add.at(votes, (bins[:, 0], bins[:, 1]), 1.0)
    smooth = gaussian_filter(votes, 1.0)
    found = np.argwhere((smooth == maximum_filter(smooth, 3)) & (smooth > 0.15))
    order = np.argsort(-smooth[found[:, 0], found[:, 1]], kind="stable")[:6000]
    summits: Floats = (low + (found[order] + 0.5) * cell).astype(np.float32)
    return summits


def _at_known_place(peak: Peak, known: Sequence[tuple[float, float, float]], width: int, height: int) -> bool:
    if not known:
        return False
    x, y, scale = np.array(known).T
    reach = SAME_PLACE * np.minimum(scale, peak.scale)
    near = (np.abs(x - peak.centre[0]) < reach * width) & (np.abs(y - peak.centre[1]) < reach * height)
    return bool(near.any())


def _peak(votes: Votes, photo: Keypoints, chosen: NDArray[np.intp], place: tuple[float, float], count: int) -> Peak:
    example = votes.example
    x0, y0, x1, y1 = example.box
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    transform = None
    if len(chosen) >= 4:
        source = example.keypoints.xy[example.indices[votes.row[chosen]]]
        transform, _ = cv2.estimateAffinePartial2D(
            source, photo.xy[votes.keypoint[chosen]], ransacReprojThreshold=0.06 * min(example.size)
        )
    if transform is not None:
        landed = transform[:, :2] @ middle + transform[:, 2]
        factor = np.hypot(transform[0, 0], transform[1, 0]) / np.exp(np.median(votes.log_scale[chosen]))
        if np.hypot(*(landed - place)) > 0.3 * min(example.size) or not 0.7 < factor < 1.4:
            transform = None
    if transform is None:
        factor = float(np.exp(np.median(votes.log_scale[chosen])))
        turn = float(np.deg2rad(np.median(votes.rotation[chosen])))
        linear = factor * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        transform = np.column_stack([linear, np.array(place) - linear @ middle])
    landed = transform[:, :2] @ middle + transform[:, 2]
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    half_width, half_height = (x1 - x0) * scale / 2, (y1 - y0) * scale / 2
    box = (
        round(landed[0] - half_width),
        round(landed[1] - half_height),
        round(landed[0] + half_width),
        round(landed[1] + half_height),
    )
    return Peak((float(landed[0]), float(landed[1])), count, transform.astype(np.float32), box)
