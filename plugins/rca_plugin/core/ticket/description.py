"""What a ticket says: the cause, what shows it, and what to do. Nothing in it changes with every failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rca_plugin.core.exhibit import readable
from rca_plugin.core.text import head, tail
from rca_plugin.core.ticket.block import Block, Bullets, Code, Heading, Link, Links, Paragraph
from rca_plugin.core.ticket.repair import repairs

_SENTENCE_CHARS = 600
_EVIDENCE_CHARS = 1_500
_SOURCE_CHARS = 200
_MOST_EVIDENCE = 5
_MOST_ITEMS = 6


def description(incident: Mapping[str, Any], links: Sequence[Link]) -> tuple[Block, ...]:
    """The blocks; the evidence last, because there is most of it."""
    analysis = incident.get("analysis")
    blocks: list[Block] = [Links(tuple(links))] if links else []
    blocks.append(Paragraph(_facts(incident)))
    if analysis is None:
        why = incident.get("analysis_problem") or "it is under way"
        missing = Paragraph(_text(f"There is no analysis yet: {why}"))
        return (*blocks, Heading("Root cause"), missing, *repairs(incident))
    return (*blocks, *_analysis(analysis), *repairs(incident), *_evidence(incident, analysis))


def comment(incident: Mapping[str, Any], marker: str) -> tuple[Block, ...]:
    """What is said when it failed again; the marker tells ours from others'."""
    latest: Mapping[str, Any] = next(iter(incident.get("failures") or ()), {})
    count, last = incident["failure_count"], incident["last_failure_at"]
    said = Paragraph(_text(f"It failed again: {count} times by now, last at {_minute(last)}."))
    return said, Code(_code(latest.get("message") or "")), Paragraph(marker)


def _facts(incident: Mapping[str, Any]) -> str:
    facts = {
        "Where": f"{incident['resource']} ({incident['source']}, {incident['environment']})",
        "Category": incident["category"].replace("_", " "),
        "Severity": incident["severity"],
        "Owner": incident.get("owner"),
        "First failure": _minute(incident["first_failure_at"]),
    }
    return "; ".join(f"{name}: {_text(str(value))}" for name, value in facts.items() if value)


def _analysis(analysis: Mapping[str, Any]) -> Iterator[Block]:
    yield from (Heading("Root cause"), Paragraph(_text(analysis["root_cause"]["text"])))
    yield Paragraph(_text(analysis["summary"], 3 * _SENTENCE_CHARS))
    for title, texts in (
        ("Hypotheses", [item["text"] for item in analysis["hypotheses"]]),
        ("Recommendations", analysis["recommendations"]),
        ("Avoid", analysis.get("avoid")),
        ("Not known", analysis.get("not_known")),
    ):
        if texts:
            yield from (Heading(title), Bullets(tuple(_text(text) for text in texts[:_MOST_ITEMS])))
    yield Paragraph(f"Written by {_author(analysis)}, {analysis['confidence']:.0%} sure.")


def _evidence(incident: Mapping[str, Any], analysis: Mapping[str, Any]) -> Iterator[Block]:
    """What the claims rest on; where they rest on nothing, the first of it."""
    claims = [analysis["root_cause"], *analysis["hypotheses"]]
    cited = list(dict.fromkeys(name for claim in claims for name in claim["evidence"]))
    known = {item["id"]: item for item in incident.get("evidence") or ()}
    shown = [known[name] for name in cited if name in known] or list(known.values())
    for item in shown[:_MOST_EVIDENCE]:
        yield Heading(_text(f"{item['id']}: {item['source']}", _SOURCE_CHARS))
        yield Code(_code(item["text"]))


def _author(analysis: Mapping[str, Any]) -> str:
    return "Gemini" if analysis["method"] == "gemini" else "the knowledge base"


def _text(text: str, limit: int = _SENTENCE_CHARS) -> str:
    return head(readable(text).strip(), limit)


def _code(text: str) -> str:
    return tail(readable(text).strip("\n"), _EVIDENCE_CHARS)


def _minute(at: str) -> str:
    """To the minute, as the API says it: in UTC."""
    return f"{at[:16].replace('T', ' ')} UTC"
