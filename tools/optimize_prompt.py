"""The prompt optimizer: wordings of a target for the vision model, as a tool and as a stage of `count`."""

import logging
import time
from collections.abc import Sequence
from functools import partial
from threading import Lock

from segmentation.cache import ByteCache
from segmentation.counter import Counter
from segmentation.describe import describe_part
from segmentation.errors import CheckpointError, UserError
from segmentation.photo import Photo
from segmentation.printable import printable
from segmentation.target import Target, parse_target
from tools.arguments import PromptArguments
from tools.caption import MAX_CHARACTERS, Captioner
from tools.optimizer import VOCABULARY, Choice, Proposer, WordingRequest, choose
from tools.records import ModelInfo, PromptRecord, TargetParts
from tools.registry import Progress, Tool
from tools.store import ImageStore, image_info

log = logging.getLogger(__name__)
CAPTION_BYTES = 2**20
MOST_PARTS = 3  # of the photo that are told of
DESCRIPTION = (
    "Finds wordings of one target for the vision model and scores them on the photo. count does this by itself: call "
    "it only when the user asks how a target is worded, why a wording was chosen, or for a better prompt. Scores "
    "compare wordings and the numbers beside them are of rough masks: they are no counts."
)


class Optimizer:
    """Proposers of wordings, and what they are told of a photo.

    Args:
        counter: scores wordings and reads labels.
        proposers: asked in this order.
        captioner: says what is on a photo to proposers that listen, which those of the vocabulary do not.
    """

    def __init__(self, counter: Counter, proposers: Sequence[Proposer], captioner: Captioner) -> None:
        self._counter, self._proposers, self._captioner = counter, tuple(proposers), captioner
        self._captions: ByteCache[str] = ByteCache(CAPTION_BYTES)
        self._lock = Lock()

    def request(self, photo: Photo, target: Target) -> WordingRequest:
        """The target, and what is known of the photo and of the parts of it where the user's words see something."""
        if self._proposers == VOCABULARY:
            return WordingRequest(target)
        words = self._counter.words(photo)
        own = self._counter.score_wordings(photo, (target.noun,))
        parts = tuple(chunk.box for wording in own for chunk in wording.chunks)[:MOST_PARTS]
        return WordingRequest(
            target,
            caption=self._caption(photo),
            words=tuple(word.text for word in words),
            chunks=tuple(printable(describe_part(photo.pixels, words, box), MAX_CHARACTERS) for box in parts),
        )

    def choose(self, photo: Photo, request: WordingRequest) -> Choice:
        """The wordings for a photo."""
        score = partial(self._counter.score_wordings, photo)
        return choose(request, self._proposers, score)

    def _caption(self, photo: Photo) -> str:
        with self._lock:
            known = self._captions.get(photo.sha256)
        if known is None:
            try:
                known = printable(self._captioner.caption(photo), MAX_CHARACTERS)
            except CheckpointError:  # a model that the user named
                raise
            except UserError as error:  # wordings are a bonus, and so is what helps to find them
                log.warning("no caption for the proposers of wordings: %s", error)
                return ""
            with self._lock:
                self._captions.put(photo.sha256, known, 4 * len(known) + 100)
        return known


def optimize_prompt_tool(store: ImageStore, counter: Counter, optimizer: Optimizer) -> Tool:
    """The tool, given the photos, the engine and the optimizer that counts use too."""

    def run(arguments: PromptArguments, progress: Progress) -> PromptRecord:
        photo = store.get(arguments.image)
        target = parse_target(arguments.target)
        warnings = list(photo.warnings)
        if target.named:
            warnings.append(f"{' '.join(target.brand)!r} is looked for in print: wordings do not change its count")
        if counter.engine() is None:
            warnings.append("no usable segmentation weights: nothing could be scored (see shelf doctor)")
        begin = time.perf_counter()
        progress.report("looking for wordings", 0.0)
        request = optimizer.request(photo, target)
        progress.report("scoring wordings", 0.5)
        choice = optimizer.choose(photo, request)
        return PromptRecord(
            target=arguments.target,
            parts=_parts(target),
            tried=choice.tried,
            prompt_used=choice.used,
            caption=request.caption,
            warnings=tuple(warnings),
            image=image_info(photo),
            model=model_info(counter),
            seconds={"wordings": round(time.perf_counter() - begin, 3)},
        )

    return Tool("optimize_prompt", DESCRIPTION, PromptArguments, run, PromptRecord)


def _parts(target: Target) -> TargetParts:
    return TargetParts(
        noun=target.noun,
        kind=target.kind,
        colours=target.colours,
        part=target.part,
        contents=target.contents,
        printed=(*target.brand, *target.details),
        exclude=target.exclude,
        row=target.row,
    )


def model_info(counter: Counter) -> ModelInfo:
    """The weights that look at photos."""
    engine = counter.engine()
    if engine is None:
        return ModelInfo(checkpoint=None, sha256=None, device="cpu", dtype="float32")
    return ModelInfo(
        checkpoint=engine.checkpoint.name,
        sha256=engine.checkpoint.sha256,
        device=engine.device.name,
        dtype=engine.device.dtype,
    )
