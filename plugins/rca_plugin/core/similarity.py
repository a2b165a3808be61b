"""How alike two incidents are, and which of the past ones tell most about a new one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from hashlib import blake2b

from rca_plugin.core.category import Category
from rca_plugin.core.minhash import bands, jaccard, words

HALF_LIFE_DAYS = 20.0
# Less is nothing to learn from: another error of the same task, or the same category somewhere else.
LEAST = 0.3
# They add up to 1, for the same error of the same resource.
_SAME_TEXT, _WORDS, _CATEGORY, _RESOURCE = 0.25, 0.35, 0.15, 0.25
_SAME_SOURCE = 0.2
# One that nobody has resolved does not say what helps.
_UNRESOLVED = 0.8
_ONE_EVENT = timedelta(hours=1)


@dataclass(frozen=True)
class Subject:
    """What incidents are compared by. `text` is the signature of the error."""

    fingerprint: str
    source: str
    resource: str
    category: str
    text: str

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of the text."""
        return words(self.text)

    @property
    def own_key(self) -> int:
        """The key of the incidents that have its fingerprint."""
        return fingerprint_key(self.fingerprint)

    @cached_property
    def keys(self) -> tuple[int, ...]:
        """What similar incidents have at least one of, as 63-bit numbers."""
        found = [
            self.own_key,
            _key("resource", self.source, self.resource),
            _key("within", self.source, self.resource.rpartition("/")[0] or self.resource),
            _key("text", self.text),
            *(_key(f"band {number}", band) for number, band in enumerate(bands(self.words))),
        ]
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Past:
    """An incident that opened `age` before the one in question."""

    id: int
    subject: Subject
    age: timedelta
    is_resolved: bool


@dataclass(frozen=True)
class Match:
    """A past incident, how much it tells (0 to 1), and those of the same error and hour that it stands for."""

    past: Past
    score: float
    siblings: tuple[int, ...] = field(default=())


def fingerprint_key(fingerprint: str) -> int:
    """The key of the incidents that have a fingerprint."""
    return _key("fingerprint", fingerprint)


def similarity(one: Subject, other: Subject) -> float:
    """How alike two incidents are, 0 to 1, whenever they were."""
    same_text = one.text == other.text and one.text != ""
    same_category = one.category == other.category and one.category != Category.UNKNOWN.value
    return (
        _SAME_TEXT * same_text
        + _WORDS * (1.0 if same_text else jaccard(one.words, other.words))
        + _CATEGORY * same_category
        + _RESOURCE * _nearness(one, other)
    )


def score(one: Subject, past: Past) -> float:
    """How much a past incident tells about one: half as much for every 20 days; 0 if they are not alike."""
    alike = similarity(one, past.subject)
    if alike < LEAST:
        return 0.0
    days = max(past.age, timedelta(0)) / timedelta(days=1)
    return float(alike * (1.0 if past.is_resolved else _UNRESOLVED) * 0.5 ** (days / HALF_LIFE_DAYS))


def closest(one: Subject, past: Iterable[Past], most: int) -> list[Match]:
    """The past incidents that tell most, best first, of equal ones the newer; one for each event."""
    scored = [Match(each, value) for each in past if (value := score(one, each)) > 0]
    scored.sort(key=lambda match: (-match.score, match.past.age, -match.past.id))
    distinct: list[Match] = []
    for match in scored:
        place = next((n for n, better in enumerate(distinct) if _is_one_event(better.past, match.past)), None)
        if place is None:
            distinct.append(match)
        elif distinct[place].past.subject.fingerprint != match.past.subject.fingerprint:
            better = distinct[place]
            distinct[place] = replace(better, siblings=(*better.siblings, match.past.id))
    return distinct[:most]


def _is_one_event(one: Past, other: Past) -> bool:
    """The same incident at another time, or the same error of something else at the same time."""
    if one.subject.fingerprint == other.subject.fingerprint:
        return True
    return one.subject.text == other.subject.text != "" and abs(one.age - other.age) <= _ONE_EVENT


def _nearness(one: Subject, other: Subject) -> float:
    """1 for the same resource, less the sooner their paths part: dag/task, factory/pipeline/activity."""
    if one.source != other.source:
        return 0.0
    mine, theirs = one.resource.split("/"), other.resource.split("/")
    common = 0
    for a, b in zip(mine, theirs, strict=False):
        if a != b:
            break
        common += 1
    return max(_SAME_SOURCE, common / max(len(mine), len(theirs)))


def _key(kind: str, *parts: str | bytes) -> int:
    digest = blake2b(kind.encode(), digest_size=8)
    for part in parts:
        digest.update(b"\x1f" + (part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")))
    # One bit less: what the databases store is signed.
    return int.from_bytes(digest.digest(), "big") >> 1
