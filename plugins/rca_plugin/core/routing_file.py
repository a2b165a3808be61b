"""The file that says where incidents go, read and checked.

    tickets:      a list of routes, see `TicketRoute`; the first whose `when` matches is taken
    channels:     a list of `{when: …, channel: …}`
    digests:      a list of `{channel: …, at: "09:00", time_zone: Europe/Berlin}`, one for a channel

`when` is a list of conditions in the syntax of silences. All have to match; without it, a route takes all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rca_plugin.core.matcher import Matchers
from rca_plugin.core.routing import PRIORITIES, Routing, TicketRoute
from rca_plugin.core.routing_digest import digests_of
from rca_plugin.core.yaml_file import LINE, RuleError, read_yaml
from rca_plugin.core.yaml_value import (
    channel_id,
    check_blanks,
    check_entry,
    check_keys,
    entries,
    mapping,
    plain,
    text,
    texts,
    texts_in,
    when,
    wrong,
)

_PARTS = ("tickets", "channels", "digests")
_TEXTS = ("project", "issue_type", "summary")
_LISTS = ("labels", "components")
_MAPPINGS = ("priorities", "assignees", "transitions")
_TICKET = ("when", *_TEXTS, *_LISTS, *_MAPPINGS, "fields")
_CATEGORIES = ("new", "indeterminate", "done")
# Set by the plugin itself; a route that set them too would be at odds with it.
_OWN_FIELDS = ("project", "issuetype", "summary", "description", "priority", "labels", "components", "assignee",
               "duedate", "status")  # fmt: skip


def load_routing(file: Path) -> Routing:
    """Read the file. RuleError that names file and line, and says what to write instead."""
    if not file.is_file():
        raise RuleError(f"{file}: missing; [rca] routing_file names the file that says where incidents go")
    content = read_yaml(file)
    check_keys(file, content, _PARTS)
    return Routing(
        tuple(_ticket(file, *entry) for entry in entries(file, content, "tickets")),
        tuple(_channel(file, *entry) for entry in entries(file, content, "channels")),
        tuple(digests_of(file, entries(file, content, "digests"))),
    )


def _ticket(file: Path, line: int, entry: Any) -> tuple[Matchers | None, TicketRoute]:
    check_entry(file, line, entry, _TICKET, "project")
    values: dict[str, Any] = {key: text(file, entry, key) for key in _TEXTS if key in entry}
    values |= {key: texts(file, entry, key) for key in _LISTS if key in entry}
    values |= {key: mapping(file, entry, key) for key in _MAPPINGS if key in entry}
    _check_words(file, entry, "priorities", PRIORITIES)
    _check_words(file, entry, "transitions", _CATEGORIES)
    _check_labels(file, entry, values.get("labels", ()))
    if "summary" in values:
        check_blanks(file, entry, "summary", values["summary"])
    return when(file, entry), TicketRoute(**values, fields=_fields(file, entry))


def _channel(file: Path, line: int, entry: Any) -> tuple[Matchers | None, str]:
    check_entry(file, line, entry, ("when", "channel"), "channel")
    return when(file, entry), channel_id(file, entry)


def _check_words(file: Path, entry: Mapping[str, Any], key: str, allowed: Iterable[str]) -> None:
    for name in entry.get(key) or ():
        if name not in (LINE, *allowed):
            raise wrong(file, entry, key, f"{key} has {name!r}; allowed are {', '.join(allowed)}")


def _check_labels(file: Path, entry: Mapping[str, Any], labels: Iterable[str]) -> None:
    # Jira refuses the whole ticket for a space in one.
    if label := next(
        (label for label in labels if len(label) > 255 or label != "".join(label.split())), None
    ):
        raise wrong(file, entry, "labels", f"label {label!r} has a space, or more than 255 characters")


def _fields(file: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    fields = plain(entry.get("fields") or {})
    if not isinstance(fields, dict):
        raise wrong(file, entry, "fields", "fields is no mapping; write `customfield_10050: …` on each line")
    if own := next((name for name in fields if name in _OWN_FIELDS), None):
        raise wrong(file, entry, "fields", f"fields has {own!r}, which is set from the incident; remove it")
    for written in texts_in(fields):
        check_blanks(file, entry, "fields", written)
    return fields
