"""Which weights are used: found, checked and identified before anything is loaded.

A checkpoint is a folder as transformers saves it: `config.json`, `model.safetensors`, the tokenizer's files,
and optionally `preprocessor_config.json` (or `processor_config.json`), and `calibration.json` with the
thresholds that were found for these weights. Pickled weights and code that travels with weights are refused.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from segmentation.errors import CheckpointError

SHIPPED = "shelf-small"
WEIGHTS = "model.safetensors"
TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"))
CONFIGS = ("config.json", "preprocessor_config.json", "processor_config.json", "tokenizer_config.json")
HUB_FILES = (*CONFIGS, WEIGHTS, "tokenizer.json", "vocab.json", "merges.txt", "special_tokens_map.json")
PICKLES = {".bin", ".pt", ".pth", ".ckpt"}
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")

Probability = Annotated[float, Field(gt=0, lt=1)]


class Centres(BaseModel):
    """The prompt under which weights show the centre of every pack, and how packs are told apart and marked by it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: Annotated[str, Field(min_length=1)]
    floor: Probability = Field(0.2, description="a centre spreads down to this")
    rise: Annotated[float, Field(gt=0)] = Field(
        1.5, description="logits by which a centre rises above the floor and above the saddle to the next one"
    )
    marked: Probability = Field(
        0.5, description="a pack is marked when the map of what was asked reaches this on its centre, in the mean"
    )


class Thresholds(BaseModel):
    """Probabilities at which a heat map is cut; the defaults serve weights without a calibration.

    The values of CLIPSeg's authors (0.3, and 0.1 on COCO) were found for pixels, not for items.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    look: Probability = Field(0.3, description="a chunk that reaches this is looked at from closer")
    grow: Probability = Field(0.2, description="such a chunk spreads down to this")
    seed: Probability = Field(0.5, description="a component must reach this somewhere")
    mask: Probability = Field(0.4, description="a component spreads down to this")
    rise: Probability = Field(
        0.3,
        description="an item rises above the saddle to the next one it touches by this share of how far the sure parts "
        "of the map rise above its mask, in logits",
    )
    centres: Centres | None = Field(None, description="how packs are told apart, by weights that know their centres")

    @model_validator(mode="after")
    def _ordered(self) -> "Thresholds":
        if self.grow > self.look or self.mask > self.seed:
            raise ValueError("grow may not be above look, nor mask above seed")
        return self


class Margin(BaseModel):
    """What makes an interval of the evidence one that holds the truth as often as was asked; shares of the count."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    share: Annotated[float, Field(ge=0, description="both ends move out by this")]
    most: Annotated[float, Field(gt=0, description="and end no further than this from the count, one item at least")]

    def applied(self, low: int, high: int, count: int) -> tuple[int, int]:
        """Low and high moved by whole items; those of a count of 0 stay."""
        if count == 0:
            return low, high
        out, most = round(self.share * count), max(1, round(self.most * count))
        return max(0, low - out, count - most), min(high + out, count + most)


class InputFormat(BaseModel):
    """What the encoder is fed: square pictures of that side, (value / 255 - mean) / std per channel.

    The defaults are CLIPSeg's: 352 px and ImageNet's statistics, which are neither CLIP's nor the default of
    the processor class in transformers.
    """

    model_config = ConfigDict(frozen=True)

    size: Annotated[int, Field(ge=16, le=2048)] = 352
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Checkpoint:
    """A checked folder of weights. `sha256` is that of the weights file; `kind` is `clipseg`, or `clip` where allowed.

    `margin` widens the intervals of counts that rest on these weights; None where it was never found.
    """

    folder: Path
    name: str
    sha256: str
    thresholds: Thresholds = field(default_factory=Thresholds)
    input: InputFormat = field(default_factory=InputFormat)
    kind: str = "clipseg"
    margin: Margin | None = None


def resolve(reference: str | Path | None = None, *, plain_clip: bool = False) -> Checkpoint:
    """The checkpoint that a name, a folder or a hub id stands for; None is the shipped one.

    Only a hub id given by the user makes this use the network. `plain_clip` lets a CLIP pass too, which has no
    decoder: training can begin from it.

    Raises:
        CheckpointError: nothing usable is there; the text says what to change.
    """
    if reference is None or str(reference) == SHIPPED:
        folder = Path(__file__).parent / "checkpoints" / SHIPPED
        if not folder.is_dir():
            raise CheckpointError(f"the shipped checkpoint {SHIPPED} is not installed; name another one")
        return _checked(folder, SHIPPED)
    path = Path(reference).expanduser()
    if path.is_dir():
        return _checked(path, path.resolve().name, plain_clip)
    if path.exists():
        raise CheckpointError(f"{path.name} is a file; a checkpoint is the folder that holds {WEIGHTS}")
    if HUB_ID.fullmatch(str(reference)):
        return _checked(fetched(str(reference)), str(reference), plain_clip)
    raise CheckpointError(
        f"no checkpoint {reference}: give a folder, {SHIPPED}, or a hub id such as CIDAS/clipseg-rd64-refined"
    )


def fetched(hub_id: str, files: Sequence[str] = HUB_FILES) -> Path:
    """The local copy of a checkpoint on the hub: listed files only, so no pickle and no code.

    Raises:
        CheckpointError: the hub does not know it or cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, allow_patterns=list(files)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"no folder {hub_id} here, and the hub could not give it ({type(error).__name__}): "
            "check the name and the connection, or give a folder"
        ) from error


def _checked(folder: Path, name: str, plain_clip: bool = False) -> Checkpoint:
    if not (folder / WEIGHTS).is_file():
        others = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
        if others:
            raise CheckpointError(
                f"{name} holds {others[0]} but no {WEIGHTS}: pickled weights are not loaded, convert them"
            )
        raise CheckpointError(f"{name} holds no {WEIGHTS}")
    if not any(all((folder / file).is_file() for file in files) for files in TOKENIZERS):
        raise CheckpointError(f"{name} holds no tokenizer (tokenizer.json, or vocab.json and merges.txt)")
    for file in CONFIGS:
        if "auto_map" in _json(folder / file, name):
            raise CheckpointError(f"{name} wants to run code of its own ({file}, auto_map): refused")
    kind = _json(folder / "config.json", name).get("model_type")
    if kind != "clipseg" and not (plain_clip and kind == "clip"):
        raise CheckpointError(f"{name} is no CLIPSeg checkpoint (model_type {kind} in config.json)")
    with (folder / WEIGHTS).open("rb") as file_:
        digest = hashlib.file_digest(file_, "sha256").hexdigest()
    thresholds, margin = _calibration(folder, name)
    return Checkpoint(folder, name, digest, thresholds, _input_format(folder, name), kind, margin)


def _calibration(folder: Path, name: str) -> tuple[Thresholds, Margin | None]:
    found = _json(folder / "calibration.json", name)
    interval = found.get("interval")
    try:
        return Thresholds.model_validate(found.get("thresholds", {})), interval and Margin.model_validate(interval)
    except ValidationError as error:
        raise CheckpointError(f"{name}: bad values in calibration.json: {error.errors()[0]['msg']}") from error


def _input_format(folder: Path, name: str) -> InputFormat:
    found = _json(folder / "preprocessor_config.json", name)
    found = found or _json(folder / "processor_config.json", name).get("image_processor", {})
    size = found.get("size")
    if isinstance(size, dict):
        if size.get("height") != size.get("width"):
            raise CheckpointError(f"{name} was saved for pictures that are not square; CLIPSeg needs square ones")
        size = size.get("height")
    given = {"size": size, "mean": found.get("image_mean"), "std": found.get("image_std")}
    try:
        return InputFormat.model_validate({key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        raise CheckpointError(f"{name}: bad image settings: {error.errors()[0]['msg']}") from error


def _json(path: Path, name: str) -> dict[str, Any]:
    """The object in a JSON file; empty when there is no such file."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{name}: {path.name} is not valid JSON") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{name}: {path.name} holds no JSON object")
    return found
