"""A language model fine-tuned to propose wordings: training data from measured runs, and the job that uses it.

The data are chats in the format of OpenAI's fine-tuning (one JSON object a line): our own system prompt, a
target, and the wordings that truly found more of it than the user's words did. Only measured gains go in.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

import prompts
from agent.errors import AgentError, PlannerError
from agent.models import trouble
from agent.settings import Settings
from agent.wording_trial import Trial
from segmentation.errors import DataError

LEAST_GAIN = 0.02  # of overlap with the truth; less is noise
FEWEST = 10  # examples; the service refuses smaller files
ENDED = ("succeeded", "failed", "cancelled")
_TRIALS: TypeAdapter[list[Trial]] = TypeAdapter(list[Trial])


class JobError(AgentError):
    """A fine-tuning job that did not succeed."""


def read_trials(path: Path) -> list[Trial]:
    """The trials in the output of `shelf eval wording --json`.

    Raises:
        DataError: the file is none.
    """
    try:
        return _TRIALS.validate_python(json.loads(path.read_text(encoding="utf-8"))["trials"])
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise DataError(f"{path}: not the output of shelf eval wording --json") from error


def examples(trials: Sequence[Trial]) -> Iterator[str]:
    """One line for each target whose chosen wordings found more of it than its own words did."""
    system = prompts.read("optimizer.md")
    for trial in trials:
        off, on = trial.overlap
        if on - off < LEAST_GAIN or trial.chosen == (trial.text,):
            continue
        asked = {"target": trial.text, "caption": "", "words": [], "parts": []}
        said = {"wordings": [{"text": text, "reason": "found more of it"} for text in trial.chosen]}
        messages = [
            {"role": "system", "content": system},
            {"role": "user", "content": json.dumps(asked)},
            {"role": "assistant", "content": json.dumps(said)},
        ]
        yield json.dumps({"messages": messages})


def export(trials: Sequence[Trial], path: Path) -> int:
    """Write the training file; returns how many examples are in it.

    Raises:
        DataError: too few trials gained anything, or the file cannot be written.
    """
    lines = list(dict.fromkeys(examples(trials)))
    if len(lines) < FEWEST:
        raise DataError(f"only {len(lines)} of {len(trials)} trials gained; {FEWEST} are needed: try more scenes")
    try:
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written") from error
    return len(lines)


def finetune(
    settings: Settings,
    file: Path,
    model: str,
    tell: Callable[[str], None],
    *,
    job: str | None = None,
    pause: Callable[[], None] = lambda: time.sleep(10),
) -> str:
    """Submit a training file, or take up a job, and follow it to its end; returns the fine-tuned model's name.

    Args:
        settings: address and key.
        file: what `export` wrote.
        model: the model that is tuned.
        tell: told each event of the job once.
        job: an id: nothing is submitted, that job is followed.
        pause: between two looks at the job.

    Raises:
        PlannerError: no key is set, or the server fails.
        JobError: the job failed or was cancelled.
    """
    import openai

    if not settings.has_model:
        raise PlannerError("no language model is set; set OPENAI_API_KEY")
    key = settings.api_key.get_secret_value() if settings.api_key else "none"
    client = openai.OpenAI(api_key=key, base_url=settings.base_url, timeout=settings.call_seconds, max_retries=2)
    try:
        if job is None:
            with file.open("rb") as data:
                uploaded = client.files.create(file=data, purpose="fine-tune")
            job = client.fine_tuning.jobs.create(training_file=uploaded.id, model=model).id
            tell(f"job {job} was submitted; follow it later with --job {job}")
        told: set[str] = set()
        while True:
            now = client.fine_tuning.jobs.retrieve(job)
            for event in reversed(client.fine_tuning.jobs.list_events(job, limit=50).data):
                if event.id not in told:
                    told.add(event.id)
                    tell(event.message)
            if now.status in ENDED:
                break
            pause()
    except OSError as error:
        raise DataError(f"{file}: cannot be read") from error
    except openai.OpenAIError as error:
        raise PlannerError(trouble(error)) from error
    if now.status != "succeeded" or not now.fine_tuned_model:
        reason = now.error.message if now.error else now.status
        raise JobError(f"job {job} {now.status}: {reason}")
    return now.fine_tuned_model
