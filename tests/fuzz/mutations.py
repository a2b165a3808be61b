"""Bodies that are almost right: what senders with bugs, and people with bad intentions, post."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rca_plugin.core.sources import PARSERS

PAYLOADS = Path(__file__).parent.parent / "payloads"

AIRFLOW = {
    "dag_id": "orders",
    "run_id": "manual__2026-11-23T03:00:00+00:00",
    "task_id": "load",
    "try_number": 3,
    "occurred_at": "2026-11-23T04:00:00+01:00",
    "message": "could not connect",
}
AIRFLOW_IN_FULL = {
    **AIRFLOW,
    "map_index": 2,
    "will_retry": True,
    "exception_type": "OperationalError",
    "traceback": "Traceback (most recent call last):\nOperationalError: could not connect",
    "operator": "PythonOperator",
    "owner": "data-platform",
    "reported_by": "callback",
}

#: As deep as json.dumps still writes.
_DEPTH = 300
_ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "x\udfffy",
    "\u202egnp.exe",
    "\ufeff",
    "\u2028",
    "e\u0301" * 5,
    "\U0001d54f" * 9,
    "null",
    "-",
    "../../etc",
    "/" * 40,
    "%2F%",
    "{}",
    "[",
    '{"jobId": {"a": [1]}, "clusterId": true}',
    "<script>",
    "javascript:alert(1)",
    "\x1b[31mred",
    "Sev0",
    "Resolved",
    "Deactivated",
    "firing",
    "jobs.on_failure",
    "TERMINATED",
    "SUCCESS",
    "CANCELED",
    "2026-02-30T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "13/45/2026 99:00:00 XM",
    "1e999",
    "99999999999999999999",
    "/subscriptions//providers/",
    "/subscriptions/a/providers/Microsoft.DataFactory/factories",
)
_ODD_NUMBERS = (
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**63) - 1,
    10**40,
    10**400,
    0.1,
    -0.0,
    1e308,
    float("inf"),
    1770088260000,
)
_HUGE = (10_000, 100_000)


def own_samples() -> list[tuple[str, Any]]:
    """Our own bodies, each with the source that takes it."""
    # Beside the reports of sources there are those of trackers and chats, which have readers of their own.
    sources = {source.value for source in PARSERS}
    files = [file for file in sorted(PAYLOADS.glob("*/*.json")) if file.parent.name in sources]
    reports = [("airflow", AIRFLOW), ("airflow", AIRFLOW_IN_FULL)]
    return [*reports, *((file.parent.name, json.loads(file.read_text())) for file in files)]


def mutations(samples: list[Any], rng: random.Random, count: int) -> Iterator[tuple[str, Any]]:
    """`count` bodies, each with its source: a sample with one to four things changed.

    `samples` are pairs of a source and a body. All bodies can be written with json.dumps. Every source has its turn
    as often, however many samples there are of it.
    """
    bodies: dict[str, list[Any]] = {}
    for source, body in samples:
        bodies.setdefault(source, []).append(body)
    for _ in range(count):
        source = rng.choice(list(bodies))
        body = copy.deepcopy(rng.choice(bodies[source]))
        for _ in range(rng.randint(1, 4)):
            body = _changed(body, rng, samples)
        yield source, body


def _changed(body: Any, rng: random.Random, samples: list[Any]) -> Any:
    places = list(_places(body))
    if not places or rng.random() < 0.02:
        return _odd(rng)
    parent, key = rng.choice(places)
    rng.choice(_CHANGES)(parent, key, rng, samples)
    return body


def _places(body: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a body where something can be changed: a container, and a key in it."""
    waiting = [body]
    while waiting:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        for key in keys:
            yield one, key
            waiting.append(one[key])


def _odd(rng: random.Random) -> Any:
    return rng.choice(
        [
            None,
            True,
            False,
            [],
            {},
            [[]],
            [None],
            {"": None},
            _nested(rng),
            rng.choice(_ODD_TEXTS),
            rng.choice(_ODD_NUMBERS),
            rng.choice(_ODD_TEXTS) * rng.choice(_HUGE) or "x" * 9_999,
        ]
    )


def _nested(rng: random.Random) -> Any:
    value: Any = "deep"
    for _ in range(rng.randint(10, _DEPTH)):
        value = [value] if rng.random() < 0.5 else {"error": value}
    return value


def _swap_type(parent: Any, key: Any, rng: random.Random, samples: list[Any]) -> None:
    parent[key] = _odd(rng)


def _drop(parent: Any, key: Any, rng: random.Random, samples: list[Any]) -> None:
    del parent[key]


def _wrap(parent: Any, key: Any, rng: random.Random, samples: list[Any]) -> None:
    parent[key] = rng.choice(
        [[parent[key]], {"value": parent[key]}, {"name": parent[key]}, json.dumps(parent[key])]
    )


def _duplicate(parent: Any, key: Any, rng: random.Random, samples: list[Any]) -> None:
    if isinstance(parent, list):
        parent.extend(copy.deepcopy(parent[key]) for _ in range(rng.choice([1, 3, 1_100])))
    else:
        parent[rng.choice([str.upper, str.lower, str.title])(str(key))] = _odd(rng)


def _rename(parent: Any, key: Any, rng: random.Random, samples: list[Any]) -> None:
    if isinstance(parent, dict):
        parent[rng.choice([*_ODD_TEXTS, "id", "type", "status", "error"])] = parent.pop(key)


def _lengthen(parent: Any, key: Any, rng: random.Random, samples: list[Any]) -> None:
    if isinstance(parent[key], str):
        parent[key] += rng.choice([*_ODD_TEXTS, "x"]) * rng.choice([1, 260, 600, 5_000])


def _transplant(parent: Any, key: Any, rng: random.Random, samples: list[Any]) -> None:
    """Something that is right elsewhere, perhaps in the body of another source."""
    places = list(_places(rng.choice(samples)[1]))
    there, other = rng.choice(places)
    parent[key] = copy.deepcopy(there[other])


_CHANGES: tuple[Callable[[Any, Any, random.Random, list[Any]], None], ...] = (
    _swap_type,
    _swap_type,
    _drop,
    _wrap,
    _duplicate,
    _rename,
    _lengthen,
    _transplant,
)
