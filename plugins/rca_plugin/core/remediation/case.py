"""All that a decision about a repair depends on; nothing else is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rca_plugin.core.category import Category, Priority
from rca_plugin.core.incident import Kind, Status
from rca_plugin.core.remediation.state import RemediationState


@dataclass(frozen=True)
class Subject:
    """The incident, as far as it matters.

    category_by: who said the category: "rules", "model" or "person"; anything else counts as a model.
    rule_remediable: what the rule that matched says itself (`Rule.remediable`): False: repeating cannot help here;
    None: it leaves that to the category, or no rule matched. What is no failure at all (`Rule.normal`) counts as False.
    priority_by_rules: what it would be had the sender, a ticket or a person not said otherwise; the more urgent of
    the two decides how many have to approve.
    suppressed: it is kept quiet by a silence or by another incident.
    """

    category: Category
    category_by: str
    status: Status
    priority: Priority
    priority_by_rules: Priority
    environment: str
    source: str
    resource: str
    rule_remediable: bool | None = None
    kind: Kind = Kind.FAILURE
    suppressed: bool = False


@dataclass(frozen=True)
class PastAttempt:
    """One attempt to repair.

    ended_at: None while it goes on.
    failed_again: it succeeded, and yet its incident was opened again by another failure.
    """

    action: str
    state: RemediationState
    ended_at: datetime | None = None
    failed_again: bool = False


@dataclass(frozen=True)
class Load:
    """What repairs do at the moment, and did of late.

    running: how many have begun and not ended.
    started: when they began, the newest first, at least as far back as the policy's `window`; also the running ones.
    cooling_since: when the newest one ended that was not a failed try of this very incident.
    """

    running: int = 0
    started: tuple[datetime, ...] = ()
    cooling_since: datetime | None = None


@dataclass(frozen=True)
class Approval:
    """Who agreed, and when. `person_id` tells two people of one name apart."""

    person_id: str
    name: str
    at: datetime


@dataclass(frozen=True)
class Case:
    """What is known at the moment of the decision.

    attempts: those of this incident since it was last opened, without the one that is decided about, newest first.
    on_resource: by `Proposal.resource`; one that is not in it counts as never repaired.
    everywhere: all repairs of all incidents.
    same_category: repairs of the incident's category, for all incidents, newest first, at least as far back as the
    policy's `breaker.rest`: what the breaker looks at, action by action.
    switched_off: why nothing may be done at all, as people wrote it; empty while repairs are on.
    """

    subject: Subject
    now: datetime
    attempts: tuple[PastAttempt, ...] = ()
    on_resource: Mapping[str, Load] = field(default_factory=dict)
    everywhere: Load = field(default_factory=Load)
    same_category: tuple[PastAttempt, ...] = ()
    switched_off: str = ""
    approvals: tuple[Approval, ...] = ()
