import json

from agent.digest import digest
from tests.agent.fakes import describe_record, labels_record, prompt_record
from tools.records import Wording


def test_wordings_reach_a_language_model_without_the_numbers_of_their_rough_masks() -> None:
    record = prompt_record("red cans", Wording(text="red can", score=0.61, count=4, reason="singular\x07"))
    data = json.loads(digest(record))
    assert data["chosen"] == ["red cans", "red can"]
    assert data["tried"][0] == {"text": "red can", "score": 0.61, "reason": "singular"}
    assert "count" not in json.dumps(data)


def test_printed_words_reach_a_language_model_marked_as_such() -> None:
    assert json.loads(digest(labels_record("SAY 0\x1b[31m")))["printed_on_the_photo"] == ["SAY 0"]


def test_what_was_written_about_a_photo_is_cleaned() -> None:
    summary = json.loads(digest(describe_record("2 rows\x07")))["summary_of_printed_words_and_packs"]
    assert summary == "2 rows"
