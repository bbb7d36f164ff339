"""Seconds by stage and peak memory of one count on photos brought to twelve megapixels, warm.

    python -m tests.load.large_photo QUESTIONS.jsonl --images DIR [--photos 5]

Takes the first brand question of each photo, in order. Every photo is new to the caches. Prints one JSON line a photo.
"""

import argparse
import json
import math
import resource
import sys
import time
from pathlib import Path
from statistics import median

import cv2

from agent.evaluation import read_questions
from segmentation.counted import Question
from segmentation.counter import Counter
from segmentation.photo import decode_photo, read_photo
from segmentation.target import parse_target

PIXELS = 12_000_000


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=5)
    given = parser.parse_args()
    asked = {}
    for question in read_questions(given.questions):
        if question.kind == "brand" and question.count:
            asked.setdefault(question.image, question.prompt)
    first, *rest = list(asked.items())[: given.photos + 1]
    counter = Counter()
    counter.count(read_photo(given.images / first[0]), _question(first[1]))
    seconds = []
    for image, prompt in rest:
        small = read_photo(given.images / image)
        factor = math.sqrt(PIXELS / (small.width * small.height))
        size = (round(small.width * factor), round(small.height * factor))
        large = cv2.resize(small.pixels, size, interpolation=cv2.INTER_CUBIC)
        photo = decode_photo(cv2.imencode(".jpg", large[:, :, ::-1])[1].tobytes(), image)
        begun = time.perf_counter()
        counted = counter.count(photo, _question(prompt))
        seconds.append(time.perf_counter() - begun)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        line = {"image": image, "prompt": prompt, "count": len(counted.items), "seconds": round(seconds[-1], 1)}
        sys.stdout.write(json.dumps({**line, "stages": counted.seconds, "peak_mb": peak}) + "\n")
    sys.stdout.write(json.dumps({"median_seconds": round(median(seconds), 1)}) + "\n")
    return 0


def _question(prompt: str) -> Question:
    target = parse_target(prompt)
    return Question(target, wordings=(target.noun,))


if __name__ == "__main__":
    sys.exit(main())
