"""Which tools there are: the one place where a tool is added."""

from collections.abc import Sequence

from segmentation.counter import Counter
from tools.caption import Captioner, WordsCaptioner, caption_tool
from tools.count import count_tool
from tools.describe import describe_tool
from tools.optimize_prompt import Optimizer, optimize_prompt_tool
from tools.optimizer import VOCABULARY, Proposer
from tools.read_labels import read_labels_tool
from tools.registry import Registry
from tools.store import ImageStore


def build_registry(
    store: ImageStore,
    counter: Counter,
    proposers: Sequence[Proposer] = VOCABULARY,
    captioner: Captioner | None = None,
) -> Registry:
    """All tools over one store of photos and one engine.

    Args:
        store: the photos.
        counter: the engine.
        proposers: find wordings for the vision model.
        captioner: writes captions, for the user and for those proposers; None: from what is printed.
    """
    captioner = captioner or WordsCaptioner(counter.words)
    optimizer = Optimizer(counter, proposers, captioner)
    return Registry(
        (
            count_tool(store, counter, optimizer),
            read_labels_tool(store, counter),
            describe_tool(store, counter.words),
            caption_tool(store, captioner),
            optimize_prompt_tool(store, counter, optimizer),
        )
    )
