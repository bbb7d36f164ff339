"""The work of a batch, known before any of it is done: photos, the calls for each, and nothing twice."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent.batch.call import Call, SentencePlanner
from agent.batch.errors import InstructionError, Problem
from agent.batch.instructions import (
    DEFAULT_OUTPUTS,
    Instructions,
    Output,
    Place,
    Request,
    Source,
    read_manifest,
)
from agent.batch.photos import NoPhotos, PhotoRef, is_url, list_photos
from segmentation.errors import ShelfError
from tools.registry import Registry


@dataclass(frozen=True, slots=True)
class Ask:
    """One call and the sentence it came from; "" where the call was given outright."""

    sentence: str
    call: Call


@dataclass(frozen=True, slots=True)
class Group:
    """One photo and everything asked of it, so that it is decoded and encoded once."""

    photo: PhotoRef
    asks: tuple[Ask, ...]


@dataclass(frozen=True)
class Plan:
    """What a run does. A task is one ask of one group; there are no two equal tasks."""

    groups: tuple[Group, ...]
    outputs: tuple[Output, ...]
    sentences: Mapping[str, tuple[Call, ...]]
    examples: Mapping[str, str]  # id of an example photo, as it stands in calls -> its path
    publish: str = ""
    notes: tuple[str, ...] = ()

    @property
    def tasks(self) -> int:
        """How many records a full run leaves."""
        return sum(len(group.asks) for group in self.groups)

    def digest(self) -> str:
        """A hash of everything that decides which rows come out, in their order."""
        digest = hashlib.sha256()
        memo: dict[tuple[Ask, ...], bytes] = {}
        for group in self.groups:
            photo, place = group.photo, group.photo.place
            if group.asks not in memo:
                memo[group.asks] = "\n".join(
                    f"{ask.sentence!r} {ask.call.tool} {ask.call.arguments}" for ask in group.asks
                ).encode()
            digest.update(repr((photo.name, place.store, place.bay, place.time)).encode())
            digest.update(memo[group.asks])
        return digest.hexdigest()


def make_plan(
    instructions: Instructions,
    planner: SentencePlanner,
    registry: Registry,
    outputs: tuple[Output, ...] | None = None,
    planned: Mapping[str, tuple[Call, ...]] | None = None,
) -> Plan:
    """Find the photos, plan each distinct sentence once, check every call, drop what is asked twice.

    Args:
        instructions: what to do.
        planner: asked once per distinct sentence.
        registry: the tools; each call's arguments are checked against its schema.
        outputs: in place of those that the file names.
        planned: sentences whose calls are settled (by an earlier start of the same job).

    Raises:
        InstructionError: with every problem of form, photos, sentences and arguments, in line order.
    """
    builder = _Builder(instructions, planner, registry, dict(planned or {}))
    plan = builder.build(outputs)
    if builder.problems:
        raise InstructionError(instructions.path.name, tuple(sorted(set(builder.problems))))
    return plan


class _Builder:
    def __init__(
        self,
        instructions: Instructions,
        planner: SentencePlanner,
        registry: Registry,
        planned: dict[str, tuple[Call, ...]],
    ) -> None:
        self.problems = list(instructions.problems)
        self._instructions = instructions
        self._planner = planner
        self._registry = registry
        self._settled = planned
        self._sentences: dict[str, tuple[Call, ...]] = {}
        self._checked: dict[Call, str] = {}  # "" or what is wrong with it
        self._unplannable: dict[str, str] = {}
        self._asks: dict[tuple[Request, ...], tuple[Ask, ...]] = {}
        self._interned: dict[tuple[Ask, ...], tuple[Ask, ...]] = {}
        self._examples: dict[str, str] = {}
        self._pinned: dict[str, str] = {}
        self._listed: dict[tuple[str, tuple[str, ...], tuple[str, ...]], tuple[PhotoRef, ...]] = {}
        self._doubled = 0
        self._passed = 0

    def build(self, outputs: tuple[Output, ...] | None) -> Plan:
        common = self._plan_requests(self._instructions.requests, "")
        photos: dict[str, PhotoRef] = {}
        asked: dict[str, tuple[Ask, ...]] = {}
        for source in self._sources():
            asks = self._plan_requests(source.requests, source.file) if source.requests else common
            for photo in self._photos(source):
                known = photos.setdefault(photo.uri, photo)
                if known.place != photo.place:
                    self._complain(source, f"{photo.name}: {_differing(known.place, photo.place)}")
                asked[photo.uri] = self._join(asked.get(photo.uri, ()), asks)
        groups = tuple(Group(photo, asked[uri]) for uri, photo in photos.items())
        instructed = self._instructions.outputs
        chosen = outputs if outputs is not None else DEFAULT_OUTPUTS if instructed is None else instructed
        notes = tuple(self._notes())
        return Plan(groups, chosen, self._sentences, self._examples, self._instructions.publish, notes)

    def _notes(self) -> Iterator[str]:
        if self._doubled:
            yield f"asked twice of the same photo: {_many(self._doubled, 'request')}; each is done once"
        if self._passed:
            yield f"passed over, since the name does not end like a photo's: {_many(self._passed, 'file')}"

    def _complain(self, source: Source, message: str) -> None:
        self.problems.append(Problem(source.file, source.line, message))

    def _sources(self) -> Iterator[Source]:
        for source in self._instructions.sources:
            if not source.manifest:
                yield source
                continue
            if is_url(source.pattern):
                self._complain(source, "a manifest must be a local file; its photos may be URLs")
                continue
            path = self._instructions.path.parent / Path(source.pattern).expanduser()
            rows, problems = read_manifest(path, source)
            self.problems += problems
            if not rows and not problems:
                self._complain(source, f"{source.pattern!r} lists no photo")
            yield from rows

    def _photos(self, source: Source) -> list[PhotoRef]:
        # Rows that ask different things of one photo name it again and again.
        key = (source.pattern, source.include, source.exclude)
        if key not in self._listed:
            try:
                found, passed = list_photos(source, self._instructions.path.parent)
            except NoPhotos as error:
                self._complain(source, str(error))
                return []
            self._passed += passed
            self._listed[key] = tuple(found)
        photos, place = self._listed[key], source.place
        return [photo if photo.place == place else replace(photo, place=place) for photo in photos]

    def _plan_requests(self, requests: tuple[Request, ...], file: str) -> tuple[Ask, ...]:
        if requests not in self._asks:
            asks: tuple[Ask, ...] = ()
            for request in requests:
                asks = self._join(asks, tuple(self._plan_request(request)))
            self._asks[requests] = asks
        return self._asks[requests]

    def _plan_request(self, request: Request) -> Iterator[Ask]:
        calls = (request.call,) if request.call else self._plan_sentence(request)
        for given in calls:
            call = self._pin_examples(given, request)
            if call not in self._checked:
                self._checked[call] = _fault(call, self._registry)
            if self._checked[call]:
                self.problems.append(Problem("", request.line, self._checked[call]))
            yield Ask(request.sentence, call)

    def _pin_examples(self, call: Call, request: Request) -> Call:
        """The call with example photos named by their content, so that a changed example is another task."""
        if '"like"' not in call.arguments:
            return call
        arguments = call.plain()
        likes = arguments.get("like")
        for like in likes if isinstance(likes, list) else ():
            if isinstance(like, dict) and isinstance(like.get("image"), str):
                like["image"] = self._example(like["image"], request)
        return Call.of(call.tool, arguments)

    def _example(self, path: str, request: Request) -> str:
        from segmentation.photo import read_photo

        uri = str(self._instructions.path.parent.absolute() / path)
        if uri not in self._pinned:
            try:
                photo = read_photo(uri)
            except ShelfError as error:
                self.problems.append(Problem("", request.line, f"example: {error}"))
                return path
            self._pinned[uri] = photo.id
            self._examples[photo.id] = uri
        return self._pinned[uri]

    def _plan_sentence(self, request: Request) -> tuple[Call, ...]:
        sentence = request.sentence
        if sentence in self._settled:
            self._sentences[sentence] = self._settled[sentence]
        elif sentence not in self._sentences and sentence not in self._unplannable:
            try:
                self._sentences[sentence] = self._planner.plan(sentence)
            except ShelfError as error:
                self._unplannable[sentence] = str(error)
        if sentence in self._unplannable:
            message = f"{sentence[:80]!r} cannot be planned: {self._unplannable[sentence]}"
            self.problems.append(Problem("", request.line, message))
        return self._sentences.get(sentence, ())

    def _join(self, before: tuple[Ask, ...], more: tuple[Ask, ...]) -> tuple[Ask, ...]:
        """Both, each call once; equal tuples are one object (there may be one for every photo)."""
        if not before:
            joined = more
        else:
            calls = {ask.call for ask in before}
            fresh = tuple(ask for ask in more if ask.call not in calls)
            self._doubled += len(more) - len(fresh)
            joined = before + fresh
        return self._interned.setdefault(joined, joined)


def _fault(call: Call, registry: Registry) -> str:
    try:
        registry.get(call.tool).parse({"image": "photo", **call.plain()})
    except ShelfError as error:
        return str(error)
    return ""


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _differing(one: Place, other: Place) -> str:
    pairs = ((name, getattr(one, name), getattr(other, name)) for name in ("store", "bay", "time"))
    return "; ".join(f"{name} is {a!r} here and {b!r} there" for name, a, b in pairs if a != b)
