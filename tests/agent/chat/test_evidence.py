from agent.chat.evidence import why, why_item
from tests.agent.fakes import count_record
from tools.records import Excluded, PromptUsed, Wording


def test_why_says_what_supports_the_count_and_what_was_left_out() -> None:
    reasons = ["too small", "too small", "green", "other row", "cut off", "label reads 'X'", "label reads 'Y'"]
    record = count_record(
        "cans",
        2,
        low=1,
        high=3,
        components=4,
        excluded=tuple(Excluded(box=(0, 0, 1, 1), score=0.2, reason=reason) for reason in reasons),
        prompt_used=PromptUsed(
            original=Wording(text="cans", score=0.4, count=3),
            chosen=(
                Wording(text="cans", score=0.4, count=3),
                Wording(text="tins", score=0.62, count=2, reason="synonym"),
            ),
        ),
        warnings=("dark",),
    )
    assert why(record).splitlines() == [
        "2 cans, between 1 and 3.",
        "Evidence: label 2 (of 2 numbered items).",
        "Connected components alone would say 4.",
        "Best score seen: 0.90.",
        "Not counted: 2 x too small; 1 x green; 1 x other row; 1 x cut off; 2 for other reasons.",
        "Wording: “cans” (score 0.40, count 3) was asked; what “tins” (score 0.62, count 2) marks too was counted.",
        "Note: dark.",
    ]


def test_words_that_gave_way_are_told_with_what_was_looked_for() -> None:
    own, taught = Wording(text="maroon cans", score=0.8, count=9), Wording(text="red cans", score=0.7, count=3)
    record = count_record("maroon cans", 3, prompt_used=PromptUsed(original=own, chosen=(taught,)))
    asked = "Wording: “maroon cans” (score 0.80, count 9) was asked; "
    assert asked + "it was looked for as “red cans” (score 0.70, count 3)." in why(record).splitlines()


def test_a_broader_wording_is_told_as_what_was_weighed_in() -> None:
    own, kind = Wording(text="red cans", score=0.8, count=5), Wording(text="cans", score=0.7, count=3, broader=True)
    record = count_record("red cans", 3, prompt_used=PromptUsed(original=own, chosen=(own, kind)))
    asked = "Wording: “red cans” (score 0.80, count 5) was asked; "
    assert asked + "“cans” (score 0.70, count 3) was weighed in." in why(record).splitlines()


def test_an_item_has_its_own_reasons() -> None:
    assert why_item(count_record("cans", 2), 2) == "Item 2 at 10,0,18,20: its printed words were read (score 0.90)."
    assert why_item(count_record("cans", 2), 3) is None
