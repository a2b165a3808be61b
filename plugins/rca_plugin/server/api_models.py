"""What goes in and out of the JSON API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AwareDatetime, Field
from sqlalchemy.orm import Session

from rca_plugin.core.category import Category, Severity
from rca_plugin.core.classification import Classification
from rca_plugin.core.delivery import DeliveryState, Destination
from rca_plugin.core.evidence import Fact
from rca_plugin.core.failure import Source
from rca_plugin.core.incident import Kind, Status, incident_label
from rca_plugin.server import audit, deliveries, incidents, remediations, storm, ticket_store
from rca_plugin.server.api_base import In as In
from rca_plugin.server.api_base import Out as Out
from rca_plugin.server.api_remediation_models import RemediationSummary
from rca_plugin.server.models import Incident, Ticket
from rca_plugin.server.similar import SimilarIncident
from rca_plugin.server.storm_first import has_no_message
from rca_plugin.server.ticket_overruled import overruled

IncidentId = Annotated[int, Path(ge=1, le=2**63 - 1, examples=[42], description="The number in RCA-42.")]


_ID = Field(ge=1, le=2**63 - 1)


class ProblemDetail(Out):
    """What went wrong."""

    code: str = Field(examples=["unauthenticated"], description="Stable: for programs.")
    message: str = Field(examples=["sign in to Airflow, or send its API token"], description="For people.")


class Problem(Out):
    """The body of every answer that is not a success."""

    error: ProblemDetail


class Health(Out):
    """Whether incidents can be taken in and analyzed now."""

    status: Literal["ok", "degraded"]
    problems: list[str] = Field(examples=[["DAG rca_incident is paused: unpause it in the Airflow UI"]])
    waiting_incidents: int
    version: str


ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "Nobody we know is calling."},
    404: {"model": Problem, "description": "There is no such incident, or you may not see it."},
}


class IncidentFilter(In):
    """Which incidents, in which order."""

    status: Annotated[
        Status | Literal["", "active", "unresolved"],
        Field(description="`active` is open or acknowledged, `unresolved` also suppressed."),
    ] = ""
    source: Source | Literal[""] = ""
    category: Category | Literal[""] = ""
    priority: Literal["", "P1", "P2", "P3", "P4"] = ""
    kind: Kind | Literal[""] = ""
    parent: Annotated[int | None, _ID, Field(description="Attached to the incident of this number.")] = None
    silence: Annotated[int | None, _ID, Field(description="Kept quiet by the silence of this number.")] = None
    text: Annotated[str, Field(max_length=200, description="Words in resource or title, or RCA-42.")] = ""
    sort: Literal[
        "last_failure_at", "first_failure_at", "priority", "failure_count", "resource", "category", "status", "id"
    ] = "last_failure_at"  # fmt: skip
    descending: bool = True
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=incidents.MAX_PAGE_SIZE)] = incidents.PAGE_SIZE

    def to_query(self) -> incidents.IncidentQuery:
        """The same as a query."""
        return incidents.IncidentQuery(**self.model_dump(mode="json"))


class IncidentSummary(Out):
    """One line of the list."""

    id: int = Field(examples=[42])
    source: str = Field(examples=["airflow"])
    resource: str = Field(examples=["orders_daily/load"])
    environment: str = Field(examples=["production"])
    title: str = Field(examples=["OperationalError: could not connect to server"])
    owner: str | None
    category: str = Field(examples=["connection_error"])
    severity: str = Field(examples=["High"])
    priority: str = Field(examples=["P2"])
    confidence: float = Field(examples=[0.9], description="Of the category, 0 to 1.")
    kind: str = Field(
        examples=["failure"], description="`failure`, or `storm` for a storm of other incidents."
    )
    status: str = Field(examples=["open"])
    suppressed_by: str | None = Field(examples=["silence"], description="What keeps it quiet.")
    suppressed_why: str | None
    parent_id: int | None = Field(description="The incident that it is attached to.")
    silence_id: int | None
    opened_at: datetime
    assignee: str | None = Field(examples=["Ada Lovelace"])
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    response_due_at: datetime | None = Field(description="Until when somebody has to acknowledge it.")
    resolve_due_at: datetime | None = Field(description="Until when it has to be over.")
    resolved_at: datetime | None
    resolved_how: str | None
    reopened_count: int
    flapping: bool = Field(description="It comes back often.")
    failure_count: int = Field(examples=[3])
    first_failure_at: datetime
    last_failure_at: datetime
    rca_run_id: str | None = Field(
        examples=["RCA-42_20261124T030000123456"], description="The run of DAG rca_incident."
    )
    analysis_problem: str | None = Field(description="Why there is no analysis yet.")
    analysis: dict[str, Any] | None


class IncidentPage(Out):
    """One page of the list."""

    incidents: list[IncidentSummary]
    total: int


class FailureOut(Out):
    """One failure event of an incident."""

    source: str
    dag_id: str | None
    run_id: str | None
    task_id: str | None
    map_index: int
    try_number: int
    final: bool = Field(description="False for a try that Airflow retried.")
    occurred_at: datetime
    reported_by: str
    operator: str | None
    code: str | None
    message: str
    detail: str
    labels: dict[str, Any] = Field(examples=[{"cluster_id": "0612-123456-abc"}])
    url: str | None = Field(description="Its page where it was seen.")


class TimelineEntry(Out):
    """One thing that happened to an incident."""

    seq: int
    at: datetime
    actor: str
    action: str
    detail: dict[str, Any]


class EvidenceOut(Out):
    """One numbered fact."""

    id: str = Field(examples=["E1"])
    kind: str = Field(examples=["log"])
    source: str = Field(examples=["airflow task log, try 1"])
    observed_at: datetime | None
    text: str


class EvidenceList(Out):
    """The evidence of an incident."""

    evidence: list[EvidenceOut]


class DeliveryOut(Out):
    """What an incident brings to a place outside of Airflow, and how far it is."""

    destination: Destination
    state: DeliveryState
    tries: int = Field(description="Since it was there last.")
    next_try_at: datetime
    problem: str
    reference: str | None = Field(
        examples=["https://…/2026/11/25/RCA-42"], description="What it became there."
    )
    delivered_at: datetime | None


class TicketOut(Out):
    """The ticket that an incident became, as it was heard of last."""

    key: str = Field(examples=["DATA-7"])
    url: str
    external_status: str | None = Field(examples=["In Progress"])
    external_category: str | None = Field(examples=["indeterminate"])
    external_assignee: str | None
    external_priority: str | None = Field(examples=["High"])
    overruled: dict[str, datetime | None] = Field(
        examples=[{"status": "2026-11-25T12:00:00Z"}],
        description="Fields in which the ticket is to become like the incident. Changes there up to this time do not "
        "count; none does where it is null.",
    )
    deleted_at: datetime | None

    @classmethod
    def of(cls, ticket: Ticket) -> TicketOut:
        """Of a ticket."""
        shown = {name: getattr(ticket, name) for name in cls.model_fields.keys() - {"overruled"}}
        until = overruled(ticket).until
        return cls(**shown, overruled={field.value: at for field, at in until.items()})


class IncidentDetail(IncidentSummary):
    """One incident with all that belongs to it."""

    label: str = Field(examples=["RCA-42"])
    fingerprint: str = Field(description="The same for failures with the same cause on the same resource.")
    rule: str | None
    evidence: list[EvidenceOut]
    failures: list[FailureOut] = Field(description="The newest 100, newest first.")
    timeline: list[TimelineEntry]
    deliveries: list[DeliveryOut]
    tickets: list[TicketOut] = Field(
        description="Newest first; there is more than one where one was deleted."
    )
    remediations: list[RemediationSummary] = Field(description="The attempts to repair it, newest first.")
    storm: str | None = Field(examples=["RCA-7"], description="The storm whose message speaks for it.")

    @classmethod
    def load(cls, session: Session, incident: Incident) -> IncidentDetail:
        """Read what belongs to an incident."""
        summary = IncidentSummary.model_validate(incident).model_dump()
        whole = storm.around(session, incident)
        return cls(
            **summary,
            label=incident_label(incident.id),
            fingerprint=incident.fingerprint,
            rule=incident.rule,
            evidence=[EvidenceOut.model_validate(fact) for fact in incident.evidence or []],
            failures=[FailureOut.model_validate(f) for f in incidents.failures_of(session, incident.id)],
            timeline=[TimelineEntry.model_validate(e) for e in audit.timeline(session, incident.id)],
            deliveries=[DeliveryOut.model_validate(d) for d in deliveries.of_incident(session, incident.id)],
            tickets=[TicketOut.of(t) for t in ticket_store.of_incident(session, incident.id)],
            remediations=[
                RemediationSummary.of(session, r) for r in remediations.of_incident(session, incident.id)
            ],
            storm=incident_label(whole.id) if whole and not has_no_message(session, whole) else None,
        )


class SimilarOut(Out):
    """A past incident that tells something about the one in question, and what became of it."""

    id: int = Field(examples=[17])
    label: str = Field(examples=["RCA-17"])
    source: str = Field(examples=["airflow"])
    resource: str = Field(examples=["orders_daily/load"])
    title: str = Field(examples=["OperationalError: could not connect to server"])
    category: str = Field(examples=["connection_error"])
    status: str = Field(examples=["closed"])
    opened_at: datetime
    score: float = Field(
        examples=[0.87], description="How much it tells, 0 to 1: half as much after 20 days."
    )
    times: int = Field(examples=[3], description="How often the same happened before, this one included.")
    siblings: int = Field(
        description="How many others with the same error, from the same hour, it stands for."
    )
    resolved_at: datetime | None
    resolved_how: str | None = Field(examples=["The password was renewed."])
    resolved_by: str | None = Field(examples=["ada"])
    seconds_to_resolve: float | None = Field(description="From its first failure on.")

    @classmethod
    def of(cls, found: SimilarIncident) -> SimilarOut:
        """The same for the API."""
        past = found.incident
        names = (
            "id",
            "source",
            "resource",
            "title",
            "category",
            "status",
            "opened_at",
            "resolved_at",
            "resolved_how",
        )
        return cls(
            **{name: getattr(past, name) for name in names},
            label=incident_label(past.id),
            score=round(found.score, 3),
            times=found.times,
            siblings=found.siblings,
            resolved_by=found.resolved_by,
            seconds_to_resolve=None if found.resolved_after is None else found.resolved_after.total_seconds(),
        )


class SimilarList(Out):
    """The past incidents that tell most, best first."""

    incidents: list[SimilarOut]


class FactIn(In):
    """What a worker found out where the failure happened, not redacted yet."""

    kind: Annotated[str, Field(min_length=1, max_length=30, examples=["run_output"])]
    source: Annotated[str, Field(min_length=1, max_length=200, examples=["databricks run 41"])]
    observed_at: AwareDatetime | None = None
    text: Annotated[str, Field(max_length=64_000)]

    def to_fact(self) -> Fact:
        """The same as a value."""
        return Fact(self.kind, self.source, self.observed_at, self.text)


class CollectEvidence(In):
    """Whether to wait for what is still to come, and what was found outside of Airflow."""

    wait: bool = True
    facts: Annotated[list[FactIn], Field(max_length=40, default_factory=list)]


class ClassificationIn(In):
    """What an incident was classified as."""

    category: Category
    rule: Annotated[str, Field(max_length=200)] | None
    matched: Annotated[str, Field(max_length=4_000)]
    confidence: Annotated[float, Field(ge=0, le=1)]
    severity: Severity
    remediable: bool

    def to_classification(self) -> Classification:
        """The same as a value."""
        return Classification(**{name: getattr(self, name) for name in type(self).model_fields})


class Recorded(Out):
    """It is kept."""

    incident_id: int


class Reconciled(Out):
    """How many unreported failures were taken in, and whether there are more."""

    taken_in: int
    more: bool


class Settled(Out):
    """How many incidents were resolved because they work again, closed after their time, and filed."""

    resolved: int
    closed: int
    filed: int = Field(description="So that later ones that resemble them find them.")
    repairs: int = Field(description="Concluded because their run had ended.")


class HandedOff(Out):
    """How many waiting incidents were handed off, and why the others still wait."""

    handed_off: int
    still_waiting: int
    reason: str | None
