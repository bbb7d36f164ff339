import pytest
from pydantic import ValidationError

from tools.arguments import CountArguments


def test_blanks_around_words_do_not_matter() -> None:
    assert CountArguments(image="a.jpg", target="  red cans\n").target == "red cans"


@pytest.mark.parametrize("target", ["", "   ", "x" * 201, " " + "x" * 200])
def test_words_are_as_long_as_the_schema_says(target: str) -> None:
    with pytest.raises(ValidationError):
        CountArguments(image="a.jpg", target=target)
