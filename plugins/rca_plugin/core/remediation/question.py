"""What people are asked before a repair."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rca_plugin.core.duration import in_words
from rca_plugin.core.remediation.action_words import ACTION_WORDS
from rca_plugin.core.remediation.case import Subject
from rca_plugin.core.remediation.decision import Decision
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.text import folded, head

_SUBJECT_CHARS = 200
_NAME_CHARS = 510
_TARGET_CHARS = 2_000
_MOST_NAMED = 50
_TICKS = re.compile(r"`+")


@dataclass(frozen=True)
class Question:
    """subject: one line of plain text. body: Markdown, in which nothing of what was reported is marked up."""

    subject: str
    body: str


def question(label: str, title: str, subject: Subject, decision: Decision) -> Question:
    """What is asked about an incident (`label`: RCA-42), for a decision that has a proposal.

    Raises ValueError for one that has none.
    """
    proposal = decision.proposal
    if proposal is None:
        raise ValueError("nobody can be asked about a decision without a proposal")
    line = f"{label}: {ACTION_WORDS[proposal.action]}? ({proposal.resource})"
    body = "\n\n".join(_paragraphs(title, subject, decision, proposal))
    return Question(head(folded(line), _SUBJECT_CHARS), body)


def _paragraphs(title: str, subject: Subject, decision: Decision, proposal: Proposal) -> Iterator[str]:
    yield f"**What failed:** {_code(subject.resource)} in {_code(subject.environment)}, {subject.priority}"
    yield f"**Error:** {_code(title)}, taken for {_code(subject.category.value)} by {_code(subject.category_by)}"
    yield f"**Repair:** {ACTION_WORDS[proposal.action]} ({_code(proposal.action)}, {decision.risk} risk)"
    yield f"**Attempt:** {decision.attempt} of {decision.attempts}"
    yield _touched(proposal)
    target = json.dumps(dict(proposal.target), sort_keys=True, ensure_ascii=False)
    yield f"**With:** {_code(target, _TARGET_CHARS)}"
    yield f"**Who has to agree:** {_people(decision)}"
    yield f"Without an answer within {in_words(decision.expires)} it is rejected."


def _touched(proposal: Proposal) -> str:
    named = proposal.blast_radius[:_MOST_NAMED]
    more = len(proposal.blast_radius) - len(named)
    lines = [f"- {_code(name)}" for name in named] + ([f"- and {more} more"] if more else [])
    return f"**It touches {len(proposal.blast_radius)}:**\n\n" + "\n".join(lines)


def _people(decision: Decision) -> str:
    if decision.approvals_needed > 1:
        return f"{decision.approvals_needed} different people."
    return "One person."


def _code(text: str, limit: int = _NAME_CHARS) -> str:
    """Text as code, in which Markdown marks nothing up and makes no address a link, whatever it holds."""
    shown = head(folded(text), limit) or "-"
    fence = "`" * (max((len(ticks) for ticks in _TICKS.findall(shown)), default=0) + 1)
    # CommonMark takes one space off on each side, so that a backtick may stand at the end.
    return f"{fence} {shown} {fence}"
