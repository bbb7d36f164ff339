"""Records as a language model sees them: short, without masks, printed words marked as data."""

import json
from typing import Any

from agent.terminal import one_line
from tools.records import CountRecord, DescribeRecord, LabelsRecord, PromptRecord, Record

MAX_WORDS = 80
MAX_BOXES = 60
MAX_CHARACTERS = 12_000


def digest(record: Record) -> str:
    """JSON of what matters. Words from the photo stand under "printed_on_the_photo": quoted, never orders."""
    if isinstance(record, CountRecord):
        data = _count(record)
    elif isinstance(record, LabelsRecord):
        words = [one_line(word.text)[:60] for word in record.words]
        data = {"printed_on_the_photo": words[:MAX_WORDS], "more_words": max(0, len(words) - MAX_WORDS)}
    elif isinstance(record, DescribeRecord):
        data = {
            "summary_of_printed_words_and_packs": one_line(record.summary),
            "rows": record.rows,
            "colours": record.colours,
            "printed_on_the_photo": [one_line(word)[:60] for word in record.words[:MAX_WORDS]],
            "repeated": [{"name": one_line(item.name)[:60], "count": item.count} for item in record.repeated],
        }
    elif isinstance(record, PromptRecord):
        data = {
            "target": record.target,
            "chosen": [one_line(wording.text) for wording in record.prompt_used.chosen if not wording.broader],
            "weighed_with": [one_line(wording.text) for wording in record.prompt_used.chosen if wording.broader],
            "tried": [
                {"text": one_line(wording.text), "score": wording.score, "reason": one_line(wording.reason)}
                for wording in record.tried
            ],
        }
    else:
        data = {"written_about_the_photo": one_line(record.text)}
    data |= {"image": record.image.id, "warnings": [one_line(text) for text in record.warnings]}
    return json.dumps(data, ensure_ascii=False)[:MAX_CHARACTERS]


def _count(record: CountRecord) -> dict[str, Any]:
    return {
        "target": record.target,
        "count": record.count,
        "low": record.low,
        "high": record.high,
        "components": record.components,
        "presence": round(record.presence, 3),
        "saturated": record.saturated,
        "excluded": len(record.excluded),
        "boxes": [instance.box for instance in record.instances[:MAX_BOXES]],
    }
