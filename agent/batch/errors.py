"""What can go wrong around a batch, beside its photos (a photo's error becomes a row, not an exception).

UserError (segmentation.errors)
└── BatchError
    ├── InstructionError  the instruction file, with every problem and its line
    ├── RunRefused        the output folder holds another run, or a run in progress
    ├── StorageError      the disk is full, read-only or failing
    └── ClusterError      Ray is not installed, not reachable, or not safe to talk to

All of them end a command with exit code 2.
"""

from dataclasses import dataclass

from segmentation.errors import UserError


class BatchError(UserError):
    """Root of what a batch raises on purpose."""


@dataclass(frozen=True, order=True)
class Problem:
    """Something that must be changed in a file, and where: `file` is "" for the instruction file itself."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file + ', ' if self.file else ''}line {self.line}: {self.message}"


class InstructionError(BatchError):
    """The instructions cannot be run. `problems` holds all that was found, in the order of the file."""

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{name}: {count}; {'; '.join(map(str, problems))}")


class OutputError(BatchError):
    """An output that does not exist; the text lists those that do."""


class RunRefused(BatchError):
    """The output folder cannot be used as asked; the text names the options that help."""


class StorageError(BatchError):
    """A file of the run cannot be written; what is in the journal stays valid."""


class ClusterError(BatchError):
    """The Ray engine cannot be used; the text says what to change."""
