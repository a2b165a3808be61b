"""How far repairs may go, as the operators of this Airflow laid it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rca_plugin.core.matcher import Matchers
from rca_plugin.core.remediation.case import Subject
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.state import Mode, Risk
from rca_plugin.core.silence import Schedule

#: Actions that cannot be carried out until somebody has said what with.
NEED_SETTINGS = frozenset(
    {
        "airflow_clear_with_longer_timeout",
        "airflow_clear_in_other_pool",
        "databricks_use_fallback_node_type",
        "http_playbook",
    }
)


@dataclass(frozen=True)
class Limit:
    """How many repairs may run at once, and begin within the window."""

    running: int
    started: int


@dataclass(frozen=True)
class Breaker:
    """Opens after so many repairs of a class (category and action) failed in a row, and stays open for `rest` after
    the newest of them. Then one is tried: it closes when that one succeeds.
    """

    failures: int = 5
    rest: timedelta = timedelta(hours=1)


@dataclass(frozen=True)
class Freeze:
    """When nothing is repaired; `when` limits it to some incidents."""

    name: str
    schedule: Schedule
    when: Matchers | None = None


@dataclass(frozen=True)
class ModeEntry:
    """The mode of whatever matches. `place` names the line it stands on, for explanations."""

    when: Matchers | None
    mode: Mode
    place: str


@dataclass(frozen=True)
class ActionSettings:
    """What an action has to know, such as a pool or an address, for whatever matches; None matches all."""

    when: Matchers | None
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Policy:
    """modes: the first that matches counts, else `mode`. risks: an action that is not in it is of high risk.

    cooldown: how long a resource is left alone after a repair. window: what the limits count in.
    blast_radius: how many things one repair may touch.
    approval: how long people have to answer.
    four_eyes: two people have to approve whatever matches one of these, even where nobody else would be asked.
    settings: by action; the first that matches counts.
    """

    mode: Mode = Mode.APPROVE
    mode_place: str = "the default"
    modes: tuple[ModeEntry, ...] = ()
    risks: Mapping[str, Risk] = field(default_factory=dict)
    cooldown: timedelta = timedelta(minutes=10)
    window: timedelta = timedelta(hours=1)
    per_resource: Limit = Limit(1, 5)
    everywhere: Limit = Limit(10, 30)
    blast_radius: int = 25
    breaker: Breaker = Breaker()
    approval: timedelta = timedelta(hours=1)
    freezes: tuple[Freeze, ...] = ()
    four_eyes: tuple[Matchers, ...] = ()
    settings: Mapping[str, tuple[ActionSettings, ...]] = field(default_factory=dict)

    def mode_of(self, subject: Subject, proposal: Proposal | None) -> tuple[Mode, str]:
        """The mode for a repair of an incident, and the place in the file that says so."""
        facts = _facts(subject) | _facts_of(proposal)
        entry = next((entry for entry in self.modes if _matches(entry.when, facts)), None)
        return (entry.mode, entry.place) if entry else (self.mode, self.mode_place)

    def is_off(self, subject: Subject, action: str) -> bool:
        """Whether an action is off whatever it would be done to."""
        facts = _facts(subject) | {"action": action}
        for entry in self.modes:
            if _could_match(entry.when, facts):
                if entry.mode is not Mode.OFF:
                    return False
                if not _asks_for_target(entry.when):
                    return True
        return self.mode is Mode.OFF

    def risk_of(self, action: str) -> Risk:
        """What this action can do wrong."""
        return self.risks.get(action, Risk.HIGH)

    def settings_of(self, action: str, subject: Subject) -> Mapping[str, Any] | None:
        """What this action has to know for this incident; None: it needs something that nobody has set."""
        if action not in NEED_SETTINGS:
            return {}
        facts, known = _facts(subject), self.settings.get(action, ())
        return next((entry.settings for entry in known if _matches(entry.when, facts)), None)

    def freeze_at(self, moment: datetime, subject: Subject) -> Freeze | None:
        """The freeze window that holds at a moment for an incident."""
        facts = _facts(subject)
        holding = (freeze for freeze in self.freezes if _matches(freeze.when, facts))
        return next((freeze for freeze in holding if freeze.schedule.holds_at(moment)), None)

    def needs_four_eyes(self, subject: Subject, proposal: Proposal | None) -> bool:
        """Whether two people have to approve it."""
        # Whoever may say how urgent it is (a sender, a ticket) must not say who has to agree.
        priority = min(subject.priority, subject.priority_by_rules, key=lambda one: one.value)
        facts = _facts(subject) | _facts_of(proposal) | {"priority": priority.value}
        return any(condition.match(facts) for condition in self.four_eyes)


def _facts(subject: Subject) -> dict[str, str]:
    return {
        "category": subject.category.value,
        "source": subject.source,
        "environment": subject.environment,
        "resource": subject.resource,
    }


def _facts_of(proposal: Proposal | None) -> dict[str, str]:
    return {"action": proposal.action, "target": proposal.resource} if proposal else {}


def _matches(when: Matchers | None, facts: Mapping[str, str]) -> bool:
    return when is None or when.match(facts)


def _could_match(when: Matchers | None, facts: Mapping[str, str]) -> bool:
    """Whether it matches with some target."""
    return when is None or all(one.matches(facts) for one in when.all if one.name != "target")


def _asks_for_target(when: Matchers | None) -> bool:
    return when is not None and any(one.name == "target" for one in when.all)
