"""One YAML file says everything about a training run."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from segmentation.errors import DataError
from segmentation.training.architecture import PATCH, Architecture
from segmentation.training.losses import LossName
from segmentation.training.sources import Format

Model = TypeVar("Model", bound=BaseModel)


class Stage(BaseModel):
    """A stretch of steps with one picture size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Annotated[int, Field(gt=0)]
    size: Annotated[int, Field(ge=32, le=1024, description="side of a picture, whole patches of the encoder")] = 224
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


class Decoder(BaseModel):
    """A decoder drawn anew, for any encoder. A bare word in the file is its kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["transformer", "unet"] = "transformer"
    extract_layers: tuple[int, ...] | None = Field(
        None, description="encoder layers it reads; those of the encoder's configuration when left out"
    )
    reduce: Annotated[int, Field(gt=0, description="channels that a layer is reduced to")] = 64
    heads: Annotated[int, Field(gt=0)] = 4
    feed_forward: Annotated[int, Field(gt=0)] = 256
    film: Annotated[int, Field(gt=0, le=4, description="layers of the map from a prompt to scale and shift")] = 1


class Inventory(BaseModel):
    """Pack pictures with names, for the contrastive loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    packs: Annotated[int, Field(ge=2, description="different products in a step")] = 16
    weight: Annotated[float, Field(gt=0)] = 0.2


class Plan(BaseModel):
    """A training run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "run"
    seed: Annotated[int, Field(ge=0, lt=1000)] = 0
    data: Path | None = Field(None, description="folder with real cut-outs; none when missing")
    source: Source | None = Field(None, description="data set; rendered scenes when left out")
    start: str | None = Field(None, description="CLIPSeg or CLIP checkpoint to begin from: folder, name or hub id")
    towers: Literal["all", "none"] | Annotated[int, Field(gt=0)] = Field(
        "all", description="what of CLIP is trained: all, none, or the last so many blocks of the image tower"
    )
    lora: Annotated[int, Field(ge=0, description="rank of adapters in the attention of both towers; 0 is none")] = 0
    architecture: Architecture = Field(Architecture(), description="sizes, when there is no start")
    decoder: Decoder | None = Field(None, description="a fresh decoder; that of the start when left out")
    inventory: Inventory | None = Field(None, description="pack pictures with names to learn beside the masks")
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    warm_up: Annotated[int, Field(ge=0)] = 100
    loss: LossName = "bce+dice"
    dice: float = Field(0.5, description="share of Dice in bce+dice")
    border: float = Field(3.0, description="weight of pixels between touching items")
    absent: float = Field(0.0, ge=0, description="weight of the area that lights up for what is not there")
    other_kinds: float = Field(
        0.0, ge=0, lt=1, description="share of prompts of a scene that ask for another kind of pack than is there"
    )
    other_contents: float = Field(
        0.0, ge=0, lt=1, description="share of the rest that ask for other contents than those of a pack that is there"
    )
    real: float = Field(0.2, ge=0, le=1, description="share of the products of scenes that are real cut-outs")
    tints: float = Field(0.0, ge=0, le=1, description="share of the real cut-outs whose colours are exchanged")
    wraps: float = Field(0.0, ge=0, le=1, description="share of the drawn packs with a photo that are wrapped in it")
    clutter: float = Field(0.0, ge=0, le=1, description="share of scenes with a photo of loose goods behind the packs")
    auxiliary: float = Field(0.5, ge=0, description="weight of the questions beside masks; 0 asks none")
    weight_decay: float = 0.02
    clip: float = Field(1.0, description="largest norm of the gradient")
    average: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights")
    accumulate: Annotated[int, Field(gt=0, description="parts that a step's pictures are computed in")] = 1
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    device: Literal["cpu", "cuda"] = "cpu"
    threads: Annotated[int, Field(gt=0)] = 2
    workers: Annotated[int, Field(ge=0)] = 1
    save_every: Annotated[int, Field(gt=0)] = 200
    log_every: Annotated[int, Field(gt=0)] = 20

    @field_validator("decoder", mode="before")
    @classmethod
    def _bare_kind(cls, given: Any) -> Any:
        return {"kind": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _agrees(self) -> "Plan":
        if self.lora and self.towers != "none":
            raise ValueError("lora trains adapters in frozen towers: write towers: none")
        if self.inventory is not None and self.towers == "none" and not self.lora:
            raise ValueError("an inventory teaches the towers, and towers: none without lora freezes them")
        return self

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

    def check_sizes(self, patch: int, parts: int) -> None:
        """Check the stages against an encoder's patches and the parts that a step is computed in.

        Raises:
            DataError: A picture holds no whole number of patches, or a step fewer pictures than parts.
        """
        for number, stage in enumerate(self.stages):
            if stage.size % patch:
                raise DataError(f"stages.{number}.size: {stage.size} px are no whole patches of {patch} px")
            if stage.scenes < parts:
                raise DataError(
                    f"stages.{number}.scenes: {stage.scenes} pictures cannot be dealt out to {parts} parts "
                    "(accumulate times processes)"
                )

    def fingerprint(self) -> str:
        """What a checkpoint must agree on to go on with it: everything but length and housekeeping."""
        housekeeping = {"stages", "threads", "workers", "device", "save_every", "log_every", "name", "accumulate"}
        kept = self.model_dump(mode="json", exclude=housekeeping, exclude_defaults=True)
        kept["data"] = self.data is not None
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def load_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        DataError: The file is missing, is not YAML, or says something a plan does not know.
    """
    plan = read_yaml(path, Plan)
    if plan.start is None:
        plan.check_sizes(PATCH, plan.accumulate)
    return plan


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read a settings file.

    Raises:
        DataError: The file is missing, is not YAML, or says something its model does not know.
    """
    try:
        return model.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or 'no text'}") from error
    except yaml.YAMLError as error:
        raise DataError(f"{path} is not YAML: {str(error).splitlines()[0]}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(f"{path}: {where}: {first['msg']}") from error
