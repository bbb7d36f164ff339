import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from segmentation.counter import Counter
from segmentation.errors import CheckpointError, UserError
from segmentation.labels import Reading, ReadWord
from segmentation.photo import Photo
from segmentation.target import parse_target
from tests.tools.test_count import SeesRed
from tools.catalog import build_registry
from tools.optimize_prompt import Optimizer
from tools.optimizer import VOCABULARY, Proposal, WordingRequest
from tools.records import CountRecord, PromptRecord
from tools.registry import Registry
from tools.store import ImageStore

RED = (210, 20, 30)


class Reads(Counter):
    """Reads the same words on every photo and counts how often it was asked."""

    def reading(self, photo: Photo) -> Reading:
        return Reading(
            (ReadWord("SOUP", (60, 190, 120, 210), 0.9), ReadWord("BEANS", (500, 190, 560, 210), 0.9)), False
        )


class Listens:
    """A proposer that keeps what it was told."""

    def __init__(self, *texts: str) -> None:
        self.texts, self.told = texts, list[WordingRequest]()

    def propose(self, request: WordingRequest) -> Sequence[Proposal]:
        self.told.append(request)
        return [Proposal(text, "because") for text in self.texts]


class Says:
    """A captioner that says one thing, or fails."""

    source = "blip"
    model = "x"

    def __init__(self, said: str | UserError) -> None:
        self.said, self.asked = said, 0

    def caption(self, photo: Photo) -> str:
        self.asked += 1
        if isinstance(self.said, UserError):
            raise self.said
        return self.said


@pytest.fixture
def counter(tiny_checkpoint: Path) -> Counter:
    return Reads(str(tiny_checkpoint), SeesRed.load)


@pytest.fixture
def store() -> ImageStore:
    picture = np.full((400, 700, 3), 230, np.uint8)
    cv2.ellipse(picture, (100, 200), (40, 90), 0, 0, 360, RED, -1)
    kept = ImageStore()
    kept.add(cv2.imencode(".png", picture[:, :, ::-1])[1].tobytes(), "cans.png")
    return kept


@pytest.fixture
def tools(store: ImageStore, counter: Counter) -> Registry:
    return build_registry(store, counter)


def prompt(tools: Registry, target: str) -> PromptRecord:
    record = tools.get("optimize_prompt").call({"image": "cans.png", "target": target})
    assert isinstance(record, PromptRecord)
    return record


def test_every_wording_that_was_tried_comes_with_its_score_and_reason_best_first(tools: Registry) -> None:
    record = prompt(tools, "red products")
    assert {wording.text for wording in record.tried} >= {"red products", "red product"}
    scores = [wording.score for wording in record.tried]
    assert scores == sorted(scores, key=lambda score: -(score or 0.0))
    assert all(wording.reason for wording in record.tried)
    assert record.prompt_used.original.text == "red products"


def test_the_tool_chooses_what_a_count_uses(tools: Registry) -> None:
    counted = tools.get("count").call({"image": "cans.png", "target": "red cans"})
    assert isinstance(counted, CountRecord)
    assert prompt(tools, "red cans").prompt_used == counted.prompt_used


def test_the_target_is_taken_apart(tools: Registry) -> None:
    parts = prompt(tools, "red Sunkist soda cans on the second shelf, not the bottles").parts
    assert (parts.kind, parts.colours, parts.row) == ("can", ("red",), 2)
    assert "Sunkist" in parts.printed
    assert parts.exclude == ("bottles",)
    assert "shelf" not in parts.noun


def test_of_a_named_product_it_says_that_print_decides(tools: Registry) -> None:
    assert any("looked for in print" in warning for warning in prompt(tools, "Sunkist cans").warnings)


def test_proposers_are_told_the_caption_the_words_and_the_parts_of_the_photo(
    store: ImageStore, counter: Counter
) -> None:
    listener = Listens("scarlet cans")
    record = prompt(build_registry(store, counter, [listener], Says("one red can\x1b[31m")), "red cans")
    (told,) = listener.told
    assert (told.caption, told.words) == ("one red can", ("SOUP", "BEANS"))
    (part,) = told.chunks  # around the can, where SOUP is read and BEANS is not
    assert "SOUP" in part
    assert "red" in part
    assert "BEANS" not in part
    assert record.caption == told.caption


def test_a_photo_is_captioned_once(store: ImageStore, counter: Counter) -> None:
    captioner = Says("one red can")
    optimizer = Optimizer(counter, [Listens()], captioner)
    photo = store.get("cans.png")
    optimizer.request(photo, parse_target("red cans"))
    optimizer.request(photo, parse_target("blue cans"))
    assert captioner.asked == 1


def test_the_vocabulary_needs_neither_caption_nor_reading(store: ImageStore, counter: Counter) -> None:
    captioner = Says(UserError("must not be asked"))
    request = Optimizer(counter, VOCABULARY, captioner).request(store.get("cans.png"), parse_target("red cans"))
    assert (captioner.asked, request.words, request.chunks) == (0, (), ())


def test_without_its_caption_a_photo_is_still_worded(
    store: ImageStore, counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        record = prompt(build_registry(store, counter, [Listens("scarlet cans")], Says(UserError("gone"))), "red cans")
    assert record.caption == ""
    assert "gone" in caplog.text


def test_a_caption_model_that_the_user_named_must_work(store: ImageStore, counter: Counter) -> None:
    tools = build_registry(store, counter, [Listens()], Says(CheckpointError("no BLIP there")))
    with pytest.raises(CheckpointError, match="no BLIP there"):
        prompt(tools, "red cans")
