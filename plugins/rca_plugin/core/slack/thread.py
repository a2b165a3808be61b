"""What an analysis rests on, for the thread under the message of its incident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rca_plugin.core.slack.message import Message
from rca_plugin.core.slack.repair_thread import repairs
from rca_plugin.core.slack.text import code, end, plain, words

REASONING = "reasoning"
EVIDENCE = "evidence"

# All blocks of a reply together stay below what Slack takes, see `message`.
_HYPOTHESIS_CHARS = 1_000
_LIST_CHARS = 1_500
_MOST_FACTS = 5
_FACT_CHARS = 1_300
_QUOTES_CHARS = 400
_SOURCE_CHARS = 200


def thread(incident: Mapping[str, Any]) -> dict[str, Message]:
    """The replies under the message, by their name: of the analysis, once there is one, and one for each repair."""
    analysis = incident["analysis"]
    parts = {} if analysis is None else {
        REASONING: _reasoning(analysis), EVIDENCE: _evidence(incident["evidence"], analysis),
    }  # fmt: skip
    parts |= repairs(incident)
    return {
        name: Message(words(f"{incident['label']} {name}", 100), tuple(blocks))
        for name, blocks in parts.items()
        if blocks
    }


def cited(analysis: Mapping[str, Any]) -> list[str]:
    """The ids of the evidence that an analysis rests on; the root cause's first."""
    claims = [analysis["root_cause"], *analysis["hypotheses"]]
    return list(dict.fromkeys(evidence_id for claim in claims for evidence_id in claim["evidence"]))


def _reasoning(analysis: Mapping[str, Any]) -> list[dict[str, Any]]:
    hypotheses = [
        _section(f"Hypothesis {number}: {_hypothesis(item)}", _HYPOTHESIS_CHARS)
        for number, item in enumerate(analysis["hypotheses"], 1)
    ]
    return [
        _section(analysis["summary"], _LIST_CHARS),
        *hypotheses,
        *_list("Do not make it worse", analysis.get("avoid") or ()),
        *_list("Not known", analysis.get("not_known") or ()),
    ]


def _hypothesis(item: Mapping[str, Any]) -> str:
    shown_by = f" ({', '.join(item['evidence'])})" if item["evidence"] else " (nothing shows it yet)"
    return f"{item['text']}{shown_by}\nHow to tell: {item['distinguish']}"


def _list(title: str, items: Sequence[str]) -> list[dict[str, Any]]:
    lines = "\n".join(f"• {item}" for item in items)
    return [_section(f"{title}\n{lines}", _LIST_CHARS)] if items else []


def _evidence(facts: Iterable[Mapping[str, Any]], analysis: Mapping[str, Any]) -> list[dict[str, Any]]:
    known = {fact["id"]: fact for fact in facts}
    shown = [known[evidence_id] for evidence_id in cited(analysis) if evidence_id in known][:_MOST_FACTS]
    return [block for fact in shown for block in (_source(fact), _lines(fact, analysis.get("quotes") or ()))]


def _lines(fact: Mapping[str, Any], quotes: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """The words that the analysis rests on, where it says them, and the end of the fact."""
    quoted = [quote["text"] for quote in quotes if quote["evidence"] == fact["id"]]
    said = end("\n".join(quoted), _QUOTES_CHARS)
    return code(
        f"{said}\n…\n{end(fact['text'], _FACT_CHARS - _QUOTES_CHARS - 10)}" if said else fact["text"],
        _FACT_CHARS,
    )


def _source(fact: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "context", "elements": [plain(f"{fact['id']} {fact['source']}", _SOURCE_CHARS)]}


def _section(text: str, limit: int) -> dict[str, Any]:
    return {"type": "section", "text": plain(text, limit)}
