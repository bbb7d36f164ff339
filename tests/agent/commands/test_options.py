from pathlib import Path

import pytest

from agent.commands.options import MOST_SAVED, ExampleError, parse_example_file
from agent.evaluation import Question


def saved(path: Path, *lines: tuple[str, int]) -> Path:
    """A file as /save writes it: prompts with so many boxes."""
    questions = [
        Question(
            image=f"/photos/{prompt}.jpg",
            prompt=prompt,
            kind="corrected",
            count=many,
            low=many,
            high=many,
            boxes=tuple((10 * i, 0, 10 * i + 8, 20) for i in range(many)),
        )
        for prompt, many in lines
    ]
    path.write_text("".join(question.model_dump_json() + "\n" for question in questions))
    return path


def test_an_example_file_is_a_picture_with_or_without_a_box() -> None:
    assert parse_example_file("pack.jpg", "cans") == [(Path("pack.jpg"), None)]
    assert parse_example_file("shelf.jpg#1,2,30,40", "cans") == [(Path("shelf.jpg"), (1, 2, 30, 40))]
    with pytest.raises(ExampleError, match="whole pixels"):
        parse_example_file("shelf.jpg#a,b,c,d", "cans")


def test_what_the_chat_saved_for_the_target_is_taken_as_examples(tmp_path: Path) -> None:
    file = saved(tmp_path / "s.jsonl", ("cans", 2), ("jars", 5), ("bottles", 0))
    assert parse_example_file(str(file), "Cans") == [
        (Path("/photos/cans.jpg"), (0, 0, 8, 20)),
        (Path("/photos/cans.jpg"), (10, 0, 18, 20)),
    ]
    assert [path.name for path, _ in parse_example_file(str(file), "this")] == ["jars.jpg"] * MOST_SAVED


def test_a_saved_count_of_nothing_is_no_example(tmp_path: Path) -> None:
    with pytest.raises(ExampleError, match="no line of it has boxes"):
        parse_example_file(str(saved(tmp_path / "s.jsonl", ("cans", 0))), "cans")
