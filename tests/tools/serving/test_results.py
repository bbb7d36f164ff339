from sys import getsizeof

import pytest

from tests.agent.batch.fakes import count_record
from tools.serving.results import Result, Results, UnknownRecord


def test_a_record_comes_back_as_it_was_kept() -> None:
    results, result = Results(), Result.of(count_record("cans", b"photo", 3))
    results.keep(result)

    assert results.get(result.id) == result


def test_what_was_used_longest_ago_goes_when_the_bytes_run_out() -> None:
    made = [Result.of(count_record("cans", b"photo", 3)) for _ in range(4)]
    results = Results(max_bytes=3 * getsizeof(made[0].json) + 100)
    for result in made[:3]:
        results.keep(result)
    results.get(made[0].id)
    results.keep(made[3])

    with pytest.raises(UnknownRecord):
        results.get(made[1].id)
    assert [results.get(made[index].id).id for index in (0, 2, 3)] == [made[index].id for index in (0, 2, 3)]
