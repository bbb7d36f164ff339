"""The output folder of a run: one process at a time, one job, nothing overwritten unasked."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.batch.call import Call
from agent.batch.disk import TEMPORARY, Disk
from agent.batch.errors import RunRefused
from agent.batch.plan import Plan

Start = Literal["fresh", "resume", "new", "accept"]

_JOB = "job.json"
_LOCK = ".lock"
_PREVIOUS = "previous-"


class Job(BaseModel):
    """What a run was started with. A resumed run must be started with the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    instructions: str  # hash of all photos, places and calls in their order
    photos: int
    tasks: int
    engine: str
    outputs: tuple[str, ...]
    sentences: dict[str, tuple[tuple[str, str], ...]]  # sentence -> tool and arguments of its calls

    @classmethod
    def of(cls, plan: Plan, engine: str) -> "Job":
        """The job that a plan makes on an engine of that fingerprint."""
        return cls(
            instructions=plan.digest(),
            photos=len(plan.groups),
            tasks=plan.tasks,
            engine=engine,
            outputs=plan.outputs,
            sentences={
                sentence: tuple((call.tool, call.arguments) for call in calls)
                for sentence, calls in plan.sentences.items()
            },
        )

    def planned(self) -> dict[str, tuple[Call, ...]]:
        """The calls that each sentence was settled on: the same for the whole job, whoever plans today."""
        return {
            sentence: tuple(Call(tool, arguments) for tool, arguments in calls)
            for sentence, calls in self.sentences.items()
        }

    def changes(self, now: "Job") -> list[str]:
        """What differs between this start and the one of now, in words."""
        found = []
        if self.engine != now.engine:
            found.append(f"the engine was {self.engine!r} and is {now.engine!r}")
        if self.instructions != now.instructions:
            sizes = f"{self.photos} photos and {self.tasks} tasks then, {now.photos} and {now.tasks} now"
            found.append(f"the photos or requests are others ({sizes})")
        if self.outputs != now.outputs:
            found.append(f"the outputs were {', '.join(self.outputs)} and are {', '.join(now.outputs)}")
        return found


@dataclass(frozen=True)
class RunFolder:
    """The files of a run. Use `hold` before touching any of them."""

    path: Path
    disk: Disk

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / "journal.jsonl"

    def overlay(self, task: str) -> Path:
        """The picture of one task."""
        return self.path / "overlays" / f"{task}.jpg"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep every other process out; the system lets go when this one dies, however it dies.

        Raises:
            RunRefused: another process works here, or the folder cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise RunRefused(f"{self.path}: {(error.strerror or 'cannot be used').lower()}") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunRefused(f"{self.path}: another process is working on this run") from None
            for leftover in (*self.path.glob(TEMPORARY + "*"), *self.path.glob(f"overlays/{TEMPORARY}*")):
                leftover.unlink(missing_ok=True)
            yield
        finally:
            os.close(descriptor)

    def job(self) -> Job | None:
        """The job that was started here, if any.

        Raises:
            RunRefused: job.json is not readable as one.
        """
        try:
            return Job.model_validate_json((self.path / _JOB).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise RunRefused(f"{self.path / _JOB} is no job of this version; start over with --new") from error

    def begin(self, job: Job, start: Start, known: Job | None) -> None:
        """Make the folder this job's, or refuse.

        Args:
            job: what is to be run now.
            start: what the user asked for.
            known: the job found here.

        Raises:
            RunRefused: with the options that help.
        """
        if known is None:
            if any(not path.name.startswith((".", _PREVIOUS)) for path in self.path.iterdir()):
                raise RunRefused(f"{self.path} is not empty and holds no run; choose another folder")
        elif start == "fresh":
            raise RunRefused(f"{self.path} holds a run; go on with it (--resume) or start over (--new)")
        elif start == "resume" and (changes := known.changes(job)):
            raise RunRefused(
                f"{self.path}: {'; '.join(changes)}; start over (--new), or keep what still fits and do the "
                "rest (--accept-changes)"
            )
        if known != job:
            self.disk.put(self.path / _JOB, job.model_dump_json(indent=1).encode())

    def set_aside(self) -> None:
        """Move an earlier run into previous-1, previous-2, ...; nothing is deleted."""
        if not self.journal.exists() and not (self.path / _JOB).exists():
            return
        number = 1
        while (target := self.path / f"{_PREVIOUS}{number}").exists():
            number += 1
        target.mkdir()
        for path in list(self.path.iterdir()):
            if not path.name.startswith((".", _PREVIOUS)):
                path.rename(target / path.name)
