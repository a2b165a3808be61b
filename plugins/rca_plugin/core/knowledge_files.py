"""The knowledge files: `include/knowledge/<category>.yaml`, read and checked. Whoever wrote one wrong reads where
and what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rca_plugin.core.category import NOT_REMEDIABLE, Category
from rca_plugin.core.failure import Source
from rca_plugin.core.knowledge import ACTIONS, Action, Cause, Guide, Knowledge, Runbook, is_https
from rca_plugin.core.knowledge_entry import Entry
from rca_plugin.core.note.circumstance import TELLING
from rca_plugin.core.phrase import Phrase
from rca_plugin.core.yaml_file import LINE, RuleError, line_of, read_yaml

_SOURCES = frozenset(source.value for source in Source)
_FILE_KEYS = frozenset(
    {"title", "headline", "description", "estimated_minutes", "actions", "telling", "causes"}
    | {"first", "avoid", "sources", "runbooks"}
)
_ACTION_KEYS = frozenset({"action", "backoff"})
_CAUSE_KEYS = frozenset({"cause", "tell", "first", "when", "sources"})
_GUIDE_KEYS = frozenset({"means", "first", "avoid", "runbooks"})
_RUNBOOK_KEYS = frozenset({"title", "url"})


def load_knowledge(folder: Path) -> dict[Category, Knowledge]:
    """Read `knowledge/<category>.yaml` for every category. RuleError when one is missing or wrong."""
    return {category: _knowledge(folder, category) for category in Category}


def _knowledge(folder: Path, category: Category) -> Knowledge:
    file = folder / "knowledge" / f"{category.value}.yaml"
    if not file.is_file():
        raise RuleError(f"{file}: missing; every category needs a knowledge file")
    entry = Entry(file, read_yaml(file), _FILE_KEYS)
    elsewhere = _guide(entry, entry.sentences("description"))
    return Knowledge(
        category=category,
        title=entry.text("title"),
        headline=_headline(entry),
        actions=tuple(_actions(entry, category)),
        telling=entry.words("telling", TELLING),
        causes=tuple(_causes(entry)),
        elsewhere=elsewhere,
        guides=dict(_guides(entry, elsewhere)),
        estimated_minutes=_minutes(entry),
    )


def _headline(entry: Entry) -> str:
    text = entry.text("headline")
    if not 2 <= len(text.split()) <= 8 or not text[0].isupper() or not text[-1].isalnum():
        raise entry.wrong(
            "headline", f"headline is {text!r}; write 2 to 8 words, capitalized, without a period"
        )
    return text


def _minutes(entry: Entry) -> int:
    minutes = entry.content.get("estimated_minutes")
    if not isinstance(minutes, int) or not 1 <= minutes <= 10_000:
        raise entry.wrong("estimated_minutes", f"estimated_minutes is {minutes!r}; write whole minutes")
    return minutes


def _actions(entry: Entry, category: Category) -> Iterator[Action]:
    for action in entry.entries("actions", _ACTION_KEYS):
        if category in NOT_REMEDIABLE:
            raise entry.wrong("actions", f"{category} is never remediable; remove its actions")
        yield _action(action)


def _action(entry: Entry) -> Action:
    name, backoff = str(entry.content.get("action")), entry.content.get("backoff") or []
    if name not in ACTIONS:
        raise entry.wrong("action", f"action {name!r}: not an action; allowed are {', '.join(ACTIONS)}")
    if not backoff or not all(isinstance(wait, int) and 0 < wait <= 86_400 for wait in backoff):
        raise entry.wrong(
            "backoff", f"action {name!r}: backoff must list the seconds to wait before each attempt"
        )
    return Action(name, len(backoff), tuple(backoff))


def _causes(entry: Entry) -> Iterator[Cause]:
    causes = list(entry.entries("causes", _CAUSE_KEYS))
    if not causes:
        raise entry.wrong("causes", "causes is missing; give at least one with `cause` and `tell`")
    return (_cause(cause) for cause in causes)


def _cause(entry: Entry) -> Cause:
    return Cause(
        text=entry.text("cause"),
        tell=entry.text("tell"),
        first=entry.text("first") if "first" in entry.content else None,
        when=tuple(_phrases(entry)),
        sources=frozenset(entry.words("sources", _SOURCES)),
    )


def _phrases(entry: Entry) -> Iterator[Phrase]:
    for text in entry.content.get("when") or ():
        try:
            yield Phrase.of(text)
        except (ValueError, AttributeError):
            raise entry.wrong("when", f"{text!r} is no phrase; write words, and quote numbers") from None


def _guides(entry: Entry, elsewhere: Guide) -> Iterator[tuple[str, Guide]]:
    sources = Entry(entry.file, entry.content.get("sources") or {}, _SOURCES)
    for source in sources.content.keys() - {LINE}:
        line = line_of(sources.content, source)
        own = Entry(entry.file, sources.content[source], _GUIDE_KEYS, line)
        yield source, _guide(own, own.sentences("means"), elsewhere)


def _guide(entry: Entry, means: str, elsewhere: Guide | None = None) -> Guide:
    """What an entry says, and what holds elsewhere after it; only what to do first is its own alone."""
    runbooks = tuple(_runbook(runbook) for runbook in entry.entries("runbooks", _RUNBOOK_KEYS))
    if elsewhere is None:
        return Guide(means, entry.texts("first"), _avoided(entry), runbooks)
    avoid = (_avoided(entry) if "avoid" in entry.content else ()) + elsewhere.avoid
    return Guide(means, entry.texts("first"), avoid, runbooks + elsewhere.runbooks)


def _avoided(entry: Entry) -> tuple[str, ...]:
    sentences = entry.texts("avoid")
    for sentence in sentences:
        # Read alone, in a ticket or a message, it must not be taken for something to do.
        if not sentence.startswith("Do not "):
            raise entry.wrong("avoid", f"avoid has {sentence[:40]!r}; begin each with `Do not`")
    return sentences


def _runbook(entry: Entry) -> Runbook:
    title, url = entry.text("title"), entry.content.get("url")
    if ": " not in title:
        raise entry.wrong("title", f"runbook {title!r}; write whose it is too, such as `Vendor: Page title`")
    if url is not None and not is_https(url):
        raise entry.wrong("url", f"runbook address {url!r}; write one that begins with https://")
    return Runbook(title, url)
