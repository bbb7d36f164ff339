"""One chat: its photos, its last counts and their corrections. No terminal in here."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.chat.corrections import Corrected
from agent.chat.directives import Correct, Directive, Do, Why, directive
from agent.chat.evidence import why, why_item
from agent.chat.memory import Memory, SavedChat
from agent.errors import ChatError
from agent.evaluation import Question
from agent.planner import Planners
from agent.request import Photo, Request
from agent.trace import Trace
from agent.workbench import Workbench
from segmentation.errors import PhotoError
from tools.records import CountRecord
from tools.registry import Progress

HELP = """Ask in plain words: "count the red cans on the top shelf", "and the bottles?", "what does it say?"
Correct the last count: "drop 7", "12 is two", "add one at 400,300", "undo", "redo"
See what it rests on: "why?", "why 7?", "show me"
/image FILE...  add photos; they become the ones that are meant
/photos         list the photos
/save FILE      write the corrected counts of the last answer as JSON lines, boxes included
/help, /quit"""
NO_COUNT = "nothing has been counted yet"


@dataclass(frozen=True)
class Reply:
    """What the chat says, and the pictures that go with it."""

    text: str
    pictures: tuple[Path, ...] = ()
    notices: tuple[str, ...] = ()


class Session:
    """A conversation that remembers. Everything the user can do goes through `say`."""

    def __init__(
        self, bench: Workbench, planners: Planners, memory: Memory, thread: str, pictures: Path, trace: Trace
    ) -> None:
        self._bench = bench
        self._planners = planners
        self._memory = memory
        self._thread = thread
        self._pictures = pictures
        self._trace = trace
        self._paths: dict[str, Path] = {}  # by photo id, in the order in which they were given
        self._photos: dict[str, Photo] = {}
        self._current: tuple[str, ...] = ()
        self._counts: tuple[Corrected, ...] = ()

    def resume(self) -> Reply:
        """Take up the chat where it was left; photos that have gone are named, not fatal."""
        saved = self._memory.load(self._thread)
        gone = []
        for path in saved.paths:
            try:
                self._add(Path(path))
            except PhotoError as error:
                gone.append(str(error))
        self._current = tuple(id for id in saved.current if id in self._photos) or tuple(self._photos)
        self._counts = tuple(item for item in saved.counts if item.record.image.id in self._photos)
        said = [self._listed()] + [item.says() for item in self._counts]
        return Reply("\n".join(said), notices=tuple(gone))

    def add(self, paths: Sequence[Path]) -> Reply:
        """Take photos; they become the current ones.

        Raises:
            PhotoError: one cannot be read; those before it stay.
        """
        self._current = tuple(dict.fromkeys(self._add(path) for path in paths)) or self._current
        self._save()
        return Reply(self._listed())

    def say(self, text: str, progress: Progress) -> Reply:
        """Answer what the user typed.

        Raises:
            UserError: it cannot be done; the text says why.
        """
        text = text.strip()
        if text.startswith("/"):
            return self._command(text)
        order = directive(text)
        if order is not None and self._counts:
            return self._obey(order)
        return self._ask(text, progress)

    def _command(self, text: str) -> Reply:
        name, _, rest = text.partition(" ")
        commands: dict[str, Callable[[str], Reply]] = {
            "/image": lambda rest: self.add([Path(path).expanduser() for path in _paths(rest)]),
            "/photos": lambda rest: Reply(self._listed()),
            "/save": self._write,
            "/help": lambda rest: Reply(HELP),
            "/undo": lambda rest: self._obey(Do("undo")),
            "/redo": lambda rest: self._obey(Do("redo")),
            "/show": lambda rest: self._obey(Do("show")),
            "/why": lambda rest: self._obey(Why()),
        }
        if name not in commands:
            raise ChatError(f"no command {name!r}; there are: {', '.join(commands)}, /quit")
        return commands[name](rest.strip())

    def _obey(self, order: Directive) -> Reply:
        if not self._counts:
            raise ChatError(NO_COUNT)
        last = self._counts[-1]
        if isinstance(order, Why):
            item = why_item(last.record, order.id) if order.id is not None else None
            if order.id is not None and item is None and order.id not in (last.record.count, last.count):
                raise ChatError(f"no item has the number {order.id}; the numbers are in the picture")
            return Reply("\n".join(filter(None, (why(last.record), item, last.says() if last.active else None))))
        if isinstance(order, Do) and order.what == "show":
            return Reply(last.says(), tuple(self._draw(item) for item in self._counts))
        if isinstance(order, Correct):
            last = last.edit(order.edit)
        else:
            last = last.undo() if isinstance(order, Do) and order.what == "undo" else last.redo()
        self._counts = (*self._counts[:-1], last)
        self._save()
        return Reply(last.says(), (self._draw(last),))

    def _ask(self, text: str, progress: Progress) -> Reply:
        request = Request(text=text, photos=tuple(self._photos.values()), current=self._current)
        turn = self._trace.ask(self._planners, request, self._paths, progress, self._thread)
        counts = tuple(Corrected(record=record) for record in turn.records if isinstance(record, CountRecord))
        if counts:
            self._counts = counts
        self._save()
        return Reply(turn.answer, tuple(self._draw(item) for item in counts), turn.notices)

    def _add(self, path: Path) -> str:
        photo = self._bench.add(path)
        self._paths[photo.id] = path.resolve()
        self._photos[photo.id] = photo
        return photo.id

    def _listed(self) -> str:
        if not self._photos:
            return "No photo yet: /image FILE adds one."
        lines = []
        for number, photo in enumerate(self._photos.values(), start=1):
            mark = "*" if photo.id in self._current else " "
            lines.append(f"{mark} photo {number}: {photo.name} ({photo.width} x {photo.height})")
        return "\n".join(lines)

    def _draw(self, item: Corrected) -> Path:
        """The picture of a count as it stands now; one file for each photo and target."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        record = item.record
        words = re.sub(r"[^a-z0-9]+", "-", f"{Path(record.image.name).stem} {record.target}".lower()).strip("-")
        path = self._pictures / f"{words[:80]}-{record.image.id[:8]}.jpg"
        shown = record.model_copy(update={"instances": item.remaining()})
        notes = (f"corrected by hand: {item.count}",) if item.active else ()
        self._bench.overlay(shown.model_copy(update={"warnings": (*notes, *record.warnings)}), path)
        return path

    def _write(self, rest: str) -> Reply:
        """Corrected counts in the format that `shelf eval counts`, training and `--like-image` read."""
        if not rest:
            raise ChatError("say where: /save corrections.jsonl")
        if not self._counts:
            raise ChatError(NO_COUNT)
        path = Path(rest).expanduser()
        lines = []
        for item in self._counts:
            question = Question(
                image=str(self._paths[item.record.image.id]),
                prompt=item.record.target,
                kind="corrected",
                count=item.count,
                low=item.count,
                high=item.count,
                boxes=item.boxes(),
                excluded=item.left_out(),
                note=f"counted {item.record.count}, {len(item.active)} corrections by hand",
            )
            lines.append(question.model_dump_json() + "\n")
        try:
            with path.open("a", encoding="utf-8") as file:
                file.writelines(lines)
        except OSError as error:
            raise ChatError(f"{path}: cannot be written ({(error.strerror or 'error').lower()})") from error
        return Reply(f"{len(lines)} counts added to {path}" if len(lines) > 1 else f"1 count added to {path}")

    def _save(self) -> None:
        self._memory.save(
            self._thread,
            SavedChat(
                paths=tuple(str(path) for path in self._paths.values()),
                current=self._current,
                counts=self._counts,
            ),
        )


def _paths(rest: str) -> list[str]:
    """File names as a shell would part them; a whole line that is no shell text is one name."""
    import shlex

    try:
        paths = shlex.split(rest)
    except ValueError:
        paths = [rest]
    if not paths:
        raise ChatError("say which: /image shelf.jpg")
    return paths
