import pytest

from agent.chat.corrections import Add, Drop, Split
from agent.chat.directives import Correct, Directive, Do, Why, directive


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("drop 7", Correct(Drop(ids=(7,)))),
        ("Drop #7, please", Correct(Drop(ids=(7,)))),
        ("remove 3, 4 and 9", Correct(Drop(ids=(3, 4, 9)))),
        ("these are the small ones: exclude 3,4", Correct(Drop(ids=(3, 4)))),
        ("7 is not a bottle", Correct(Drop(ids=(7,)))),
        ("number 7 is wrong", Correct(Drop(ids=(7,)))),
        ("12 is two", Correct(Split(id=12, into=2))),
        ("12 is really 3 packs", Correct(Split(id=12, into=3))),
        ("split 5", Correct(Split(id=5, into=2))),
        ("split 5 into four", Correct(Split(id=5, into=4))),
        ("add one at 400,300", Correct(Add(x=400, y=300))),
        ("you missed one at (400, 300)", Correct(Add(x=400, y=300))),
        ("undo", Do("undo")),
        ("Redo!", Do("redo")),
        ("show me", Do("show")),
        ("show me the picture", Do("show")),
        ("why 7?", Why(7)),
        ("why?", Why()),
        ("why did you count 3?", Why(3)),
        ("how do you know?", Why()),
        ("count the cans", None),
        ("exclude the red ones", None),
        ("show me the cans", None),
        ("how many 2 litre bottles are there", None),
        ("and the cans?", None),
        ("not the red ones", None),
    ],
)
def test_a_sentence_is_a_directive_or_a_request(text: str, wanted: Directive | None) -> None:
    assert directive(text) == wanted
