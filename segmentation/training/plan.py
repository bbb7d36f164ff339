"""One YAML file says everything about a training run."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segmentation.errors import DataError
from segmentation.training.architecture import Architecture
from segmentation.training.losses import LossName
from segmentation.training.sources import Format


class Stage(BaseModel):
    """A stretch of steps with one picture size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Annotated[int, Field(gt=0)]
    size: Annotated[int, Field(ge=64, le=1024, multiple_of=16)] = 224
    scenes: Annotated[int, Field(gt=0, description="pictures in a step")] = 12
    prompts: Annotated[int, Field(gt=0, description="prompts of a picture")] = 4
    most_rows: Annotated[int, Field(ge=1, le=6, description="shelves in a scene at most")] = 6
    examples: Annotated[int, Field(ge=0, description="pictures that come with an example")] = 2
    rate: tuple[float, float] = Field((4e-4, 4e-4), description="learning rate at the first and last step")


class Source(BaseModel):
    """A data set to train on instead of rendered scenes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Format
    annotations: Path
    images: Path | None = None


class Plan(BaseModel):
    """A training run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "run"
    seed: Annotated[int, Field(ge=0, lt=1000)] = 0
    data: Path | None = Field(None, description="folder with real cut-outs; none when missing")
    source: Source | None = Field(None, description="data set; rendered scenes when left out")
    start: str | None = Field(None, description="CLIPSeg checkpoint to begin from: folder, name or hub id")
    towers: Literal["all", "none"] | Annotated[int, Field(gt=0)] = Field(
        "all", description="what of CLIP is trained: all, none, or the last so many blocks of the image tower"
    )
    architecture: Architecture = Field(Architecture(), description="sizes, when there is no start")
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    warm_up: Annotated[int, Field(ge=0)] = 100
    loss: LossName = "bce+dice"
    dice: float = Field(0.5, description="share of Dice in bce+dice")
    border: float = Field(3.0, description="weight of pixels between touching items")
    auxiliary: float = Field(0.5, ge=0, description="weight of the questions beside masks; 0 asks none")
    weight_decay: float = 0.02
    clip: float = Field(1.0, description="largest norm of the gradient")
    average: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights")
    precision: Literal["float32", "bfloat16"] = "float32"
    device: Literal["cpu", "cuda"] = "cpu"
    threads: Annotated[int, Field(gt=0)] = 2
    workers: Annotated[int, Field(ge=0)] = 1
    save_every: Annotated[int, Field(gt=0)] = 200
    log_every: Annotated[int, Field(gt=0)] = 20

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def stage(self, step: int) -> Stage:
        """The stage a step belongs to."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        return self.stages[-1]

    def first_scene(self, step: int) -> int:
        """Index of the first scene of a step."""
        first = 0
        for stage in self.stages:
            inside = min(step, stage.steps)
            first += inside * stage.scenes
            step -= inside
        return first

    def rate(self, step: int) -> float:
        """Learning rate of a step: linear within a stage, ramped up at the very start."""
        ramp = min(1.0, (step + 1) / self.warm_up) if self.warm_up else 1.0
        for stage in self.stages:
            if step < stage.steps:
                low, high = stage.rate
                return ramp * (low + (high - low) * step / max(1, stage.steps - 1))
            step -= stage.steps
        return self.stages[-1].rate[1]

    def fingerprint(self) -> str:
        """What a checkpoint must agree on to go on with it: everything but length and housekeeping."""
        housekeeping = {"stages", "threads", "workers", "device", "save_every", "log_every", "name"}
        kept = self.model_dump(mode="json", exclude=housekeeping, exclude_defaults=True)
        kept["data"] = self.data is not None
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def load_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        DataError: The file is missing, is not YAML, or says something a plan does not know.
    """
    try:
        return Plan.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such run file") from error
    except yaml.YAMLError as error:
        raise DataError(f"{path} is not YAML: {str(error).splitlines()[0]}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(f"{path}: {where}: {first['msg']}") from error
