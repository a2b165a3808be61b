"""`rca replay`: ask again what a model was asked about an incident, and show both answers; the incident stays as it is.

Run it where a worker runs. Of an incident that no model answered for, the knowledge base writes its note again.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rca_plugin.config import ConfigError, settings
from rca_plugin.core.analysis import Analysis, analysis_from_json, analysis_to_json
from rca_plugin.core.model_call import CallState, Purpose
from rca_plugin.core.model_request import ModelRequest, request_from_json

if TYPE_CHECKING:
    from rca_plugin.worker.client import RcaClient
    from rca_plugin.worker.failure_case import FailureCase

_LABEL = re.compile(r"(?:RCA-)?([1-9][0-9]{0,17})", re.IGNORECASE)
_ANSWERED = (CallState.ANSWERED.value, CallState.REUSED.value)
_WRONG = 2


class _ReplayError(Exception):
    """There is nothing to show. The text says why."""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "replay", help="analyze an incident again from what was stored, and compare"
    )
    parser.add_argument("incident", help="such as RCA-42")
    parser.add_argument("--model", help="ask this model instead of the one that was asked")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what is recorded and what is said now. 0 when there is something to compare, 2 when there is not."""
    from rca_plugin.worker.client import RcaClient, ServerError

    try:
        with RcaClient(subject="replay", timeout=60) as client:
            for line in _replayed(client, _number(args.incident), args.model):
                print(line)
    except (_ReplayError, ServerError, ConfigError) as error:
        print(f"rca replay {args.incident}: {error}", file=sys.stderr)
        return _WRONG
    return 0


def _number(name: str) -> int:
    found = _LABEL.fullmatch(name)
    if found is None:
        raise _ReplayError("an incident is called such as RCA-42")
    return int(found[1])


def _replayed(client: RcaClient, number: int, model: str | None) -> Iterator[str]:
    from rca_plugin.worker.failure_case import FailureCase

    case = FailureCase(client.incident(number))
    if not case.incident["analysis"]:
        raise _ReplayError("it was not analyzed yet")
    recorded = analysis_from_json(case.incident["analysis"])
    yield f"recorded {_when(case)}, by {_by(recorded)}"
    calls = client.model_calls(number)
    asked = next((c for c in calls if c["purpose"] == Purpose.ANALYSIS and c["state"] in _ANSWERED), None)
    if asked is None:
        yield "live     now, by the knowledge base on the stored evidence: no model was asked for this analysis"
        live = replace(case.note, model_problem=recorded.model_problem)
    else:
        live = yield from _asked_again(client, case, client.model_call(number, asked["id"]), model)
    yield from _differences(recorded, live)


def _when(case: FailureCase) -> str:
    moments = [entry["at"] for entry in case.incident["timeline"] if entry["action"] == "analyzed"]
    return f"{moments[-1][:19].replace('T', ' ')} UTC" if moments else "at a time that is not known"


def _by(analysis: Analysis) -> str:
    return "the knowledge base" if analysis.method == "knowledge_base" else analysis.method.capitalize()


def _asked_again(
    client: RcaClient, case: FailureCase, call: Mapping[str, Any], model: str | None
) -> Generator[str, None, Analysis]:
    from rca_plugin.worker.asking import Asking
    from rca_plugin.worker.integrations.gemini import Gemini
    from rca_plugin.worker.second_opinion import grounded

    stored = request_from_json(call["request"])
    request = replace(stored, model=model) if model else stored
    yield f"         {stored.model}, prompt {stored.prompt}, {_paid(call, call['cost'])}"
    gemini = Gemini.connect(settings().gemini_conn_id)
    if gemini is None:
        raise _ReplayError(f"there is no connection {settings().gemini_conn_id!r} ([rca] gemini_conn_id)")
    plan = client.plan_model_call(
        case.incident["id"], Purpose.REPLAY, _key(call["key"], request, stored), request
    )
    if plan["decision"] != "ask":
        raise _ReplayError(plan["reason"])
    outcome = Asking(gemini, request, settings().gemini_timeout).outcome()
    said = outcome.to_json()
    cost = client.record_model_call(plan["call_id"], said)
    yield f"live     now, by {request.model}, prompt {request.prompt}, {_paid(said, cost)}"
    if outcome.answer is None:
        raise _ReplayError(outcome.problem)
    return grounded(case, outcome.answer)


def _key(key: str, request: ModelRequest, stored: ModelRequest) -> str:
    """What another model answers is never taken for an answer of this one."""
    same = request.model == stored.model
    return key if same else hashlib.sha256(f"{key} {request.model}".encode()).hexdigest()


def _paid(call: Mapping[str, Any], cost: float) -> str:
    tokens = f"{call['input_tokens']:,} tokens in, {call['output_tokens']:,} out"
    return f"{tokens}, {cost:.6f} US dollars, {call['seconds']:.1f} s"


def _differences(recorded: Analysis, live: Analysis) -> Iterator[str]:
    before, now = analysis_to_json(recorded), analysis_to_json(live)
    different = [name for name in before if before[name] != now[name]]
    if not different:
        yield "\nBoth say the same."
    for name in different:
        yield f"\n{name}\n  recorded  {_shown(before[name])}\n  live      {_shown(now[name])}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"\n    - {_shown(item)}" for item in value) or "none"
    if isinstance(value, dict):
        cited = ", ".join(value.get("evidence") or ()) if "text" in value else ""
        return f"{value['text']} [{cited}]" if cited else ", ".join(f"{k}: {v}" for k, v in value.items())
    return "none" if value in (None, "") else str(value)
