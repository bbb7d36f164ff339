"""What choosing a wording adds to a count: `optimize` off against on, on the same photos in one process.

    python -m tests.load.optimizer_cost QUESTIONS.jsonl --images DIR [--repeats 5]

Takes the questions that meaning decides and that have other wordings; for all others the optimizer does nothing.
Off and on take turns. Cold: nothing is known of the photo or the words, the weights are loaded. Warm: the same count
was made before in this process. Prints one JSON line a question, seconds as medians, and the median of what was added.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from agent.evaluation import read_questions
from segmentation.clipseg import ClipSeg
from segmentation.counter import Counter
from segmentation.target import parse_target
from tools.catalog import build_registry
from tools.optimizer import VOCABULARY, WordingRequest, wordings
from tools.registry import Tool
from tools.store import ImageStore


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    asked = [(question.image, question.prompt) for question in read_questions(given.questions)]
    added: dict[str, list[float]] = defaultdict(list)
    for image, prompt in dict.fromkeys((image, prompt) for image, prompt in asked if _has_wordings(prompt)):
        store = ImageStore()
        photo = store.get(store.add(given.images / image).id)
        known = _tool(store)
        for optimize in (False, True):
            _seconds(known, photo.id, prompt, optimize)
        line = {"image": image, "prompt": prompt, "megapixels": round(photo.width * photo.height / 1e6, 1)}
        for state in ("cold", "warm"):
            seconds: dict[bool, list[float]] = {False: [], True: []}
            for _ in range(given.repeats):
                for optimize in (False, True):
                    tool = _tool(store) if state == "cold" else known
                    seconds[optimize].append(_seconds(tool, photo.id, prompt, optimize))
            off, on = median(seconds[False]), median(seconds[True])
            line[state] = {"off": round(off, 3), "on": round(on, 3), "added": round(on / off - 1, 3)}
            added[state].append(on / off - 1)
        sys.stdout.write(json.dumps(line) + "\n")
    shares = {state: {"median": round(median(all_), 3), "most": round(max(all_), 3)} for state, all_ in added.items()}
    sys.stdout.write(json.dumps({"questions": len(added["cold"]), "of": len(asked), "added": shares}) + "\n")
    return 0


def _has_wordings(prompt: str) -> bool:
    target = parse_target(prompt)
    return not target.named and bool(wordings(WordingRequest(target), VOCABULARY))


def _tool(store: ImageStore) -> Tool:
    """The count tool with loaded weights that have seen nothing yet."""
    engine = ClipSeg.load()
    return build_registry(store, Counter(load=lambda _: engine)).get("count")


def _seconds(tool: Tool, photo: str, prompt: str, optimize: bool) -> float:
    begun = time.perf_counter()
    tool.call({"image": photo, "target": prompt, "optimize": optimize})
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
