"""The count tool: arguments in, the engine's evidence reconciled, a CountRecord out."""

import numpy as np

from segmentation.counted import Counted, Question
from segmentation.counter import Counter
from segmentation.geometry import Box
from segmentation.photo import Photo
from segmentation.place import Place
from segmentation.target import Target, parse_target
from tools.arguments import CountArguments
from tools.errors import Cancelled
from tools.optimize_prompt import Optimizer, model_info
from tools.optimizer import OWN, own_words
from tools.records import CountRecord, Excluded, Instance, Mask, PromptUsed
from tools.registry import Progress, Tool
from tools.store import ImageStore, image_info

DESCRIPTION = (
    "Counts one kind of thing on one shelf photo and returns the number, its interval low..high, and a box per "
    "item. Give the thing as a short noun phrase in the user's words ('Sunkist bottles', 'red cans'); put places "
    "into row or where, look-alikes into exclude, and example boxes into like. One call per thing and photo."
)


def count_tool(store: ImageStore, counter: Counter, optimizer: Optimizer) -> Tool:
    """The tool, given the photos, the engine, and what finds wordings for the vision model."""

    def run(arguments: CountArguments, progress: Progress) -> CountRecord:
        photo = store.get(arguments.image)
        target = parse_target(arguments.target)

        def report(stage: str, share: float) -> None:
            if progress.cancelled.is_set():
                raise Cancelled("the count was cancelled")
            progress.report(stage, share)

        prompt = _prompt(counter, photo, target, arguments, optimizer)
        examples = tuple(
            (store.get(example.image) if example.image else None, example.box) for example in arguments.like
        )
        question = Question(
            target=target,
            exclude=tuple(parse_target(text) for text in (*target.exclude, *arguments.exclude)),
            row=arguments.row or None,
            places=tuple(Place(where.relation, where.reference) for where in arguments.where),
            examples=examples,
            wordings=tuple(wording.text for wording in prompt.chosen if not wording.broader),
            broader=tuple(wording.text for wording in prompt.chosen if wording.broader),
            tune=arguments.tune,
            regions=tuple((chunk.box, chunk.chosen.text) for chunk in prompt.chunks),
        )
        return _record(photo, arguments, prompt, counter, counter.count(photo, question, report))

    return Tool("count", DESCRIPTION, CountArguments, run, CountRecord)


def _prompt(
    counter: Counter, photo: Photo, target: Target, arguments: CountArguments, optimizer: Optimizer
) -> PromptUsed:
    """The wordings for the vision model; print and examples need none, so for them the user's own stands."""
    fitted = ", fitted to the examples" if arguments.tune else ""
    if not arguments.optimize or target.named or arguments.like or arguments.tune or counter.engine() is None:
        return own_words(target.noun, f"{OWN}{fitted}").used
    return optimizer.choose(photo, optimizer.request(photo, target)).used


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
        model=model_info(counter),
        seconds=counted.seconds,
    )


def _rle(mask: np.ndarray, box: Box, width: int, height: int) -> Mask:
    """COCO run lengths over the whole photo of a (h, w) mask that lies in a box."""
    from pycocotools.mask import encode

    whole = np.zeros((height, width), np.uint8, order="F")
    whole[box[1] : box[3], box[0] : box[2]] = mask
    return Mask(size=(height, width), counts=encode(whole)["counts"].decode("ascii"))
