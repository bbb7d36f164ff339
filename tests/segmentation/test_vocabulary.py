from segmentation.vocabulary import vocabulary


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
