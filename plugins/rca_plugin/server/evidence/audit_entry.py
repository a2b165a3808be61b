"""Entries of Airflow's own audit log that say that a connection, a variable or a pool was edited."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow.models.log import Log

# What Airflow 3.3 writes: the name of the API's function, which the UI calls too, and for commands `cli_` with the
# name of theirs. What `airflowctl` does comes through the API. Edits in a secrets backend, or in the environment,
# nobody writes down.
_THINGS = {"connection": "Connection", "variable": "Variable", "pool": "Pool"}
_VERBS = {"post": "created", "patch": "edited", "delete": "deleted"}
_COMMANDS = {
    "cli_connections_add": ("connection", "created"),
    "cli_connections_delete": ("connection", "deleted"),
    "cli_connections_import": ("connection", "imported"),
    "cli_variables_set": ("variable", "set"),
    "cli_variables_delete": ("variable", "deleted"),
    "cli_variables_import": ("variable", "imported"),
    "cli_pool_set": ("pool", "set"),
    "cli_pool_delete": ("pool", "deleted"),
    "cli_pool_import": ("pool", "imported"),
}
_REQUESTS = {f"{verb}_{thing}": (thing, done) for thing in _THINGS for verb, done in _VERBS.items()}
_BULK = {f"bulk_{thing}s": thing for thing in _THINGS}
_BULK_VERBS = {"create": "created", "update": "edited", "delete": "deleted"}
EVENTS = {
    thing: [
        *(event for event, (edited, _) in (_REQUESTS | _COMMANDS).items() if edited == thing),
        *(event for event, edited in _BULK.items() if edited == thing),
    ]
    for thing in _THINGS
}
"""The events that tell of edits of a connection, a variable, a pool."""

# Under which of these a body, a path or an entity of a bulk request has the name.
_NAMES = {
    "connection": ("connection_id", "conn_id"),
    "variable": ("key", "variable_key"),
    "pool": ("name", "pool_name", "pool"),
}
# What says nothing of the change: the name again, how it was sent, and what Airflow has masked altogether.
_NOT_FIELDS = {
    "method",
    "connection_id",
    "conn_id",
    "key",
    "variable_key",
    "name",
    "pool_name",
    "pool",
    "team_name",
}
_ENTITIES = 200
_EXTRA_CHARS = 200_000


@dataclass(frozen=True)
class Edit:
    """Somebody asked to edit something. `fields` are what was asked for, as Airflow masked it.

    thing: "connection", "variable" or "pool". name: None for an import, which does not say what it brought.
    """

    thing: str
    name: str | None
    done: str
    by: str
    at: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What was done, by whom: "Connection orders_db was edited by ada"."""
        what = f"{_THINGS[self.thing]} {self.name} was" if self.name else f"{_THINGS[self.thing]}s were"
        return f"{what} {self.done} by {self.by}"


def edits_of(entry: Log) -> Iterator[Edit]:
    """What an entry of the audit log tells of; nothing where it cannot be read."""
    if entry.dttm is None:
        return
    extra = _extra(entry)
    if entry.event in _BULK:
        yield from _bulk(entry, _BULK[entry.event], extra)
        return
    thing, done = _COMMANDS.get(entry.event) or _REQUESTS[entry.event]
    by = entry.owner or "unknown"
    if entry.event in _COMMANDS:
        name = None if done == "imported" else _argument(extra)
        yield Edit(thing, name, done, f"{by}, on the command line", entry.dttm)
    elif name := _name(thing, extra):
        yield Edit(thing, name, done, by, entry.dttm, _fields(extra))


def _bulk(entry: Log, thing: str, extra: Mapping[str, Any]) -> Iterator[Edit]:
    actions = extra.get("actions")
    for action in actions if isinstance(actions, list) else []:
        entities = action.get("entities") if isinstance(action, dict) else None
        for entity in (entities if isinstance(entities, list) else [])[:_ENTITIES]:
            named = entity if isinstance(entity, dict) else {_NAMES[thing][0]: entity}
            done = _BULK_VERBS.get(str(action.get("action")))
            if done and entry.dttm and (name := _name(thing, named)):
                yield Edit(thing, name, done, entry.owner or "unknown", entry.dttm, _fields(named))


def _extra(entry: Log) -> dict[str, Any]:
    try:
        extra = json.loads((entry.extra or "")[:_EXTRA_CHARS])
    except ValueError:
        return {}
    return extra if isinstance(extra, dict) else {}


def _name(thing: str, fields: Mapping[str, Any]) -> str | None:
    return next((str(fields[key]) for key in _NAMES[thing] if isinstance(fields.get(key), str)), None)


def _fields(extra: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in extra.items() if name not in _NOT_FIELDS and value not in (None, "")
    }


def _argument(extra: Mapping[str, Any]) -> str | None:
    """The name in `airflow connections add NAME …`. No more of a command line: it may have a value in it."""
    try:
        command = ast.literal_eval(str(extra.get("full_command", "")))
        words = [str(word) for word in command[3:]]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return words[0] if words and not words[0].startswith("-") else None
