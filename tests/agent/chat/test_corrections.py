import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.chat.corrections import Add, Corrected, Drop, Edit, Split
from agent.errors import ChatError
from tests.agent.fakes import count_record

FRESH = Corrected(record=count_record("cans", 6))


def test_the_models_count_and_the_users_count_stay_apart() -> None:
    corrected = FRESH.edit(Drop(ids=(1, 2))).edit(Split(id=3, into=3)).edit(Add(x=400, y=300))
    assert (corrected.record.count, corrected.count) == (6, 7)
    assert corrected.says() == "cans: 7 after 3 corrections (counted: 6)."
    assert len(corrected.boxes()) == 7


def test_undo_and_redo_walk_the_edits() -> None:
    corrected = FRESH.edit(Drop(ids=(1,))).edit(Drop(ids=(2,)))
    assert [corrected.count, corrected.undo().count, corrected.undo().undo().count] == [4, 5, 6]
    assert corrected.undo().redo() == corrected


def test_an_edit_after_undo_forgets_what_was_undone() -> None:
    corrected = FRESH.edit(Drop(ids=(1,))).undo().edit(Drop(ids=(2,)))
    with pytest.raises(ChatError, match="redo"):
        corrected.redo()


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (Drop(ids=(7,)), "number 7"),
        (Drop(ids=(1, 99)), "number 99"),
        (Split(id=0, into=2), "number 0"),
        (Add(x=1200, y=5), "off the photo"),
        (Add(x=5, y=900), "off the photo"),
    ],
)
def test_what_is_not_there_cannot_be_corrected(edit: Edit, told: str) -> None:
    with pytest.raises(ChatError, match=told):
        FRESH.edit(edit)


def test_what_was_dropped_cannot_be_dropped_again() -> None:
    with pytest.raises(ChatError, match="number 2"):
        FRESH.edit(Drop(ids=(2,))).edit(Drop(ids=(2,)))


def test_nothing_to_undo_is_said() -> None:
    with pytest.raises(ChatError, match="undo"):
        FRESH.undo()


@given(
    st.lists(st.sampled_from([Drop(ids=(1,)), Drop(ids=(3,)), Split(id=3, into=2), Split(id=4, into=5), Add(x=9, y=9)]))
)
def test_there_is_a_box_for_each_item_after_any_edits(edits: list[Edit]) -> None:
    corrected = FRESH
    for edit in edits:
        try:
            corrected = corrected.edit(edit)
        except ChatError:
            continue
    assert len(corrected.boxes()) == corrected.count
