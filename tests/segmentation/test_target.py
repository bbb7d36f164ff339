import pytest

from segmentation.errors import TargetError
from segmentation.target import in_taught_words, normalise, parse_target


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cans", {"kind": "can"}),
        ("Sunkist bottles", {"kind": "bottle", "brand": ("Sunkist",)}),
        ("heinz lentil soup cans", {"kind": "can", "brand": ("heinz", "lentil"), "contents": ("soup",)}),
        ("Heinz lentil soup cans", {"brand": ("Heinz",), "details": ("lentil", "soup"), "contents": ("soup",)}),
        ("cans on the top shelf", {"kind": "can", "row": 1}),
        ("boxes on the second shelf from the bottom", {"kind": "box", "row": -2}),
        ("tubs in the 3rd row", {"kind": "tub", "row": 3}),
        ("bottles on the bottom shelf", {"kind": "bottle", "row": -1}),
        ("red cans", {"kind": "can", "colours": ("red",)}),
        ("red Solid White tuna cans", {"colours": ("red",), "brand": ("Solid", "White"), "kind": "can"}),
        ("Nescafe Gold Blend jars", {"colours": (), "brand": ("Nescafe", "Gold", "Blend"), "kind": "jar"}),
        ("jars with gold lids", {"kind": "jar", "colours": ("gold",), "part": "lid"}),
        ("white tubs with purple lids", {"colours": ("white", "purple"), "part": "lid"}),
        ("orange soda bottles", {"colours": ("orange",), "contents": ("soda",), "brand": ()}),
        ("coffee bags", {"contents": ("coffee",), "kind": "bag", "brand": ()}),
        ("products", {"generic": True, "kind": None}),
        ("empty gaps on the second shelf", {"gap": True, "row": 2}),
        ("Heinz beans, not the organic ones", {"brand": ("Heinz",), "exclude": ("organic ones",)}),
        ("cans except the red ones and the small ones", {"kind": "can", "exclude": ("red ones", "small ones")}),
        ("price tags", {"kind": "price tag"}),
    ],
)
def test_a_target_is_taken_apart(text, expected) -> None:
    target = parse_target(text)
    assert {name: getattr(target, name) for name in expected} == expected


@pytest.mark.parametrize("text", ["", "   ", "?!", "on the top shelf"])
def test_a_target_that_names_nothing_is_refused(text) -> None:
    with pytest.raises(TargetError):
        parse_target(text)


def test_words_are_compared_without_case_accents_or_possessives() -> None:
    assert normalise("Lay's") == "lays"
    assert normalise("NESCAFÉ") == "nescafe"


@pytest.mark.parametrize(
    ("asked", "colours", "contents", "taught"),
    [
        ("maroon cans", ("red",), (), "red cans"),
        ("Dark purple bottles", ("purple",), (), "purple bottles"),
        ("dark blue boxes", ("blue",), (), "dark blue boxes"),  # taught as it is
        ("light green bags", ("green",), (), "light green bags"),
        ("jars with off-white lids", ("white",), (), "jars with white lids"),
        ("bags of crisps", (), ("chips",), "bags of chips"),
        ("cookies", (), ("biscuit",), "biscuit"),
        ("washing-up liquid bottles", (), ("dish soap",), "dish soap bottles"),
        ("red soft drink cans", ("red",), ("soda",), "red soda cans"),
        ("tins", (), (), "tins"),
    ],
)
def test_names_that_weights_are_not_taught_mean_what_others_say(
    asked: str, colours: tuple[str, ...], contents: tuple[str, ...], taught: str
) -> None:
    target = parse_target(asked)
    assert (target.colours, target.contents, target.brand) == (colours, contents, ())
    assert in_taught_words(target) == taught


def test_print_is_never_put_in_other_words() -> None:
    target = parse_target("Walkers crisps")
    assert (target.brand, target.details) == (("Walkers",), ("crisps",))
    assert in_taught_words(target) == "Walkers crisps"
