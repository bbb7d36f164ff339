"""Answers, written from records. A number in an answer is a number in a record, or a sum of them."""

from collections.abc import Sequence
from typing import Any

from agent.terminal import one_line
from agent.turn import Call
from segmentation.vocabulary import singular
from tools.records import CountRecord, DescribeRecord, LabelsRecord, PromptRecord, Record

MAX_WORDS = 40
NOTHING = 'Nothing was counted. Try "count the bottles", "describe the shelf" or "read the labels".'


def render(calls: Sequence[Call], records: Sequence[Record]) -> str:
    """One line for each call; a total where one thing was counted on several photos."""
    names = {record.image.id for record in records}
    lines = []
    for call in calls:
        if call.record is not None:
            record = records[call.record]
            prefix = f"{one_line(record.image.name)}: " if len(names) > 1 else ""
            lines.append(prefix + sentence(call, record))
        elif call.error is not None:
            lines.append(f"{_failed(call)}: {one_line(call.error)}")
    lines.extend(f"Together: {total} {target}." for target, total in totals(calls, records).items())
    return "\n".join(dict.fromkeys(lines)) or NOTHING


def totals(calls: Sequence[Call], records: Sequence[Record]) -> dict[str, int]:
    """The sum for each thing that was counted on more than one photo in the same way."""
    groups: dict[str, dict[str, int]] = {}
    for call in calls:
        record = records[call.record] if call.record is not None else None
        if isinstance(record, CountRecord):
            asked = f"{one_line(record.target)}{place(call.arguments)}"
            groups.setdefault(asked, {})[record.image.id] = record.count
    return {asked: sum(counts.values()) for asked, counts in groups.items() if len(counts) > 1}


def sentence(call: Call, record: Record) -> str:
    """What one record says."""
    if isinstance(record, CountRecord):
        return _count(call, record) + _warnings(record.warnings)
    if isinstance(record, LabelsRecord):
        words = [f"“{one_line(word.text)}”" for word in record.words]
        more = f" and {len(words) - MAX_WORDS} more" if len(words) > MAX_WORDS else ""
        text = f"Read: {', '.join(words[:MAX_WORDS])}{more}." if words else "No words could be read."
        return text + _warnings(record.warnings)
    if isinstance(record, DescribeRecord):
        return one_line(record.summary) + _warnings(record.warnings)
    if isinstance(record, PromptRecord):
        return _prompt(record) + _warnings(record.warnings)
    return one_line(record.text) + _warnings(record.warnings)


def _prompt(record: PromptRecord) -> str:
    """The wordings that a count would use, then every one that was tried with its score."""
    chosen = " and ".join(f"“{one_line(each.text)}”" for each in record.prompt_used.chosen if not each.broader)
    chosen += "".join(f", weighed with “{one_line(each.text)}”" for each in record.prompt_used.chosen if each.broader)
    tried = [
        f"“{one_line(wording.text)}” {wording.score:.3f} ({one_line(wording.reason)})"
        for wording in record.tried
        if wording.score is not None
    ]
    return f"Worded as {chosen}." + (f" Scores on the photo: {'; '.join(tried)}." if tried else "")


def _count(call: Call, record: CountRecord) -> str:
    target = one_line(record.target)
    where = place(call.arguments)
    if record.count == 0 and record.high == 0:
        return f"No {target}{where} found; the best score seen was {record.presence:.2f}."
    named = _one(target) if record.count == 1 else target
    interval = f" (between {record.low} and {record.high})" if record.low < record.high else ""
    limit = " A limit was reached, so there may be more." if record.saturated else ""
    return f"{record.count} {named}{where}{interval}.{limit}"


def _one(target: str) -> str:
    """The singular of a noun phrase: "jars with gold lids" -> "jar with gold lids"."""
    core, joint, rest = target.partition(" with ")
    words = core.split()
    return " ".join([*words[:-1], singular(words[-1])]) + joint + rest if words else target


def place(arguments: dict[str, Any]) -> str:
    """The shelf, the sides and the exclusions of a call, in words."""
    row = arguments.get("row")
    words = []
    if isinstance(row, int) and not isinstance(row, bool):
        words.append(
            f" on shelf {row}"
            if row > 0
            else " on the bottom shelf"
            if row == -1
            else f" on shelf {-row} from the bottom"
        )
    for item in arguments.get("where") or ():
        relation, reference = item.get("relation", ""), item.get("reference")
        words.append(f" {relation} the {one_line(reference)}" if reference else f" in the {relation}")
    excluded = [one_line(text) for text in arguments.get("exclude") or ()]
    if excluded:
        words.append(f", not counting {' and '.join(excluded)}")
    return "".join(words)


def _failed(call: Call) -> str:
    target = call.arguments.get("target")
    return f"Could not count {one_line(str(target))}" if target else f"Could not {call.tool.replace('_', ' ')}"


def _warnings(warnings: Sequence[str]) -> str:
    return "".join(f" Note: {one_line(warning).rstrip('.')}." for warning in warnings)
