"""Which tools there are: the one place where a tool is added."""

from collections.abc import Sequence

from segmentation.counter import Counter
from tools.caption import WordsCaptioner, caption_tool
from tools.count import VOCABULARY, count_tool
from tools.describe import describe_tool
from tools.optimizer import Proposer
from tools.read_labels import read_labels_tool
from tools.registry import Registry
from tools.store import ImageStore


def build_registry(store: ImageStore, counter: Counter, proposers: Sequence[Proposer] = VOCABULARY) -> Registry:
    """All tools over one store of photos and one engine; `proposers` find wordings for the vision model."""
    return Registry(
        (
            count_tool(store, counter, proposers),
            read_labels_tool(store, counter),
            describe_tool(store, counter.words),
            caption_tool(store, WordsCaptioner(counter.words)),
        )
    )
