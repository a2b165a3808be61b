"""What goes in and out of the JSON API about repairs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import Field, ValidationError
from sqlalchemy.orm import Session

from rca_plugin.core.incident import incident_label
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.state import RemediationState
from rca_plugin.server import airflow_repair, approval_answers, approvals
from rca_plugin.server.api_base import In, Out
from rca_plugin.server.models import Remediation, Switch
from rca_plugin.server.remediation_outcome import Outcome

RemediationId = Annotated[int, Path(ge=1, le=2**63 - 1)]
_Text = Annotated[str, Field(max_length=2_000)]
Days = Annotated[int, Field(ge=1, le=365)]


class RepairOption(Out):
    """An action worth proposing."""

    action: str = Field(examples=["databricks_repair_run"])
    settings: dict[str, Any] = Field(
        description="What it has to know, such as the node types to fall back to."
    )


class RepairOptions(Out):
    """The actions in the order in which they are tried."""

    options: list[RepairOption]
    why_not: str = Field(description="Why there are none.")


class PlanIn(In):
    """What could be done, as somebody looked it up who can; each is what `Proposal.to_json` writes."""

    proposals: Annotated[list[dict[str, Any]], Field(max_length=20)]
    problems: Annotated[list[_Text], Field(max_length=20, default_factory=list)]
    dry_run: bool = False

    def to_proposals(self) -> list[Proposal]:
        """The same as values. Raises ProposalError."""
        return [Proposal.from_json(one) for one in self.proposals]


class PlanOut(Out):
    """What was decided, and the repair that follows."""

    decision: dict[str, Any]
    remediation_id: int | None


class ApprovalOut(Out):
    """Who agreed."""

    name: str
    at: datetime


class RemediationSummary(Out):
    """One attempt to repair, in short."""

    id: int
    attempt: int
    action: str = Field(examples=["airflow_clear"])
    state: RemediationState
    mode: str
    risk: str | None
    resource: str = Field(description="What is repaired.", examples=["orders_daily/load"])
    outcome: str | None
    approvals_needed: int
    approvals: list[ApprovalOut]
    blast_radius: list[str] = Field(description="Exactly what it touches.")
    planned_at: datetime
    expires_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    external_url: str | None
    followed_by: Literal["resolved", "next_attempt", "escalated", "ended"] | None = Field(
        description="What followed when it had ended."
    )

    @classmethod
    def of(cls, session: Session, row: Remediation) -> RemediationSummary:
        """The same for the API."""
        return cls(**_short(session, row))


class RemediationOut(RemediationSummary):
    """One attempt to repair, with all that belongs to it."""

    incident_id: int
    label: str = Field(examples=["RCA-42"])
    target: dict[str, Any]
    rules: list[dict[str, Any]]
    not_before: datetime
    intent_at: datetime | None
    external_run_id: str | None
    subject: str = Field(description="What people are asked, in one line.")
    body: str = Field(description="The same at length, in Markdown.")
    run_id: str | None = Field(description="The run of DAG rca_remediation.")
    rejected: bool = Field(description="Somebody said no, or nobody answered in time.")
    observed: Literal["running", "succeeded", "failed"] | None = Field(
        description="What can be seen here: of tasks of Airflow, and what a playbook said."
    )

    @classmethod
    def of(cls, session: Session, row: Remediation) -> RemediationOut:
        """The same for the API."""
        names = ("incident_id", "not_before", "external_run_id", "subject", "body", "run_id")
        proposal = row.decision["proposal"]
        return cls(
            **_short(session, row),
            **{name: getattr(row, name) for name in names},
            label=incident_label(row.incident_id),
            target=proposal["target"],
            rules=row.decision["rules"],
            intent_at=row.begun_at,
            rejected=approval_answers.rejection(session, row) is not None,
            observed=_observed(session, row),
        )


class Remediations(Out):
    """The newest 50, newest first."""

    remediations: list[RemediationOut]


class BegunOut(Out):
    """Whether to act."""

    granted: bool
    reason: str = Field(description="Why not.")
    begun_before: bool = Field(description="Somebody was about to act before: look for what became of that.")
    intent_at: datetime | None
    external_run_id: str | None
    action: str
    target: dict[str, Any]


class StartedIn(In):
    """What it became outside."""

    external_run_id: Annotated[str, Field(min_length=1, max_length=500)]
    external_url: Annotated[str | None, Field(max_length=2_000)] = None


class OutcomeIn(In):
    """What came of it."""

    outcome: Outcome
    text: _Text = ""
    proposals: Annotated[
        list[dict[str, Any]],
        Field(max_length=20, default_factory=list, description="For the next attempt, looked up anew."),
    ]


class OutcomeOut(Out):
    """What follows."""

    then: Literal["resolved", "next_attempt", "escalated", "ended"]
    remediation_id: int | None = Field(description="The next attempt.")


class ReportIn(In):
    """What a playbook says of itself. It names its repair, or a signed word could be said again to another one."""

    remediation_id: int
    outcome: Literal["succeeded", "failed"]
    text: _Text = ""

    @classmethod
    def read(cls, body: bytes, remediation_id: int) -> ReportIn:
        """Read what is said of this repair. Raises ValueError, which does not repeat what was sent."""
        try:
            report = cls.model_validate_json(body)
        except ValidationError:
            said = "outcome: succeeded or failed; text: at most 2000 characters"
            raise ValueError(f"remediation_id: a number; {said}") from None
        if report.remediation_id != remediation_id:
            raise ValueError("remediation_id: not the one in the address")
        return report


class AnswerIn(In):
    """Yes or no."""

    approve: bool


class SwitchIn(In):
    """Whether repairs are on, and why not."""

    on: bool
    reason: Annotated[str, Field(max_length=500)] = ""


class SwitchOut(Out):
    """Whether repairs are on. `off` says why nothing is repaired now; empty while repairs are on."""

    on: bool
    by: str | None
    at: datetime | None
    reason: str
    off: str

    @classmethod
    def of(cls, switch: Switch, off: str) -> SwitchOut:
        """The same for the API."""
        return cls(on=switch.on, by=switch.by, at=switch.at, reason=switch.reason, off=off)


class TallyOut(Out):
    """What came of the repairs of one category, by one action, in one mode."""

    category: str
    action: str
    mode: str
    proposed: int
    approved: int
    succeeded: int
    failed: int
    would_have_succeeded: int
    failed_again: int
    unknown: int
    says: str = Field(examples=["in suggest mode the last 30 days: 41 proposals, 38 would have succeeded"])


class RecordOut(Out):
    """The numbers beside each step from off to auto."""

    days: int
    record: list[TallyOut]


class BacktestIn(In):
    """How far back."""

    days: Days = 30


class ReplayedOut(Out):
    """What would have been decided about one incident."""

    incident_id: int
    label: str
    opened_at: datetime
    source: str
    resource: str
    category: str
    hindsight: str
    decision: dict[str, Any]


class BacktestOut(Out):
    """Oldest first; `more` says that there were more incidents than are looked at."""

    days: int
    incidents: list[ReplayedOut]
    counts: dict[str, int] = Field(examples=[{"ask": 12, "refuse": 3}])
    more: bool


def _short(session: Session, row: Remediation) -> dict[str, Any]:
    names = (
        "id",
        "attempt",
        "action",
        "state",
        "mode",
        "resource",
        "outcome",
        "planned_at",
        "expires_at",
        "external_url",
        "followed_by",
    )
    waiting = row.state == RemediationState.WAITING.value
    agreed = approvals.approvals_to_json(session, row) if waiting else row.approvals
    return {name: getattr(row, name) for name in names} | {
        "risk": row.decision["risk"],
        "approvals_needed": row.decision["approvals_needed"],
        "approvals": [ApprovalOut.model_validate(one) for one in agreed],
        "blast_radius": row.decision["proposal"]["blast_radius"],
        "started_at": row.begun_at,
        "finished_at": row.ended_at,
    }


def _observed(session: Session, row: Remediation) -> Any:
    if row.begun_at is None:
        return None
    if row.action in airflow_repair.ACTIONS:
        return airflow_repair.observed(session, row.decision["proposal"]["target"])
    return row.reported
