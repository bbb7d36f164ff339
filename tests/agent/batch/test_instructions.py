"""The three formats say the same things, and every mistake is named with its line."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.batch.call import Call
from agent.batch.instructions import Instructions, Place, parse_instructions, read_instructions

YAML = """\
photos:
  - stores/*.jpg
  - photos: [a.jpg, b.jpg]
    exclude: ["*_thumb*"]
    store: 0042
    time: 2026-03-01
    requests: count the cans
  - manifest: list.csv
requests:
  - how many bottles?
  - target: shampoo
    exclude: [conditioner]
    row: 2
  - tool: read_labels
outputs: [report, csv]
"""


def parse(text: str | bytes, name: str) -> Instructions:
    return parse_instructions(text.encode() if isinstance(text, str) else text, Path("/jobs") / name)


def lines(instructions: Instructions) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in instructions.problems]


def test_yaml_gives_sources_requests_and_outputs() -> None:
    found = parse(YAML, "job.yaml")

    assert found.problems == ()
    assert [source.pattern for source in found.sources] == ["stores/*.jpg", "a.jpg", "b.jpg", "list.csv"]
    assert found.sources[1].exclude == ("*_thumb*",)
    assert found.sources[1].requests[0].sentence == "count the cans"
    assert found.sources[3].manifest
    assert [request.sentence for request in found.requests] == ["how many bottles?", "", ""]
    assert found.requests[1].call == Call.of("count", {"target": "shampoo", "exclude": ["conditioner"], "row": 2})
    assert found.requests[2].call == Call.of("read_labels", {})
    assert found.outputs == ("csv", "report")  # in their usual order


def test_store_numbers_and_dates_stay_as_they_were_written() -> None:
    assert parse(YAML, "job.yaml").sources[1].place == Place(store="0042", time="2026-03-01")


def test_csv_and_json_lines_say_the_same_as_each_other() -> None:
    table = parse(
        "photos,store,target,exclude,row,like,optimize,tune,where\n"
        'a.jpg,7,cans,red; blue,-1,"1,2,30,40",no,yes,"[{""relation"": ""left half""}]"\n',
        "job.csv",
    )
    row = {"photos": "a.jpg", "store": 7, "target": "cans", "exclude": ["red", "blue"], "row": -1}
    more = {"like": [{"box": [1, 2, 30, 40]}], "optimize": False, "tune": True, "where": [{"relation": "left half"}]}
    rows = parse(json.dumps(row | more), "job.jsonl")

    assert table.problems == rows.problems == ()
    assert table.sources[0].requests[0].call == rows.sources[0].requests[0].call
    assert table.sources[0].place == rows.sources[0].place == Place(store="7")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_reads_the_delimiters_that_spreadsheets_write(delimiter: str) -> None:
    text = "\ufeff" + delimiter.join(["Photo", "Request"]) + "\r\n" + delimiter.join(["a.jpg", "count cans"]) + "\r\n"

    found = parse(text, "job.csv")

    assert found.problems == ()
    assert found.sources[0].requests[0].sentence == "count cans"


def test_csv_cells_may_run_over_lines_and_the_line_is_that_of_the_row() -> None:
    found = parse('photo,request\n"a.jpg","count\ncans"\nb.jpg,\n', "job.csv")

    assert found.sources[0].requests[0].sentence == "count\ncans"
    assert lines(found) == [(4, "say what to do: one of 'request' (a sentence), 'target', or 'tool'")]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("photos: [a.jpg]\nphotos: [b.jpg]\nrequests: [x]\n", 2, "'photos' is given twice"),
        ("photos: [a.jpg]\nrequest: [x]\n", 2, "unknown key 'request'"),
        ("photos: [a.jpg]\n", 1, "no 'requests'"),
        ("requests: [count cans]\n", 1, "no 'photos'"),
        ("requests: [count cans]\nphotos: []\n", 2, "no photo is given"),
        ('photos: [a.jpg]\nrequests: ["\\ud800"]\n', 2, "Unicode character"),
        ("photos: [a.jpg]\nrequests: []\n", 2, "no request is given"),
        ("photos: [a.jpg\nrequests: [x]\n", 2, "not YAML"),
        ("photos: &all [a.jpg]\nrequests: *all\n", 2, "aliases"),
        ("photos: [a.jpg]\nrequests:\n  - {target: x, tool: count}\n", 3, "say what to do"),
        ("photos: [a.jpg]\nrequests:\n  - {target: x, image: a}\n", 3, "'image' is given by 'photos'"),
        ("photos: [a.jpg]\nrequests:\n  - {target: .nan}\n", 3, "arguments"),
        ("photos: [a.jpg]\nrequests: [x]\noutputs: [csv, docx]\n", 3, "unknown output 'docx'"),
        ("photos:\n  - store: 7\nrequests: [x]\n", 2, "either 'photos' or 'manifest'"),
        ("photos:\n  - {photos: a, include: {b: c}}\nrequests: [x]\n", 2, "expected a text, found a mapping"),
        ("photos: [a.jpg]\nrequests: [~]\n", 2, "expected a text, found nothing"),
        ("- a\n- b\n", 1, "expected a mapping, found a list"),
        ("", 1, "the file is empty"),
        ("photos: [a.jpg]\nrequests: [!!python/name:os.system x]\n", 2, "cannot be read"),
        ("photos: " + "[" * 30 + "]" * 30 + "\n", 1, "nested too deeply"),
    ],
)
def test_a_mistake_in_yaml_is_named_with_its_line(text: str, line: int, part: str) -> None:
    found = lines(parse(text, "job.yaml"))

    assert any(number == line and part in message for number, message in found), found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("photo,row,target\na.jpg,two,cans\n", [(2, "row: expected a whole number, found 'two'")]),
        ("photo,like,target\na.jpg,1;2,cans\n", []),
        ("photo,like,target\na.jpg,x,cans\n", [(2, "like: expected x0,y0,x1,y1, found 'x'")]),
        ("photo,optimize,target\na.jpg,maybe,cans\n", [(2, "optimize: expected yes or no, found 'maybe'")]),
        (
            "photo,where,target\na.jpg,left,cans\n",
            [(2, 'where: expected a JSON list such as [{"relation": "left half"}], found \'left\'')],
        ),
        ("photo,tool,arguments\na.jpg,count,[1]\n", [(2, "'arguments': expected a mapping, found a list")]),
        ("photo,request,photo\n", [(1, "column 'photo' is given twice")]),
        ("photo,request\na,b,c\n", [(2, "3 cells, but the header has 2")]),
        ('photo,request\na,"b', [(2, "not CSV: unexpected end of data")]),
        ("request\ncount cans\n", [(2, "name the photo in 'photos'")]),
        ("photo,photos,request\na,b,c\n", [(2, "give 'photo' or 'photos', not both")]),
        (
            "photo,request,target\na,b,c\n",
            [(2, "say what to do: one of 'request' (a sentence), 'target', or 'tool'")],
        ),
        (
            "photo,request,row\na,b,1\n",
            [(2, "'row' beside 'request': say it in the sentence, or give 'target'")],
        ),
        ("", [(1, "no rows: each names a photo and a request")]),
    ],
)
def test_a_mistake_in_csv_is_named_with_its_line(text: str, expected: list[tuple[int, str]]) -> None:
    assert lines(parse(text, "job.csv")) == expected


def test_all_mistakes_are_named_at_once() -> None:
    good = '{"photo": "a.jpg", "target": "cans"}'
    bad = [
        '{"photo": "\\udc00", "target": "x"}',
        "[]",
        "{",
        '{"photo": 1, "photo": 2}',
        '{"photo": "a", "target": NaN}',
        '{"photo": "a"}',
    ]

    found = parse("\n".join([good, *bad, "", good]), "job.jsonl")

    assert [line for line, _ in lines(found)] == [2, 3, 4, 5, 6, 7]
    assert len(found.sources) == 2


def test_text_that_is_not_utf8_is_named_with_its_line() -> None:
    assert lines(parse(b"photo,request\na,k\xe4se\n", "job.csv")) == [(2, "not UTF-8 text; save the file as UTF-8")]
    assert lines(parse(b"photo,request\na\0,b\n", "job.csv")) == [(2, "holds a NUL byte; this is no text file")]


def test_an_unknown_ending_or_a_missing_file_is_said_plainly(tmp_path: Path) -> None:
    assert lines(parse("x", "job.txt")) == [(1, "name it .yaml, .jsonl or .csv, so that its format is known")]
    with pytest.raises(Exception, match="no such file"):
        read_instructions(tmp_path / "none.yaml")


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
@pytest.mark.parametrize("name", ["job.yaml", "job.jsonl", "job.csv"])
def test_no_bytes_crash_the_parser(name: str, data: bytes) -> None:
    found = parse(data, name)

    assert found.problems or found.sources


WORDS = ["photo", "photos", "request", "target", "row", "like", "exclude", "tool", "arguments", "store"]
CELLS = st.sampled_from([*WORDS, "", '"', "\n", "\r", '{"target": 1}', "=1+1", "1,2,3,4", ";", "a" * 200_000])


@given(st.lists(st.lists(CELLS, max_size=5), max_size=5), st.sampled_from([",", ";", "\t"]), st.booleans())
def test_no_table_crashes_the_parser(rows: list[list[str]], delimiter: str, header: bool) -> None:
    head = f"photo{delimiter}target{delimiter}row\n" if header else ""
    parse(head + "\n".join(delimiter.join(row) for row in rows), "job.csv")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["photos", "photo", "requests", "target", "tool", "arguments", "store", "manifest", "outputs"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_json_value_crashes_the_parser(value: object) -> None:
    text = json.dumps(value)
    parse(text, "job.jsonl")
    parse(text, "job.yaml")  # JSON is YAML
