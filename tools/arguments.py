"""What the tools take. These models are the published schemas: every description is read by a language model."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from tools.registry import Arguments

ImageRef = Annotated[str, Field(description="id, file name or path of a photo that the user gave", min_length=1)]


def _stripped(text: str) -> str:
    """Blanks around words do not matter; the length was checked with them, as the published schema says."""
    if not text.strip():
        raise PydanticCustomError("string_too_short", "String should have at least 1 character")
    return text.strip()


Words = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_stripped)]
Coordinates = tuple[int, int, int, int]


class Example(Arguments):
    """A box around one item that shows what to count."""

    box: Coordinates | None = Field(None, description="[x0, y0, x1, y1] in pixels; none: the whole image")
    image: ImageRef | None = Field(None, description="another photo that the box is on; none: the same photo")


class Where(Arguments):
    """A place on the photo, relative to another thing or to the photo itself."""

    relation: Literal["left of", "right of", "above", "below", "left half", "right half", "upper half", "lower half"]
    reference: Words | None = Field(None, description="the other thing, for left of, right of, above, below")


class CountArguments(Arguments):
    """Count one kind of thing on one photo."""

    image: ImageRef
    target: Words = Field(
        description="what to count, as a noun phrase in the user's words, without numbers or places: "
        "'Sunkist bottles', 'red cans', 'empty gaps'"
    )
    exclude: tuple[Words, ...] = Field((), max_length=8, description="look-alikes that are not to be counted")
    row: int | None = Field(None, ge=-20, le=20, description="shelf, counted from the top; -1 is the bottom shelf")
    where: tuple[Where, ...] = Field((), max_length=4)
    like: tuple[Example, ...] = Field((), max_length=8, description="examples of the thing, as boxes")
    tune: bool = Field(
        False,
        description="fit the words to the boxes in like by gradient search and count what lights up; for things "
        "without print, such as fruit or mixed packs; takes some seconds longer",
    )
    optimize: bool = Field(True, description="try better wordings of the target")


class PromptArguments(Arguments):
    """Find wordings of a target for the vision model."""

    image: ImageRef
    target: Words = Field(description="what is to be found, as a noun phrase in the user's words")


class PhotoArguments(Arguments):
    """A tool that needs nothing but the photo."""

    image: ImageRef
