"""What a batch is told to do: photos × requests, read from YAML, JSON Lines or CSV.

    photos:                                  # YAML: every photo gets every request
      - stores/4711/*.jpg                    #   a photo, a glob, a folder, or a URL such as s3://audit/today/
      - photos: stores/4712
        exclude: ["*_thumb*"]
        store: "4712"
        requests: [count the cans]           #   in place of the common ones
      - manifest: list.csv                   #   a table with columns photo, store, bay, time
    requests:
      - how many Sunkist bottles?            # a sentence, planned once
      - target: shampoo bottles              # or the arguments of `count`
        exclude: [conditioner]
      - tool: read_labels                    # or any tool
    outputs: [csv, report]

JSON Lines and CSV hold one photo pattern and one request per row: `photos` (or `photo`), `store`, `bay`,
`time`, and either `request` (a sentence), or `target` with other arguments of `count`, or `tool` and
`arguments`. Relative paths start at the folder of the file. Nothing is looked up or planned here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from agent.batch.call import Call
from agent.batch.errors import InstructionError, OutputError, Problem
from agent.batch.located import Located, Unreadable, decode, read_csv, read_json_lines, read_yaml

Output = Literal["jsonl", "csv", "parquet", "coco", "labelstudio", "overlays", "report"]
OUTPUTS: tuple[Output, ...] = get_args(Output)
DEFAULT_OUTPUTS: tuple[Output, ...] = ("jsonl", "csv", "overlays", "report")
LONGEST_SENTENCE = 2000  # what a planner is asked at most, as in a chat

_PLACE = ("store", "bay", "time")
_LISTS = ("exclude", "like")  # columns of a CSV whose cells hold several values
_YES_NO = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class Request:
    """A sentence that is still to be planned, or a call. Exactly one of the two is given."""

    sentence: str
    call: Call | None
    line: int


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of where and when a photo was taken, in the words of whoever wrote the list."""

    store: str = ""
    bay: str = ""
    time: str = ""


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Source:
    """Where photos come from, and what is known of the place they show."""

    pattern: str
    line: int
    file: str = ""  # the manifest that it stands in; "" for the instruction file
    manifest: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    place: Place = NOWHERE
    requests: tuple[Request, ...] = ()  # in place of the common ones


@dataclass(frozen=True)
class Instructions:
    """A whole instruction file. `outputs` is None where the file does not say."""

    path: Path
    sources: tuple[Source, ...]
    requests: tuple[Request, ...]
    outputs: tuple[Output, ...] | None = None
    publish: str = ""  # a URL that the results are copied to in the end
    problems: tuple[Problem, ...] = ()  # of form; what could be read is read all the same


def read_instructions(path: Path) -> Instructions:
    """Read an instruction file.

    Raises:
        InstructionError: there is no such file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise InstructionError(path.name, (Problem("", 1, reason),)) from None
    return parse_instructions(data, path)


def parse_instructions(data: bytes, path: Path) -> Instructions:
    """The instructions in the bytes of a file; the ending of `path` says the format. Never raises."""
    readers: dict[str, Callable[[str, _Reader], Instructions]] = {
        ".yaml": _from_yaml,
        ".yml": _from_yaml,
        ".jsonl": _from_json_lines,
        ".csv": _from_csv,
    }
    reader = _Reader(path)
    found = Instructions(path, (), ())
    try:
        read = readers.get(path.suffix.lower())
        if read is None:
            raise Unreadable(1, "name it .yaml, .jsonl or .csv, so that its format is known")
        found = read(decode(data), reader)
    except Unreadable as error:
        reader.complain(error.line, str(error))
    return replace(found, problems=tuple(sorted(set(reader.problems))))


def read_manifest(path: Path, source: Source) -> tuple[list[Source], list[Problem]]:
    """The rows of a manifest as sources that inherit what `source` says of all of them."""
    try:
        text = decode(path.read_bytes())
    except OSError as error:
        return [], [Problem("", source.line, f"{source.pattern}: {(error.strerror or 'unreadable').lower()}")]
    except Unreadable as error:
        return [], [Problem(path.name, error.line, str(error))]
    rows, problems = read_json_lines(text) if path.suffix.lower() == ".jsonl" else read_csv(text)
    reader = _Reader(path, [Problem(path.name, item.line, item.message) for item in problems], path.name)
    sources = []
    for row in rows:
        fields = reader.mapping(row, ("photo", "photos", *_PLACE), "column")
        pattern = _pattern(fields, reader, row.line)
        if pattern:
            place = _place(fields, reader, source.place)
            row_source = replace(source, pattern=pattern, line=row.line, file=path.name, manifest=False, place=place)
            sources.append(row_source)
    return sources, reader.problems


class _Reader:
    """Turns located values into plain ones and keeps every complaint."""

    def __init__(self, path: Path, problems: list[Problem] | None = None, file: str = "") -> None:
        self.path = path
        self.problems = problems or []
        self._file = file
        self._told: set[tuple[str, str]] = set()

    def complain(self, line: int, message: str) -> None:
        self.problems.append(Problem(self._file, line, message))

    def text(self, node: Located) -> str:
        """A scalar as it was written."""
        if isinstance(node.value, list | dict) or node.value is None:
            self.complain(node.line, f"expected a text, found {_kind(node)}")
            return ""
        return node.raw.strip()

    def texts(self, node: Located) -> tuple[str, ...]:
        """A list of texts; a single text is a list of one."""
        items = node.value if isinstance(node.value, list) else [node]
        return tuple(text for item in items if (text := self.text(item)))

    def items(self, node: Located) -> list[Located]:
        """The items of a list; anything else is an only item."""
        return list(node.value) if isinstance(node.value, list) else [node]

    def mapping(self, node: Located, known: tuple[str, ...], what: str = "key") -> dict[str, Located]:
        """The entries of a mapping; unknown names are complaints."""
        if not isinstance(node.value, dict):
            self.complain(node.line, f"expected a mapping, found {_kind(node)}")
            return {}
        for name, value in node.value.items():
            # A wrong column of a long table is one mistake, not one per row.
            if name not in known and (what, name) not in self._told:
                self._told |= {(what, name)} if what == "column" else set()
                self.complain(value.line, f"unknown {what} {name!r}; known: {', '.join(known)}")
        return {name: value for name, value in node.value.items() if name in known}


def _kind(node: Located) -> str:
    if node.value is None:
        return "nothing"
    if isinstance(node.value, list):
        return "a list"
    return "a mapping" if isinstance(node.value, dict) else repr(node.raw[:40])


def _from_yaml(text: str, reader: _Reader) -> Instructions:
    root = read_yaml(text)
    if root.value is None:
        raise Unreadable(1, "the file is empty")
    fields = reader.mapping(root, ("photos", "requests", "outputs", "publish"))
    requests = _requests(fields.get("requests"), reader)
    sources = tuple(_sources(fields.get("photos"), reader))
    if "photos" in fields and not fields["photos"].value:
        reader.complain(fields["photos"].line, "no photo is given")
    if "photos" not in fields:
        reader.complain(root.line, "no 'photos': name photos, folders, globs or a manifest")
    if not requests and "requests" not in fields and not all(source.requests for source in sources):
        reader.complain(root.line, "no 'requests': say what to do with the photos")
    outputs = parse_outputs(fields["outputs"], reader.complain) if "outputs" in fields else None
    publish = reader.text(fields["publish"]) if "publish" in fields else ""
    return Instructions(reader.path, sources, requests, outputs, publish)


def _from_json_lines(text: str, reader: _Reader) -> Instructions:
    rows, problems = read_json_lines(text)
    return _from_rows(rows, problems, reader)


def _from_csv(text: str, reader: _Reader) -> Instructions:
    rows, problems = read_csv(text)
    typed = [Located({name: _typed(name, cell, reader) for name, cell in row.value.items()}, row.line) for row in rows]
    return _from_rows(typed, problems, reader)


def _from_rows(rows: list[Located], problems: list[Problem], reader: _Reader) -> Instructions:
    reader.problems += problems
    sources = []
    for row in rows:
        if not isinstance(row.value, dict):
            reader.complain(row.line, f"expected an object, found {_kind(row)}")
            continue
        fields = dict(row.value)
        pattern = _pattern(fields, reader, row.line)
        place = _place(fields, reader)
        for name in ("photo", "photos", *_PLACE):
            fields.pop(name, None)
        request = _flat_request(fields, row.line, reader)
        if pattern and request:
            sources.append(Source(pattern, row.line, place=place, requests=(request,)))
    if not rows and not problems:
        reader.complain(1, "no rows: each names a photo and a request")
    return Instructions(reader.path, tuple(sources), ())


def _pattern(fields: dict[str, Located], reader: _Reader, line: int) -> str:
    given = [fields[name] for name in ("photo", "photos") if name in fields]
    if len(given) == 1:
        return reader.text(given[0])
    reader.complain(line, "name the photo in 'photos'" if not given else "give 'photo' or 'photos', not both")
    return ""


def _place(fields: dict[str, Located], reader: _Reader, known: Place = NOWHERE) -> Place:
    """The place that the fields name; what they leave open is as `known`."""
    given = {name: reader.text(fields[name]) for name in _PLACE if name in fields}
    return replace(known, **given) if given else known


def _sources(node: Located | None, reader: _Reader) -> Iterator[Source]:
    for item in reader.items(node) if node else []:
        if not isinstance(item.value, dict):
            if pattern := reader.text(item):
                yield Source(pattern, item.line)
            continue
        known = ("photos", "manifest", "include", "exclude", *_PLACE, "requests")
        fields = reader.mapping(item, known)
        if ("photos" in fields) == ("manifest" in fields):
            reader.complain(item.line, "give either 'photos' or 'manifest'")
            continue
        source = Source(
            "",
            item.line,
            manifest="manifest" in fields,
            include=reader.texts(fields["include"]) if "include" in fields else (),
            exclude=reader.texts(fields["exclude"]) if "exclude" in fields else (),
            place=_place(fields, reader),
            requests=_requests(fields.get("requests"), reader),
        )
        for pattern in reader.texts(fields["manifest" if source.manifest else "photos"]):
            yield replace(source, pattern=pattern)


def _requests(node: Located | None, reader: _Reader) -> tuple[Request, ...]:
    if node is None:
        return ()
    found = []
    for item in reader.items(node):
        if isinstance(item.value, dict):
            request = _flat_request(dict(item.value), item.line, reader)
        else:
            request = _sentence(item, reader)
        if request:
            found.append(request)
    if not node.value:
        reader.complain(node.line, "no request is given")
    return tuple(found)


def _sentence(node: Located, reader: _Reader) -> Request | None:
    text = reader.text(node)
    if len(text) > LONGEST_SENTENCE:
        reader.complain(node.line, f"a request of {len(text)} characters; at most {LONGEST_SENTENCE} are read")
        return None
    return Request(text, None, node.line) if text else None


def _flat_request(fields: dict[str, Located], line: int, reader: _Reader) -> Request | None:
    """A request from the entries of a mapping or the remaining cells of a row."""
    ways = [name for name in ("request", "target", "tool") if name in fields]
    if len(ways) != 1:
        reader.complain(line, "say what to do: one of 'request' (a sentence), 'target', or 'tool'")
        return None
    if ways == ["request"]:
        for name in sorted(set(fields) - {"request"}):
            line = fields[name].line
            reader.complain(line, f"{name!r} beside 'request': say it in the sentence, or give 'target'")
        return _sentence(fields["request"], reader)
    if ways == ["target"]:
        return _call("count", {name: node.plain() for name, node in fields.items()}, line, reader)
    reader.mapping(Located(fields, line), ("tool", "arguments"))
    arguments = fields.get("arguments", Located({}, line))
    if not isinstance(arguments.value, dict):
        reader.complain(arguments.line, f"'arguments': expected a mapping, found {_kind(arguments)}")
        return None
    return _call(reader.text(fields["tool"]), arguments.plain(), line, reader)


def _call(tool: str, arguments: dict[str, Any], line: int, reader: _Reader) -> Request | None:
    if "image" in arguments:
        reader.complain(line, "'image' is given by 'photos', not by the request")
        return None
    try:
        return Request("", Call.of(tool, arguments), line)
    except (TypeError, ValueError) as error:
        reader.complain(line, f"arguments: {error}")
        return None


def _typed(name: str, cell: Located, reader: _Reader) -> Located:
    """A CSV cell as the type its column has; lists are separated by semicolons."""
    text = cell.raw
    try:
        if name == "row":
            return Located(int(text), cell.line, text)
        if name in ("optimize", "tune"):
            return Located(_YES_NO[text.lower()], cell.line, text)
        if name in ("arguments", "where"):
            rows, problems = read_json_lines(text)
            if problems or len(rows) != 1:
                raise ValueError(problems[0].message if problems else "expected one JSON value")
            return Located(rows[0].value, cell.line, text)
        if name in _LISTS:
            items = [_item(name, part.strip(), cell.line) for part in text.split(";")]
            return Located(items, cell.line, text)
    except (ValueError, KeyError):
        expected = {
            "row": "a whole number",
            "optimize": "yes or no",
            "tune": "yes or no",
            "arguments": "a JSON object",
            "where": 'a JSON list such as [{"relation": "left half"}]',
        }
        reader.complain(cell.line, f"{name}: expected {expected.get(name, 'x0,y0,x1,y1')}, found {text[:40]!r}")
        return Located("", cell.line, text)
    return cell


def _item(name: str, text: str, line: int) -> Located:
    if name == "like":
        box = [Located(int(part), line, part) for part in text.split(",")]
        return Located({"box": Located(box, line)}, line)
    return Located(text, line, text)


def parse_outputs(node: Located, complain: Callable[[int, str], None]) -> tuple[Output, ...]:
    """The chosen outputs in their usual order; unknown ones are complaints."""
    items = node.value if isinstance(node.value, list) else [node]
    names = [str(item.plain()) for item in items]
    for item, name in zip(items, names, strict=True):
        if name not in OUTPUTS:
            complain(item.line, f"unknown output {name!r}; known: {', '.join(OUTPUTS)}")
    return tuple(output for output in OUTPUTS if output in names)


def choose_outputs(text: str) -> tuple[Output, ...]:
    """Outputs given on the command line, separated by commas.

    Raises:
        OutputError: one of them is unknown.
    """

    def refuse(line: int, message: str) -> None:
        raise OutputError(f"--outputs: {message}")

    names = [name.strip() for name in text.split(",") if name.strip()]
    return parse_outputs(Located([Located(name, 1, name) for name in names], 1), refuse)
