import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.chat.memory import Memory
from agent.chat.session import HELP, Session
from agent.errors import ChatError
from agent.evaluation import read_questions
from agent.planner import Planners
from agent.settings import Settings
from agent.trace import Trace
from segmentation.errors import PhotoError
from segmentation.training.sources import read_source
from tests.agent.fakes import FakeWorkbench, fake_registry
from tools.registry import Progress


class Chat:
    """A session with two photos on disk and a memory that outlives it."""

    def __init__(self, folder: Path, thread: str = "t") -> None:
        self.folder = folder
        self.photos = [folder / "soda.jpg", folder / "beans.jpg"]
        for photo in self.photos:
            photo.touch()
        self.memory = Memory(folder / "home" / "chats.sqlite")
        bench = FakeWorkbench(fake_registry({"cans": 4, "jars": 0}))
        planners = Planners(bench.registry, Settings(), "rules", self.memory.saver)
        self.session = Session(bench, planners, self.memory, thread, folder / "out", Trace(None))

    def say(self, text: str) -> str:
        return self.session.say(text, Progress()).text


@pytest.fixture
def chat(tmp_path: Path) -> Chat:
    chat = Chat(tmp_path)
    chat.session.add(chat.photos[:1])
    return chat


def test_a_count_leaves_a_picture(chat: Chat) -> None:
    reply = chat.session.say("count the bottles", Progress())
    assert reply.text == "6 bottles."
    assert [path.name for path in reply.pictures] == ["soda-bottles-p1.jpg"]
    assert reply.pictures[0].exists()


def test_follow_ups_are_read_against_what_was_said(chat: Chat) -> None:
    chat.say("count the bottles on the second shelf")
    assert chat.say("and the cans?") == "4 cans."
    assert chat.say("what about the top shelf?") == "4 cans on shelf 1."


def test_a_new_photo_becomes_the_one_that_is_meant(chat: Chat) -> None:
    chat.say("count the bottles")
    chat.say(f"/image {chat.photos[1]}")
    assert chat.session.say("count the cans", Progress()).pictures[0].name == "beans-cans-p2.jpg"
    assert len(chat.session.say("count the cans in both photos", Progress()).pictures) == 2


def test_same_on_the_other_photo(chat: Chat) -> None:
    chat.say(f"/image {chat.photos[1]}")
    chat.say("count the bottles in photo 1")
    assert chat.session.say("same on the other photo", Progress()).pictures[0].name == "beans-bottles-p2.jpg"


def test_corrections_keep_both_counts_and_can_be_undone(chat: Chat) -> None:
    chat.say("count the bottles")
    assert chat.say("drop 2") == "bottles: 5 after 1 correction (counted: 6)."
    assert chat.say("3 is two") == "bottles: 6 after 2 corrections (counted: 6)."
    assert chat.say("add one at 400,300") == "bottles: 7 after 3 corrections (counted: 6)."
    assert chat.say("undo") == "bottles: 6 after 2 corrections (counted: 6)."
    assert chat.say("redo").startswith("bottles: 7")
    with pytest.raises(ChatError, match="number 2"):
        chat.say("drop 2")


def test_why_shows_the_evidence(chat: Chat) -> None:
    chat.say("count the bottles")
    said = chat.say("why 6?")
    assert "label 6 (of 6 numbered items)" in said
    assert "Item 6 at" in said
    assert "printed words were read" in said
    with pytest.raises(ChatError, match="number 99"):
        chat.say("why 99?")


def test_show_me_draws_again(chat: Chat) -> None:
    chat.say("count the bottles")
    assert chat.session.say("show me", Progress()).pictures


def test_saved_corrections_are_questions_that_eval_reads(chat: Chat) -> None:
    chat.say("count the bottles")
    chat.say("drop 1")
    file = chat.folder / "corrected.jsonl"
    assert chat.say(f"/save {file}") == f"1 count added to {file}"
    (question,) = read_questions(file)
    assert (question.count, question.prompt, len(question.boxes or ())) == (5, "bottles", 5)
    assert question.excluded == ((0, 0, 8, 20),)  # the one that was dropped
    assert json.loads(file.read_text())["note"] == "counted 6, 1 corrections by hand"


def test_saved_corrections_are_something_to_train_on(chat: Chat) -> None:
    chat.say("count the bottles")
    chat.say("drop 1")
    file = chat.folder / "corrected.jsonl"
    chat.say(f"/save {file}")
    (picture,) = read_source("corrections", file, None)
    ((phrase, shape),) = picture.phrases
    assert phrase == "bottles"
    assert cv2.connectedComponents(shape.draw(40, 80).astype(np.uint8))[0] - 1 == 5


def test_a_chat_is_resumed_with_its_photos_counts_and_words(tmp_path: Path) -> None:
    first = Chat(tmp_path)
    first.session.add(first.photos)
    first.say("count the bottles in photo 1")
    first.say("drop 1")
    again = Chat(tmp_path, thread=str(first.memory.latest()))
    assert "bottles: 5 after 1 correction (counted: 6)." in again.session.resume().text
    assert again.say("undo") == "bottles: 6, as counted."
    assert again.say("and the cans?") == "4 cans."


def test_a_photo_that_has_gone_is_named_on_resume(tmp_path: Path) -> None:
    first = Chat(tmp_path)
    first.session.add(first.photos)
    first.photos[1].unlink()
    again = Chat.__new__(Chat)
    again.memory = first.memory
    bench = FakeWorkbench()
    session = Session(bench, Planners(bench.registry, Settings(), "rules"), first.memory, "t", tmp_path, Trace(None))
    reply = session.resume()
    assert reply.notices == ("beans.jpg: no such file",)
    assert "soda.jpg" in reply.text


@pytest.mark.parametrize("text", ["/nonsense", "/image", "/save", "/save x.jsonl", "/undo", "/why", "/show"])
def test_a_command_that_cannot_be_done_says_why(chat: Chat, text: str) -> None:
    with pytest.raises(ChatError):
        chat.say(text)


def test_a_bad_photo_leaves_the_chat_as_it_was(chat: Chat) -> None:
    with pytest.raises(PhotoError):
        chat.say("/image missing.jpg")
    assert chat.say("count the cans") == "4 cans."


def test_help_and_photos_are_listed(chat: Chat) -> None:
    assert chat.say("/help") == HELP
    assert chat.say("/photos") == "* photo 1: soda.jpg (1200 x 900)"


def test_the_memory_is_for_its_owner_only(tmp_path: Path) -> None:
    Memory(tmp_path / "chats.sqlite")
    assert (tmp_path / "chats.sqlite").stat().st_mode & 0o077 == 0


def test_a_memory_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ChatError, match="SHELF_HOME"):
        Memory(tmp_path / "file" / "chats.sqlite")
    (tmp_path / "broken.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(ChatError, match="SHELF_HOME"):
        Memory(tmp_path / "broken.sqlite")
