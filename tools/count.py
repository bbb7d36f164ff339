"""The count tool: arguments in, the engine's evidence reconciled, a CountRecord out."""

from collections.abc import Sequence

import numpy as np

from segmentation.counted import Counted, Question
from segmentation.counter import Counter
from segmentation.geometry import Box
from segmentation.photo import Photo
from segmentation.place import Place
from segmentation.target import Target, parse_target
from tools.arguments import CountArguments
from tools.errors import Cancelled
from tools.optimizer import Proposer, VocabularyProposer, WordingRequest, choose
from tools.records import CountRecord, Excluded, Instance, Mask, ModelInfo, PromptUsed, Wording
from tools.registry import Progress, Tool
from tools.store import ImageStore, image_info

VOCABULARY: tuple[Proposer, ...] = (VocabularyProposer(),)
DESCRIPTION = (
    "Counts one kind of thing on one shelf photo and returns the number, its interval low..high, and a box per "
    "item. Give the thing as a short noun phrase in the user's words ('Sunkist bottles', 'red cans'); put places "
    "into row or where, look-alikes into exclude, and example boxes into like. One call per thing and photo."
)


def count_tool(store: ImageStore, counter: Counter, proposers: Sequence[Proposer] = VOCABULARY) -> Tool:
    """The tool, given the photos, the engine, and who proposes wordings for the vision model."""

    def run(arguments: CountArguments, progress: Progress) -> CountRecord:
        photo = store.get(arguments.image)
        target = parse_target(arguments.target)

        def report(stage: str, share: float) -> None:
            if progress.cancelled.is_set():
                raise Cancelled("the count was cancelled")
            progress.report(stage, share)

        prompt = _prompt(counter, photo, target, arguments, proposers)
        examples = tuple(
            (store.get(example.image) if example.image else None, example.box) for example in arguments.like
        )
        question = Question(
            target=target,
            exclude=tuple(parse_target(text) for text in (*target.exclude, *arguments.exclude)),
            row=arguments.row or None,
            places=tuple(Place(where.relation, where.reference) for where in arguments.where),
            examples=examples,
            wordings=tuple(wording.text for wording in prompt.chosen),
            tune=arguments.tune,
            regions=tuple((chunk.box, chunk.chosen.text) for chunk in prompt.chunks),
        )
        return _record(photo, arguments, prompt, counter, counter.count(photo, question, report))

    return Tool("count", DESCRIPTION, CountArguments, run, CountRecord)


def _prompt(
    counter: Counter,
    photo: Photo,
    target: Target,
    arguments: CountArguments,
    proposers: Sequence[Proposer],
) -> PromptUsed:
    """The wordings for the vision model; print and examples need none, so for them the user's own stands."""
    fitted = ", fitted to the examples" if arguments.tune else ""
    own = Wording(text=target.noun, reason=f"the user's words{fitted}")
    if not arguments.optimize or target.named or arguments.like or arguments.tune or counter.engine() is None:
        return PromptUsed(original=own, chosen=(own,))
    # Reading takes seconds, and the vocabulary does not look at what was read.
    words = () if proposers == VOCABULARY else tuple(word.text for word in counter.words(photo))
    return choose(WordingRequest(target, words=words), proposers, lambda texts: counter.score_wordings(photo, texts))


def _record(
    photo: Photo, arguments: CountArguments, prompt: PromptUsed, counter: Counter, counted: Counted
) -> CountRecord:
    return CountRecord(
        target=arguments.target,
        prompt_used=prompt,
        count=len(counted.items),
        low=counted.interval.low,
        high=counted.interval.high,
        components=counted.components,
        instances=tuple(
            Instance(
                id=number,
                box=item.box,
                score=round(item.score, 4),
                mask=_rle(item.mask, item.box, photo.width, photo.height) if item.mask is not None else None,
                evidence=item.evidence,
            )
            for number, item in enumerate(counted.items, start=1)
        ),
        excluded=tuple(
            Excluded(box=dropped.box, score=round(dropped.score, 4), reason=dropped.reason)
            for dropped in counted.dropped
        ),
        presence=round(counted.presence, 4),
        saturated=counted.saturated,
        warnings=counted.warnings,
        image=image_info(photo),
        model=_model(counter),
        seconds=counted.seconds,
    )


def _model(counter: Counter) -> ModelInfo:
    engine = counter.engine()
    if engine is None:
        return ModelInfo(checkpoint=None, sha256=None, device="cpu", dtype="float32")
    return ModelInfo(
        checkpoint=engine.checkpoint.name,
        sha256=engine.checkpoint.sha256,
        device=engine.device.name,
        dtype=engine.device.dtype,
    )


def _rle(mask: np.ndarray, box: Box, width: int, height: int) -> Mask:
    """COCO run lengths over the whole photo of a (h, w) mask that lies in a box."""
    from pycocotools.mask import encode

    whole = np.zeros((height, width), np.uint8, order="F")
    whole[box[1] : box[3], box[0] : box[2]] = mask
    return Mask(size=(height, width), counts=encode(whole)["counts"].decode("ascii"))
