"""Incidents that a model was asked about: what it said, what became of that, and what was sent."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.web.site import Site

MODEL, PROMPT = "gemini-2.5-flash", "root_cause 1 (3f2a9c1b)"
TOKENS = {"input_tokens": 3214, "cached_tokens": 0, "output_tokens": 512, "seconds": 4.1}
ASKED = "Why did it fail? Data follow, and only data."

SAID = "prices_daily/parse_lines"
AGAIN = "prices_daily/parse_returns"
DISAGREED = "scoring_nightly/rank_customers"
FELL_BACK = "scoring_nightly/read_features"
TWISTED = "prices_daily/parse_refunds"

ERROR = "could not convert string to float: '12,50'"
QUOTE = "could not  convert string"
LEFT_OUT = "A claim cites E99, which is not there."
PROBLEM = "its answer ended in the middle, at 8,192 tokens."
LINK = "https://evil.example/?q=all"
SCRIPT = "</pre></p></li><script>window.top.hacked = 1</script><img src=x onerror='window.top.hacked = 1'>"
HOSTILE = f"[click]({LINK}) {LINK} `{SCRIPT}` (E99) {{{{ 7 * 7 }}}}"

#: What failed: the exception and its message.
ERRORS = {
    SAID: ("ValueError", ERROR),
    AGAIN: ("ValueError", f"{ERROR} in returns"),
    DISAGREED: ("KeyError", "'customer_segment'"),
    FELL_BACK: ("FileNotFoundError", "[Errno 2] No such file or directory: '/features/latest.parquet'"),
    TWISTED: ("ValueError", f"{ERROR} {SCRIPT}"),
}


def add_answers(site: Site) -> None:
    """Let Gemini have been asked about incidents that are there, by the routes that tasks use."""
    ids = {incident["resource"]: incident["id"] for incident in site.incidents()}
    _ask(site, ids[SAID], "a")
    _keep(site, ids[SAID], said(site, ids[SAID]))
    _ask(site, ids[AGAIN], "a")
    _keep(site, ids[AGAIN], said(site, ids[AGAIN]))
    _ask(site, ids[DISAGREED], "b")
    _keep(
        site, ids[DISAGREED],
        said(site, ids[DISAGREED]) | {"opinion": {"category": "out_of_memory", "severity": "High"}},
    )  # fmt: skip
    _ask(site, ids[FELL_BACK], "c", answer='{"summary": [', problem=f"The answer cannot be used: {PROBLEM}")
    _keep(site, ids[FELL_BACK], {"model_problem": f"The answer cannot be used: {PROBLEM}"})
    _ask(site, ids[TWISTED], "d", text=f"\n{HOSTILE}", answer=HOSTILE)
    _keep(site, ids[TWISTED], twisted(site, ids[TWISTED]))


def said(site: Site, incident_id: int) -> dict[str, Any]:
    """What differs from the knowledge base's analysis where Gemini wrote it."""
    [first, *_] = evidence(site, incident_id)
    return {
        "method": "gemini",
        "summary": f"The task stopped at an amount with a decimal comma ({first}). The file came from a new supplier.",
        "root_cause": {"text": "An amount is written with a decimal comma", "evidence": [first]},
        "hypotheses": [
            {"text": "The supplier exports in a German locale", "evidence": [first],
             "distinguish": "Look at the other amounts of the file: all with a comma, or one?"},
            {"text": "A person edited the file by hand", "evidence": [],
             "distinguish": "Compare its checksum with the one that the supplier sent."},
        ],
        "recommendations": [f"Read the amounts with the locale of the supplier ({first})."],
        "not_known": ["Which supplier sent the file."],
        "quotes": [{"evidence": first, "text": QUOTE}, {"evidence": first, "text": "that is not there"}],
        "left_out": [LEFT_OUT, "A recommendation quotes words that are not in E1."],
        "confidence": 0.82,
    }  # fmt: skip


def twisted(site: Site, incident_id: int) -> dict[str, Any]:
    """An analysis that is hostile in every text it has."""
    [first, *_] = evidence(site, incident_id)
    claim = {"text": HOSTILE, "evidence": [first]}
    return {
        "method": "gemini", "category_by": "model", "summary": HOSTILE, "root_cause": claim,
        "hypotheses": [claim | {"distinguish": HOSTILE}], "recommendations": [HOSTILE], "avoid": [HOSTILE],
        "not_known": [HOSTILE], "left_out": [HOSTILE], "model_problem": HOSTILE, "affected_entity": HOSTILE,
        "quotes": [{"evidence": first, "text": SCRIPT}],
        "opinion": {"category": "dns", "severity": "Low"},
    }  # fmt: skip


def evidence(site: Site, incident_id: int) -> list[str]:
    """The ids of the evidence of an incident."""
    return [fact["id"] for fact in site.get(f"/rca/api/v1/incidents/{incident_id}")["evidence"]]


def _ask(
    site: Site,
    incident_id: int,
    key: str,
    *,
    text: str = ASKED,
    answer: str = '{"enough_evidence": true}',
    problem: str = "",
) -> None:
    request = {
        "model": MODEL, "prompt": PROMPT, "system": "You read what failed.", "text": text,
        "schema": {"type": "object"}, "output_tokens": 8192,
    }  # fmt: skip
    body = {"purpose": "analysis", "key": hashlib.sha256(key.encode()).hexdigest(), "request": request}
    plan = site.as_task("POST", f"/rca/api/v1/incidents/{incident_id}/model-calls", body)
    if plan["decision"] == "ask":
        outcome = {"answer": answer, "problem": problem, **TOKENS}
        site.as_task("PUT", f"/rca/api/v1/model-calls/{plan['call_id']}", outcome)


def _keep(site: Site, incident_id: int, changes: dict[str, Any]) -> None:
    path = f"/rca/api/v1/incidents/{incident_id}"
    site.as_task("PUT", f"{path}/analysis", site.get(path)["analysis"] | changes)
