"""Why 7? What a count rests on, in sentences that code writes."""

from collections import Counter

from agent.terminal import one_line
from tools.records import CountRecord, Evidence, Wording

MOST_REASONS = 4
MEANING: dict[Evidence, str] = {
    "meaning": "the segmentation model sees it",
    "label": "its printed words were read",
    "repetition": "it repeats the pattern of an example",
}


def why(record: CountRecord) -> str:
    """What the count as a whole rests on."""
    target = one_line(record.target)
    support = Counter(evidence for instance in record.instances for evidence in instance.evidence)
    lines = [f"{record.count} {target}, between {record.low} and {record.high}."]
    if support:
        shares = ", ".join(f"{name} {support[name]}" for name in MEANING if support[name])
        lines.append(f"Evidence: {shares} (of {len(record.instances)} numbered items).")
    lines.append(f"Connected components alone would say {record.components}.")
    lines.append(f"Best score seen: {record.presence:.2f}.")
    if record.excluded:
        reasons = Counter(one_line(item.reason) for item in record.excluded).most_common()
        shown = [f"{many} x {reason}" for reason, many in reasons[:MOST_REASONS]]
        others = sum(many for _, many in reasons[MOST_REASONS:])
        lines.append(f"Not counted: {'; '.join(shown)}{f'; {others} for other reasons' if others else ''}.")
    lines.extend(_wording(record))
    if record.saturated:
        lines.append("A limit was reached, so there may be more.")
    lines.extend(f"Note: {one_line(warning).rstrip('.')}." for warning in record.warnings)
    return "\n".join(lines)


def why_item(record: CountRecord, id: int) -> str | None:
    """What one numbered item rests on; None when there is none of that number."""
    for instance in record.instances:
        if instance.id == id:
            reasons = " and ".join(MEANING[name] for name in instance.evidence)
            x0, y0, x1, y1 = instance.box
            return f"Item {id} at {x0},{y0},{x1},{y1}: {reasons} (score {instance.score:.2f})."
    return None


def _wording(record: CountRecord) -> list[str]:
    original = record.prompt_used.original
    lines = []
    others = [wording for wording in record.prompt_used.chosen if wording.text != original.text]
    agreeing = ", ".join(_scored(wording) for wording in others if not wording.broader)
    broader = ", ".join(_scored(wording) for wording in others if wording.broader)
    gave_way = len(others) == len(record.prompt_used.chosen)  # the user's own words are not among those used
    role = f"it was looked for as {agreeing}" if gave_way else f"what {agreeing} marks too was counted"
    told = [role] if agreeing else []
    told += [f"{broader} was weighed in"] if broader else []
    if told:
        lines.append(f"Wording: {_scored(original)} was asked; {', and '.join(told)}.")
    for chunk in record.prompt_used.chunks:
        box = ",".join(map(str, chunk.box))
        lines.append(f"In {box} it was {_scored(chunk.chosen)}, beside {_scored(chunk.original)}.")
    return lines


def _scored(wording: Wording) -> str:
    score = f" (score {wording.score:.2f}, count {wording.count})" if wording.score is not None else ""
    return f"“{one_line(wording.text)}”{score}"
