"""YAML, JSON Lines and CSV as one kind of tree in which every value knows its line."""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

import yaml

from agent.batch.errors import Problem

# The C scanner reads a thousand times faster than the Python one, where PyYAML was built with it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SURROGATE = re.compile("[\ud800-\udfff]")  # what no file and no page can hold
_DEEPEST = 20  # instructions nest four levels; a bomb of brackets nests until Python's stack ends


@dataclass(frozen=True, slots=True)
class Located:
    """A value and the line it stands on.

    `value` is a str, int, float, bool or None, a list of Located, or a dict of str to Located. `raw` is a
    scalar as it was written, so that a store number 0042 stays "0042".
    """

    value: Any
    line: int
    raw: str = ""

    def plain(self) -> Any:
        """The value without its lines, as JSON would have it."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {name: item.plain() for name, item in self.value.items()}
        return self.value


class Unreadable(Exception):
    """The text is not of its format; carries the one problem that stopped the reading."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def decode(data: bytes) -> str:
    """The text of a file, UTF-8 with or without its mark.

    Raises:
        Unreadable: other encodings, and NUL bytes.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(line, "not UTF-8 text; save the file as UTF-8") from None
    if "\0" in text:
        raise Unreadable(text.count("\n", 0, text.index("\0")) + 1, "holds a NUL byte; this is no text file")
    return text


def read_yaml(text: str) -> Located:
    """One YAML document.

    Raises:
        Unreadable: no YAML, anchors, or a key given twice.
    """
    try:
        events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        for event in events:
            # An alias can make a small file stand for an endless tree.
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise Unreadable(line, "YAML aliases (*name) are not read; write it out")
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise Unreadable(line, f"not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise Unreadable(1, f"not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise Unreadable(1, "nested too deeply") from None
    return Located(None, 1) if node is None else _from_node(node, yaml.SafeLoader(""), 0)


def _from_node(node: Any, loader: Any, depth: int) -> Located:
    line = node.start_mark.line + 1
    if depth > _DEEPEST:
        raise Unreadable(line, "nested too deeply")
    if isinstance(node, yaml.SequenceNode):
        return Located([_from_node(item, loader, depth + 1) for item in node.value], line)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Located] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise Unreadable(key.start_mark.line + 1, "a key must be a plain word")
            if key.value in found:
                raise Unreadable(key.start_mark.line + 1, f"{key.value!r} is given twice")
            found[key.value] = _from_node(value, loader, depth + 1)
        return Located(found, line)
    if _SURROGATE.search(node.value):
        raise Unreadable(line, "holds half a Unicode character (\\ud800 to \\udfff)")
    try:
        value = loader.construct_object(node)
    except (yaml.YAMLError, ValueError, OverflowError):  # !!python tags, month 13
        raise Unreadable(line, f"{node.value!r} cannot be read; put it in quotes") from None
    # Dates and binary data have no JSON form; what was written is what was meant.
    return Located(value if isinstance(value, str | int | float | None) else node.value, line, node.value)


def read_json_lines(text: str) -> tuple[list[Located], list[Problem]]:
    """One JSON object per line; empty lines are skipped. Wrong lines become problems."""
    rows, problems = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, object_pairs_hook=_once, parse_constant=_no_constant)
        except RecursionError:
            problems.append(Problem("", number, "nested too deeply"))
        except ValueError as error:
            problems.append(Problem("", number, f"not JSON: {error}"))
        else:
            if _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
                problems.append(Problem("", number, "holds half a Unicode character (\\ud800 to \\udfff)"))
            else:
                rows.append(_from_json(value, number))
    return rows, problems


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} is given twice")
        found[name] = value
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _from_json(value: Any, line: int) -> Located:
    if isinstance(value, list):
        return Located([_from_json(item, line) for item in value], line)
    if isinstance(value, dict):
        return Located({name: _from_json(item, line) for name, item in value.items()}, line)
    return Located(value, line, value if isinstance(value, str) else json.dumps(value))


def read_csv(text: str) -> tuple[list[Located], list[Problem]]:
    """A table with a header; each row becomes a dict of its filled cells. Wrong rows become problems.

    Comma, semicolon and tab are understood: spreadsheets of some countries write semicolons.
    """
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    rows, problems = [], []
    names: list[str] = []
    try:
        for line, cells in _records(text, delimiter):
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = [cell.strip().lower() for cell in cells]
                problems += [
                    Problem("", line, f"column {name!r} is given twice")
                    for name in sorted({name for name in names if name and names.count(name) > 1})
                ]
            elif len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
                problems.append(Problem("", line, f"{len(cells)} cells, but the header has {len(names)}"))
            else:
                pairs = ((name, cell.strip()) for name, cell in zip(names, cells, strict=False))
                filled = {name: Located(cell, line, cell) for name, cell in pairs if cell}
                rows.append(Located(filled, line))
    except csv.Error as error:
        problems.append(Problem("", _last_line(rows) + 1, f"not CSV: {error}"))
    return rows, problems


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it starts on (a quoted cell may run over several)."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    for cells in reader:
        yield start, cells
        start = reader.line_num + 1


def _last_line(rows: list[Located]) -> int:
    return rows[-1].line if rows else 1
