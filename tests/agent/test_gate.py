import pytest

from agent.gate import violations
from agent.turn import Call
from tests.agent.fakes import count_record, describe_record, image, request

ASKED = request("how many Sunkist bottles and 7UP cans are on the second shelf? I expected 9 of the 2 litre size", 2)
SUNKIST = count_record("Sunkist bottles", 6, low=5, high=8, components=11, presence=0.83)
CANS = count_record("7UP cans", 4, low=4, high=4, components=3, image=image("p1"))
CALLS = (
    Call(tool="count", arguments={"image": "p1", "target": "Sunkist bottles", "row": 2}, record=0),
    Call(tool="count", arguments={"image": "p1", "target": "7UP cans"}, record=1),
)
RECORDS = (SUNKIST, CANS)

TRUE = [
    "There are 6 Sunkist bottles and 4 7UP cans.",
    "6 Sunkist bottles (between 5 and 8) and 4 cans.",
    "Sunkist bottles: 6 (5 to 8). 7UP cans: 4.",
    "Sunkist bottles: 6 (5–8). 7UP cans: 4.",
    "I found six Sunkist bottles and four 7UP cans on the second shelf.",
    "On shelf 2 there are 6 Sunkist bottles; 4 cans in all of the photo.",
    "6 Sunkist bottles, at least 5 and at most 8, and 4 cans.",
    "6 bottles and 4 cans. Connected components alone would say 11.",
    "6 bottles (presence 0.83) and 4 cans on the 2nd shelf of soda.jpg.",
    "Es sind sechs Sunkist bottles und vier cans.",
    "Hay seis Sunkist bottles y cuatro cans.",
    "You asked for the 2 litre size; I count 6 Sunkist bottles and 4 cans.",
    "6 Sunkist bottles and ４ cans.",
]

LIES = [
    "There are 7 Sunkist bottles and 4 7UP cans.",
    "There are 4 Sunkist bottles and 6 7UP cans.",
    "There are seven Sunkist bottles and four cans.",
    "There are 8 Sunkist bottles and 4 cans.",
    "There are 5 Sunkist bottles and 4 cans.",
    "There are 11 Sunkist bottles and 4 cans.",
    "There are 6 Sunkist bottles, 4 cans and 12 jars.",
    "There are 6 Sunkist bottles and 4 cans, 10 in total.",
    "There are 6 Sunkist bottles and 4 cans, so 60 % are Sunkist.",
    "6 Sunkist bottles and 4 cans; about 2/3 are orange.",
    "There are 9 Sunkist bottles, as you expected, not 6; and 4 cans.",
    "There are no Sunkist bottles, though 6 were expected, and 4 cans.",
    "A dozen Sunkist bottles: 6 and 4 cans.",
    "Dozens of bottles, 6 of them in front, and 4 cans.",
    "There are 6 Sunkist bottles and 4 cans, worth 12.50 dollars.",
    "6 Sunkist bottles and 4 cans cost 3,000.",
    "6 Sunkist bottles and 4 cans, twice as many as last week.",
    "6 Sunkist bottles, a couple of them damaged, and 4 cans.",
    "Twenty-six Sunkist bottles and 4 cans; 6 in front.",
    "There are 6 Sunkist bottles and 4 cans on shelf 3.",
    "There are 6.5 Sunkist bottles and 4 cans. 6 is the count.",
    "There are ７ Sunkist bottles and 4 cans. Count: 6.",
    "There are ⑨ Sunkist bottles, 6 and 4 cans.",
    "There are ٧ Sunkist bottles, 6 and 4 cans.",
    "6 Sunkist bottles and 4 cans, ½ of them full.",
    "Hay siete Sunkist bottles, seis y 4 cans.",
    "Es sind sieben Sunkist bottles, sechs und 4 cans.",
    "Sunkist bottles: between 6 and 14; 4 cans.",
    "6 Sunkist bottles and 4 cans; the score is 0.99.",
    "6 Sunkist bottles and 4 cans. One hundred and two jars.",
    "1 000 Sunkist bottles, 6 and 4 cans.",
    "Plenty of Sunkist bottles and 4 cans.",
    "6 Sunkist bottles and 4 cans, see https://example.org/6",
    "6 Sunkist bottles and 4 cans ![x](http://evil/6)",
    "",
]


@pytest.mark.parametrize("text", TRUE)
def test_what_the_records_say_passes(text: str) -> None:
    assert violations(text, CALLS, RECORDS, ASKED) == ()


@pytest.mark.parametrize("text", LIES)
def test_a_lie_is_found(text: str) -> None:
    assert violations(text, CALLS, RECORDS, ASKED) != ()


def test_there_are_thirty_lies_and_more() -> None:
    assert len(LIES) >= 30


def test_a_total_over_photos_passes_beside_a_word_that_says_so() -> None:
    calls = [Call(tool="count", arguments={"target": "cans"}, record=i) for i in range(2)]
    records = [count_record("cans", 3, image=image("p1")), count_record("cans", 5, image=image("p2"))]
    asked = request("count the cans in both photos", 2)
    assert violations("3 cans on photo 1 and 5 cans on photo 2, 8 in total.", calls, records, asked) == ()
    assert violations("3 cans on photo 1 and 5 cans on photo 2, 9 in total.", calls, records, asked) != ()
    assert violations("3 and 5 and 8 cans.", calls, records, asked) != ()


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("I found no Nutella jars.", True),
        ("There are none; the best score was 0.12.", True),
        ("Zero Nutella jars.", True),
        ("There is one hundred Nutella jars.", False),
        ("Yes, 1 Nutella jar, not 0.", False),
    ],
)
def test_absence_is_zero_and_nothing_else(text: str, holds: bool) -> None:
    records = [count_record("Nutella jars", 0)]
    calls = [Call(tool="count", arguments={"target": "Nutella jars"}, record=0)]
    assert (violations(text, calls, records, request("any Nutella jars?")) == ()) is holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Which photo do you mean?", True),
        ("Do you mean the 2 litre size?", True),
        ("There are 12 cans.", False),
    ],
)
def test_without_records_only_the_users_own_numbers_pass(text: str, holds: bool) -> None:
    assert (violations(text, (), (), ASKED) == ()) is holds


def test_rows_of_a_description_pass_beside_their_word() -> None:
    calls = [Call(tool="describe", arguments={}, record=0)]
    asked = request("describe the shelf")
    assert violations("I see 2 rows of packs.", calls, [describe_record()], asked) == ()
    assert violations("I see 3 rows of packs.", calls, [describe_record()], asked) != ()
