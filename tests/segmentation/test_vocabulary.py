from segmentation.vocabulary import names_packs, vocabulary


def test_every_kind_has_looks_that_name_neither_a_pack_nor_a_colour() -> None:
    words = vocabulary()
    named = {word for group in words.kinds.values() for word in group} | set(words.colours) | set(words.contents)
    assert set(words.looks) == set(words.kinds)
    assert all(words.looks.values())
    assert not named & {look for looks in words.looks.values() for look in looks}


def test_contents_come_in_known_packs_and_colours() -> None:
    words = vocabulary()
    for contents in words.contents.values():
        assert set(contents.kinds) <= set(words.kinds), contents.name
        assert set(contents.colours) <= set(words.colours), contents.name


def test_only_what_names_nothing_else_on_a_shelf_may_ask_for_packs() -> None:
    assert names_packs("red cans")
    assert names_packs("products")
    assert names_packs("tag team cereal boxes")
    assert not names_packs("price tags")
    assert not names_packs("the empty shelf space")
    assert not names_packs("a sale sign.")
