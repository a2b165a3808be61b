"""What a decision would lead to, in one sentence: for dry runs and for what would have been."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rca_plugin.core.remediation.decision import Verdict
from rca_plugin.core.remediation.sentence import action_words, refusals


def foreseen(decision: Mapping[str, Any]) -> str:
    """What would happen, of a decision as JSON."""
    return _SAID[Verdict(decision["verdict"])](decision)


def _off(_decision: Mapping[str, Any]) -> str:
    return "Nothing would be done, and nobody asked: the mode is off."


def _suggest(decision: Mapping[str, Any]) -> str:
    return f"It would only be suggested: {_what(decision)}."


def _ask(decision: Mapping[str, Any]) -> str:
    needed = int(decision["approvals_needed"])
    who = "Somebody" if needed == 1 else f"{needed} different people"
    return f"{who} would have to approve: {_what(decision)}."


def _act(decision: Mapping[str, Any]) -> str:
    return f"It would be done: {_what(decision)}."


def _refuse(decision: Mapping[str, Any]) -> str:
    why = refusals(decision["rules"])
    return f"It would be stopped: {why}." if why else "It would be stopped."


def _what(decision: Mapping[str, Any]) -> str:
    proposal = decision["proposal"]
    return f"{action_words(proposal['action'])} ({proposal['resource']})" if proposal else "nothing"


_SAID: Mapping[Verdict, Callable[[Mapping[str, Any]], str]] = {
    Verdict.OFF: _off,
    Verdict.SUGGEST: _suggest,
    Verdict.ASK: _ask,
    Verdict.ACT: _act,
    Verdict.REFUSE: _refuse,
}
