"""A second wording for CLIPSeg: proposed by words, kept if it still says what was asked, chosen by the photo.

It does not replace the user's own: a place counts as far as both agree on it. A broader one, which names the contents
or the pack alone, is weighed in. Only names that weights are not taught give way: "maroon cans" are looked for as "red
cans" (docs/experiments.md, "Wordings").

A proposer is anything that turns a request into wordings. Every proposal passes `faithful`: it must hold the
kind, colours, contents and printed words of the request (or their synonyms), and may add no name of its own.
The user's own wording always competes (in the words that weights are taught), and stands when it finds nothing.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from segmentation.errors import TargetError
from segmentation.target import Target, in_taught_words, normalise, parse_target
from segmentation.vocabulary import plural, singular, vocabulary
from tools.records import ChunkWording, Pixels, PromptUsed, Wording

MOST_WORDINGS = 1  # beside the original and a broader one; each costs one decoder pass per view of the overview
GAIN = 0.005  # a wording must score this much more than the user's own to have a say
CHUNK_GAIN = 0.1  # and this much more in one chunk to be used only there: a chunk has fewer pixels to judge by
OWN = "the user's words"
TAUGHT = "in words that the weights were taught"
MOST_CHUNKS = 3  # with wordings of their own; each costs a decoder pass per view that shows it

# Words that carry no claim about the thing.
_PLAIN = {
    "a", "an", "the", "of", "on", "in", "at", "with", "and", "photo", "picture", "image", "shelf",
    "shelve", "store", "shop", "supermarket", "retail", "standing", "row", "one", "many", "several",
    "group", "full",
}  # fmt: skip


@dataclass(frozen=True)
class Proposal:
    """One wording and why it may be better. A broader one says part of what is asked, and is weighed in."""

    text: str
    reason: str
    broader: bool = False


@dataclass(frozen=True)
class WordingRequest:
    """What a proposer is told: the target as parsed, and what is known of the photo. All of it is data."""

    target: Target
    caption: str = ""
    words: tuple[str, ...] = ()
    chunks: tuple[str, ...] = ()  # what is known of the parts of the photo where the user's own words see something


class Proposer(Protocol):
    """Turns a request into wordings, best guess first."""

    def propose(self, request: WordingRequest) -> Sequence[Proposal]:
        """Wordings; those that are not faithful to the request are dropped by the caller."""
        ...


class VocabularyProposer:
    """Needs no key: templates, singular, synonyms, colour names."""

    def propose(self, request: WordingRequest) -> Sequence[Proposal]:
        """The wordings that the vocabulary knows for a target."""
        said = replace(request.target, text=in_taught_words(request.target))
        return tuple(_unique(_vocabulary_wordings(said), said.text))


VOCABULARY: tuple[Proposer, ...] = (VocabularyProposer(),)


def _vocabulary_wordings(target: Target) -> Iterable[Proposal]:
    """What gained most on rendered scenes comes first (docs/experiments.md, "Wordings")."""
    text = target.text
    words = text.split()
    single = " ".join([*words[:-1], singular(words[-1])]) if words else text
    known = vocabulary()
    if target.kind and not target.generic and (target.colours or target.contents):
        return  # nothing that was tried beside "red cans" or "soup cans" held on rendered scenes and on photos
    yield Proposal(single, "singular")
    yield Proposal(f"{single} on a shelf", "the place is named")
    for name in target.colours:
        colour = known.colours[name]
        for synonym in colour.synonyms:
            if target.part is None:
                yield Proposal(_swap(text, colour.synonyms, synonym), f"colour name {synonym!r}")
    if target.kind:
        for synonym in known.kinds.get(target.kind, known.other.get(target.kind, ())):
            swapped = _swap(text, _forms(target.kind, known.kinds, known.other), synonym)
            yield Proposal(swapped, f"synonym {synonym!r}")


def _forms(kind: str, *tables: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return next((table[kind] for table in tables if kind in table), (kind,))


def _swap(text: str, forms: Sequence[str], other: str) -> str:
    """The text with one of the forms (singular or plural) replaced; a plural stays a plural."""
    for form in sorted(forms, key=len, reverse=True):
        for old, new in ((plural(form), plural(other)), (form, other)):
            swapped, hits = re.subn(rf"\b{re.escape(old)}\b", new, text, count=1, flags=re.IGNORECASE)
            if hits:
                return swapped
    return text


def faithful(target: Target, text: str) -> bool:
    """Whether a wording still says what was asked, and names nothing that was not.

    Kind, colours, part, contents and printed words must all be there, as themselves or as a synonym; every
    other word must be one of the vocabulary, of plain speech, or say what every pack of that kind looks like.
    """
    try:
        other = parse_target(text)
    except TargetError:
        return False
    asked, said = _words(f"{target.text} {in_taught_words(target)}"), _words(text)
    named = {singular(normalise(word)) for word in (*target.brand, *target.details)} - {""}
    if not named <= {singular(normalise(word)) for word in text.split()}:
        return False
    if (target.gap, target.kind) != (other.gap, other.kind) or set(target.colours) != set(other.colours):
        return False
    if target.part != other.part or set(target.contents) != set(other.contents):
        return False
    looks = _words(" ".join(vocabulary().looks.get(target.kind or "", ())))
    return said - asked <= _PLAIN | _vocabulary_words() | looks


def _words(text: str) -> set[str]:
    return {singular(word) for word in re.findall(r"[^\W_]+", text.lower())}


def _vocabulary_words() -> set[str]:
    known = vocabulary()
    synonyms = [
        *known.kinds.values(),
        *known.other.values(),
        *(colour.synonyms for colour in known.colours.values()),
    ]
    return {singular(word) for group in synonyms for phrase in group for word in re.split(r"[\s-]+", phrase)}


def _unique(proposals: Iterable[Proposal], *known: str) -> Iterable[Proposal]:
    seen = {text.lower() for text in known}
    for proposal in proposals:
        if proposal.text.lower() not in seen:
            seen.add(proposal.text.lower())
            yield proposal


def broadens(target: Target, text: str) -> bool:
    """Whether a wording says nothing but the kind of pack, or nothing but the contents, that were asked for."""
    try:
        said = parse_target(text)
    except TargetError:
        return False
    kind = target.kind is not None and said == Target(text=text, kind=target.kind)
    return kind or (bool(target.contents) and said == Target(text=text, contents=target.contents))


def wordings(request: WordingRequest, proposers: Sequence[Proposer]) -> tuple[Proposal, ...]:
    """The faithful wordings of all proposers, each once, at most MOST_WORDINGS, and one broader one before them.

    None for a bare kind ("cans"): with nothing to tell it apart by, another word for it lights up more, right
    and wrong alike (docs/experiments.md).
    """
    target = request.target
    if target.kind and not (target.colours or target.contents or target.details):
        return ()
    proposals = (proposal for proposer in proposers for proposal in proposer.propose(request))
    asked = tuple(_unique(proposals, target.text, in_taught_words(target)))
    broader = [item for item in asked if item.broader and broadens(target, item.text)]
    kept = [item for item in asked if not item.broader and faithful(target, item.text)]
    return (*broader[:1], *kept[:MOST_WORDINGS])


class Scored(Protocol):
    """What the photo says of a wording (segmentation.wording.ScoredWording)."""

    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102
    @property
    def count(self) -> int: ...  # noqa: D102
    @property
    def chunks(self) -> Sequence["ScoredChunk"]: ...  # noqa: D102


class ScoredChunk(Protocol):
    """What one chunk of the photo says of a wording; the chunks of all wordings are the same."""

    @property
    def box(self) -> Pixels: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102
    @property
    def count(self) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class Choice:
    """The wordings to use, and all that were tried, best first."""

    used: PromptUsed
    tried: tuple[Wording, ...]


def choose(
    request: WordingRequest,
    proposers: Sequence[Proposer],
    score: Callable[[Sequence[str], Sequence[str]], Sequence[Scored]],
) -> Choice:
    """The wordings to use, the user's own first, with their scores, and those of chunks that another fits better.

    The user's own are used in words that the weights were taught; as they are, they are scored for comparison then.

    Args:
        request: the target and what is known of the photo.
        proposers: asked in this order.
        score: scores wordings on the photo, given those and the broader ones: the user's own alone, then the agreement
            of the user's own and the broader ones, if any, then that of all these and each further wording.
    """
    proposals = wordings(request, proposers)
    own, said = request.target.text, in_taught_words(request.target)
    broader = [proposal.text for proposal in proposals if proposal.broader]
    texts = [said, *(proposal.text for proposal in proposals if not proposal.broader)]
    reasons = {said: TAUGHT, own: OWN} | {proposal.text: proposal.reason for proposal in proposals}
    scored = score(texts, broader) if proposals or said != own else ()
    if not scored:
        return own_words(own)
    original = scored[0] if said == own else score([own], ())[0]
    base, others = scored[len(broader)], scored[1 + len(broader) :]
    best = max((base, *others), key=lambda item: item.score - (GAIN if item is not base else 0.0))
    chosen = best if base.score > 0 else base  # what they do not find stays absent

    def worded(item: Scored, judged: Scored | ScoredChunk) -> Wording:
        text = item.text
        return Wording(text=text, score=judged.score, count=judged.count, reason=reasons[text], broader=text in broader)

    chunks = []
    for position, now in enumerate(chosen.chunks):
        here = max((base, *others), key=lambda item: item.chunks[position].score)
        gain = here.chunks[position].score - now.score
        # What the chosen wording does not see at all is more often something else than a find.
        if here is not chosen and here is not base and now.score > 0 and gain > CHUNK_GAIN:
            own_chunk, best_chunk = worded(scored[0], scored[0].chunks[position]), worded(here, here.chunks[position])
            chunks.append((gain, ChunkWording(box=now.box, original=own_chunk, chosen=best_chunk)))
    chunks.sort(key=lambda item: -item[0])
    used = PromptUsed(
        original=worded(original, original),
        chosen=tuple(worded(item, item) for item in dict.fromkeys((scored[0], base, chosen))),
        chunks=tuple(chunk for _, chunk in chunks[:MOST_CHUNKS]),
    )
    tried = dict.fromkeys((original, *scored))
    return Choice(used, tuple(worded(item, item) for item in sorted(tried, key=lambda item: -item.score)))


def own_words(text: str, reason: str = OWN) -> Choice:
    """The user's words and nothing else."""
    own = Wording(text=text, reason=reason)
    return Choice(PromptUsed(original=own, chosen=(own,)), (own,))
