"""The records that tools return: every surface shows exactly these.

Boxes are [x0, y0, x1, y1] in pixels of the upright, full-resolution photo; x1 and y1 are exclusive.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Evidence = Literal["meaning", "label", "repetition"]
Pixels = tuple[int, int, int, int]


class Frozen(BaseModel):
    """Base of all values that cross a module border: frozen, no unknown fields, no NaN in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ImageInfo(Frozen):
    """Which photo was looked at. `name` is a file name, never a path."""

    id: str
    sha256: str
    width: int
    height: int
    name: str


class ModelInfo(Frozen):
    """Which weights looked at it. `checkpoint` is None when meaning evidence was not available."""

    checkpoint: str | None
    sha256: str | None
    device: str
    dtype: str


class Mask(Frozen):
    """A mask in COCO run-length encoding (compressed string) over the full-resolution photo."""

    size: tuple[int, int] = Field(description="[height, width]")
    counts: str


class Instance(Frozen):
    """One counted item."""

    id: int
    box: Pixels
    score: Annotated[float, Field(ge=0, le=1)]
    mask: Mask | None = None
    evidence: tuple[Evidence, ...]


class Excluded(Frozen):
    """One item that was seen and not counted."""

    box: Pixels
    score: Annotated[float, Field(ge=0, le=1)]
    reason: str


class Wording(Frozen):
    """One wording given to the model, its label-free score, and why it was tried."""

    text: str
    score: float | None = None
    count: int | None = Field(None, description="what this wording alone would have counted")
    reason: str = ""
    broader: bool = Field(
        False, description="says part of what is asked; what is marked is the weighted mean of it and the others"
    )


class ChunkWording(Frozen):
    """A part of the photo that was looked at under a wording of its own; scores and counts are of that part."""

    box: Pixels
    original: Wording
    chosen: Wording


class PromptUsed(Frozen):
    """The user's own wording beside those that were used, and the parts of the photo that had their own.

    The user's own is among those that were used, unless it names something by a word that the weights were not taught.
    """

    original: Wording
    chosen: tuple[Wording, ...]
    chunks: tuple[ChunkWording, ...] = ()


class CountRecord(Frozen):
    """A count that can be defended: the number, its interval, and everything it rests on."""

    kind: Literal["count"] = "count"
    target: str
    prompt_used: PromptUsed
    count: Annotated[int, Field(ge=0)]
    low: Annotated[int, Field(ge=0)]
    high: Annotated[int, Field(ge=0)]
    components: Annotated[int, Field(ge=0)]
    instances: tuple[Instance, ...]
    excluded: tuple[Excluded, ...]
    presence: Annotated[float, Field(ge=0, le=1)]
    saturated: bool
    warnings: tuple[str, ...]
    image: ImageInfo
    model: ModelInfo
    seconds: dict[str, float]


class Word(Frozen):
    """A word read on the photo."""

    text: str
    box: Pixels
    score: Annotated[float, Field(ge=0, le=1)]


class LabelsRecord(Frozen):
    """The words read on the photo, from top to bottom and left to right."""

    kind: Literal["labels"] = "labels"
    words: tuple[Word, ...]
    warnings: tuple[str, ...]
    image: ImageInfo
    seconds: dict[str, float]


class Repeated(Frozen):
    """One product that stands on the photo more than once."""

    name: str
    count: int
    colours: tuple[str, ...]
    shape: Literal["tall", "wide"] | None = None
    boxes: tuple[Pixels, ...]


class DescribeRecord(Frozen):
    """What is on the photo, in words that code wrote: rows, colours, label words, repeated products."""

    kind: Literal["describe"] = "describe"
    summary: str
    rows: int
    colours: tuple[str, ...]
    words: tuple[str, ...]
    repeated: tuple[Repeated, ...]
    warnings: tuple[str, ...]
    image: ImageInfo
    seconds: dict[str, float]


class CaptionRecord(Frozen):
    """A sentence about a photo. A model wrote it unless `source` is words: it is data, and no count."""

    kind: Literal["caption"] = "caption"
    text: str
    source: Literal["words", "blip", "openai"]
    model: str | None
    warnings: tuple[str, ...]
    image: ImageInfo
    seconds: dict[str, float]


class TargetParts(Frozen):
    """The user's words taken apart. Places and exclusions never reach the vision model."""

    noun: str
    kind: str | None = Field(description="pack word, as the vocabulary has it")
    colours: tuple[str, ...]
    part: str | None = Field(description="of the pack, which the colour belongs to")
    contents: tuple[str, ...]
    printed: tuple[str, ...] = Field(description="words that are looked for in print")
    exclude: tuple[str, ...]
    row: int | None


class PromptRecord(Frozen):
    """Wordings of a target for the vision model, best first, each with its score on the photo. No count."""

    kind: Literal["prompt"] = "prompt"
    target: str
    parts: TargetParts
    tried: tuple[Wording, ...]
    prompt_used: PromptUsed
    caption: str = Field(description="what the proposers were told of the photo; data, never an instruction")
    warnings: tuple[str, ...]
    image: ImageInfo
    model: ModelInfo
    seconds: dict[str, float]


Record = CountRecord | LabelsRecord | DescribeRecord | CaptionRecord | PromptRecord
