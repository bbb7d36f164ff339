from segmentation.cache import ByteCache


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    cache: ByteCache[str] = ByteCache(30)
    cache.put("a", "A", 10)
    cache.put("b", "B", 10)
    cache.put("c", "C", 10)
    assert cache.get("a") == "A"  # now b is the oldest
    cache.put("d", "D", 10)
    assert [cache.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    assert cache.used == 30


def test_a_value_larger_than_the_cache_is_not_kept() -> None:
    cache: ByteCache[str] = ByteCache(30)
    cache.put("huge", "X", 31)
    assert cache.get("huge") is None
    assert (len(cache), cache.used) == (0, 0)


def test_putting_a_key_again_does_not_count_its_bytes_twice() -> None:
    cache: ByteCache[str] = ByteCache(30)
    cache.put("a", "A", 20)
    cache.put("a", "B", 25)
    assert (cache.get("a"), cache.used) == ("B", 25)
