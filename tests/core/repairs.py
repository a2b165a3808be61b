"""A repair that policy allows, and everything around it: tests change one thing of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from rca_plugin.core.category import Category, Priority
from rca_plugin.core.data import data_folder
from rca_plugin.core.incident import Status
from rca_plugin.core.knowledge_files import load_knowledge
from rca_plugin.core.remediation.case import Approval, Case, PastAttempt, Subject
from rca_plugin.core.remediation.policy import Policy
from rca_plugin.core.remediation.policy_file import load_policy
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.state import Mode, RemediationState

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=timezone.utc)
KNOWLEDGE = load_knowledge(data_folder())
SHIPPED = load_policy(data_folder() / "remediation.yaml")
RESOURCE = "orders_daily/load"
ADA, BOB = Approval("1", "ada", NOW), Approval("2", "bob", NOW)


def policy(**changes: Any) -> Policy:
    """Everything without asking, as far as that is possible."""
    return replace(SHIPPED, **{"mode": Mode.AUTO, **changes})


def subject(**changes: Any) -> Subject:
    return Subject(
        **{
            "category": Category.CONNECTION_ERROR, "category_by": "rules", "status": Status.OPEN,
            "priority": Priority.P2, "priority_by_rules": Priority.P2, "environment": "production",
            "source": "airflow", "resource": RESOURCE, **changes,
        }
    )  # fmt: skip


def case(**changes: Any) -> Case:
    """A case; what belongs to its subject may be given by its name too."""
    of_case = {name: changes.pop(name) for name in [*changes] if name in Case.__dataclass_fields__}
    return Case(**{"subject": subject(**changes), "now": NOW, **of_case})


def proposal(action: str = "airflow_clear", **changes: Any) -> Proposal:
    return Proposal(
        **{
            "action": action, "resource": RESOURCE, "target": {"dag_id": "orders_daily"},
            "blast_radius": ("orders_daily/load", "orders_daily/report"), **changes,
        }
    )  # fmt: skip


def attempt(
    state: RemediationState = RemediationState.FAILED,
    minutes_ago: float = 1,
    action: str = "airflow_clear",
    failed_again: bool = False,
) -> PastAttempt:
    ended = None if state is RemediationState.RUNNING else NOW - timedelta(minutes=minutes_ago)
    return PastAttempt(action, state, ended, failed_again)
