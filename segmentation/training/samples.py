"""Training samples drawn from scenes: the sample of a given index is always the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from segmentation.errors import DataError
from segmentation.training.architecture import MEAN, PATCH
from segmentation.training.auxiliary import Facts, scene_facts, scene_outlines, text_facts
from segmentation.training.centres import centres
from segmentation.training.cutouts import MIXTURE, Mixture
from segmentation.training.phrases import Meaning, Phrase, phrases_for, say, seams, target
from segmentation.training.scene import Scene, render
from segmentation.visual_prompt import visual_prompt
from segmentation.vocabulary import vocabulary

# Seeds of training scenes start here; evaluation takes seeds below, so they never meet.
FIRST_TRAINING_SEED = 1_000_000_000


@dataclass(frozen=True)
class Sample:
    """One picture with several prompts.

    Attributes:
        image: uint8 (side, side, 3).
        texts: One per prompt; the last one of a scene asks for the centres of its packs.
        targets: uint8 codes, (prompts, side, side).
        example: uint8 (side, side, 3), an example picture that goes with the first prompt, or None.
        text_share: Weight of the text of the first prompt when there is an example.
        seen: What is under each token, from scene_facts.
        said: What each text says, (prompts, 3).
        outlines: Where things reach and end, from scene_outlines.
        place: Where the picture lies in the position table, y and x from 0 to 1, when the table is larger.
    """

    image: NDArray[np.uint8]
    texts: tuple[str, ...]
    targets: NDArray[np.uint8]
    example: NDArray[np.uint8] | None
    text_share: float
    seen: NDArray[np.int64]
    said: NDArray[np.int64]
    outlines: NDArray[np.float32]
    place: tuple[float, float]


@dataclass(frozen=True)
class Batch:
    """Samples put together. The examples belong to the first prompts of the first pictures."""

    images: Tensor  # uint8 (pictures, side, side, 3)
    texts: list[str]  # pictures * prompts
    targets: Tensor  # uint8 (pictures * prompts, side, side)
    examples: Tensor  # uint8 (examples, side, side, 3)
    text_shares: Tensor  # (examples,)
    facts: Facts
    places: Tensor  # (pictures, 2)

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        return Batch(
            images=self.images.to(device),
            texts=self.texts,
            targets=self.targets.to(device),
            examples=self.examples.to(device),
            text_shares=self.text_shares.to(device),
            facts=Facts(self.facts.scenes.to(device), self.facts.outlines.to(device), self.facts.texts.to(device)),
            places=self.places.to(device),
        )


@dataclass(frozen=True)
class Order:
    """What the loader is asked for: a scene, its size, and whether an example goes with it."""

    index: int
    size: int
    example: bool
    most_rows: int
    prompts: int


def _example(scene: Scene, size: int, rng: np.random.Generator) -> tuple[int, NDArray[np.uint8]] | None:
    """A facing of the scene as an example picture, and its product."""
    areas = scene.areas()
    floor = 0.002 * scene.labels.size
    usable = [n for n, i in enumerate(scene.items) if i.thing == "pack" and areas[n] > floor]
    if not usable:
        return None
    number = int(rng.choice(usable))
    mask = scene.labels == number + 1
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1)
    exact = mask if rng.random() < 0.3 else None  # users draw boxes; a mask is known now and then
    return scene.items[number].product, visual_prompt(scene.image, box, size, MEAN, exact)


class SceneSamples(Dataset[Sample]):
    """Rendered samples by order."""

    def __init__(
        self,
        seed: int,
        data: Path | None,
        patch: int = PATCH,
        *,
        other_kinds: float = 0.0,
        other_contents: float = 0.0,
        mixture: Mixture = MIXTURE,
    ) -> None:
        self.seed, self.data, self.patch = seed, data, patch
        self.other_kinds, self.other_contents = other_kinds, other_contents
        self.mixture = mixture

    def __getitem__(self, order: Order) -> Sample:
        seed = FIRST_TRAINING_SEED + self.seed * 100_000_000 + order.index
        rng = np.random.default_rng((seed, 7))
        scene = self._scene(seed, order)
        seam = seams(scene)
        phrases = self._phrases(scene, order, rng)
        example, share = None, 1.0
        if order.example:
            found = _example(scene, order.size, rng)
            example = np.full((order.size, order.size, 3), 120, np.uint8)
            if found is not None:
                product, example = found
                other = scene
                if rng.random() < 0.3:  # asked of a photo that does not show it
                    other = self._scene(seed + 50_000_000, order)
                    scene, seam, product = other, seams(other), -2
                    phrases = self._phrases(scene, order, rng)
                    phrases[0] = say(rng, Meaning(product=product))
                    share = 0.0
                else:
                    known = scene.products[product]
                    meaning = Meaning(kind=known.kind, colour=known.colour, product=product)
                    phrases[0] = say(rng, meaning)
                    share = float(rng.uniform(0, 0.6)) if rng.random() < 0.7 else 0.0
        targets = np.stack([*(target(scene, phrase.meaning, seam) for phrase in phrases), centres(scene, seam)])
        said = np.array([*(text_facts(p.meaning) for p in phrases), (0, 0, 0)], np.int64)
        texts = (*(p.text for p in phrases), vocabulary().centres)
        y, x = np.random.default_rng((seed, 13)).random(2)
        return Sample(
            image=scene.image,
            texts=texts,
            targets=targets,
            example=example,
            text_share=share,
            seen=scene_facts(scene, self.patch),
            said=said,
            outlines=scene_outlines(scene, seam, self.patch),
            place=(float(y), float(x)),
        )

    def _scene(self, seed: int, order: Order) -> Scene:
        return render(seed, order.size, data=self.data, most_rows=order.most_rows, mixture=self.mixture)

    def _phrases(self, scene: Scene, order: Order, rng: np.random.Generator) -> list[Phrase]:
        kinds, contents = self.other_kinds, self.other_contents
        return list(phrases_for(scene, order.prompts, rng, other_kinds=kinds, other_contents=contents))


def collate(samples: list[Sample]) -> Batch:
    """Put samples of one size together."""
    examples = [(s.example, s.text_share) for s in samples if s.example is not None]
    side = samples[0].image.shape[0]
    pictures = np.stack([e for e, _ in examples]) if examples else np.zeros((0, side, side, 3), np.uint8)
    return Batch(
        images=torch.from_numpy(np.stack([s.image for s in samples])),
        texts=[text for s in samples for text in s.texts],
        targets=torch.from_numpy(np.concatenate([s.targets for s in samples])),
        examples=torch.from_numpy(pictures),
        text_shares=torch.tensor([share for _, share in examples]),
        facts=Facts(
            scenes=torch.from_numpy(np.stack([s.seen for s in samples])),
            outlines=torch.from_numpy(np.stack([s.outlines for s in samples])),
            texts=torch.from_numpy(np.concatenate([s.said for s in samples])),
        ),
        places=torch.tensor([s.place for s in samples]),
    )


class Careful(Dataset[Sample | DataError]):
    """Samples whose faults come back as values: torch wraps what a worker raises in the worker's traceback."""

    def __init__(self, samples: Dataset[Sample]) -> None:
        self.samples = samples

    def __getitem__(self, order: Order) -> Sample | DataError:
        try:
            return self.samples[order]
        except DataError as error:
            return error


def careful_collate(samples: list[Sample | DataError]) -> Batch | DataError:
    """Put samples together, or say what is wrong with the first that is none."""
    good = [sample for sample in samples if isinstance(sample, Sample)]
    return next((s for s in samples if isinstance(s, DataError)), None) or collate(good)


class Orders(Sampler[list[Order]]):
    """The orders of every step from a given one on, in the parts that one process computes.

    A step's pictures are dealt out to its parts one by one; those with an example come first in each part.
    """

    def __init__(self, plan: Any, start: int, rank: int = 0, processes: int = 1) -> None:
        self.plan, self.start, self.rank, self.processes = plan, start, rank, processes

    def __iter__(self) -> Iterator[list[Order]]:
        for step in range(self.start, self.plan.steps):
            stage = self.plan.stage(step)
            first = self.plan.first_scene(step)
            orders = [
                Order(first + i, stage.size, i < stage.examples, stage.most_rows, stage.prompts)
                for i in range(stage.scenes)
            ]
            parts = self.plan.accumulate * self.processes
            for part in range(self.rank, parts, self.processes):
                yield orders[part::parts]

    def __len__(self) -> int:
        return int(self.plan.accumulate) * max(0, int(self.plan.steps) - self.start)
