"""The tables, in a metadata of their own beside Airflow's."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from airflow.models.base import _get_schema, naming_convention
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
)
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite counts up only a primary key that is INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")
# MySQL's TEXT ends at 64 KiB.
LongText = Text().with_variant(MEDIUMTEXT, "mysql")


class Base(DeclarativeBase):
    """Base of all rca_ tables."""

    metadata = MetaData(schema=_get_schema(), naming_convention=naming_convention)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }


class Incident(Base):
    """What people work on: one open incident for each fingerprint, for any number of failures.

    A storm (`kind`) has no failures of its own: what happened is on the incidents attached to it.
    """

    __tablename__ = "rca_incident"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    fingerprint: Mapped[str] = mapped_column(String(64))
    # The fingerprint while the incident is not closed, else NULL: every database keeps that unique,
    # where a partial unique index would be missing on MySQL.
    open_fingerprint: Mapped[str | None] = mapped_column(String(64), unique=True)
    source: Mapped[str] = mapped_column(String(20))
    resource: Mapped[str] = mapped_column(String(510))
    dag_id: Mapped[str | None] = mapped_column(String(250))
    environment: Mapped[str] = mapped_column(String(50))
    title: Mapped[str] = mapped_column(Text)
    owner: Mapped[str | None] = mapped_column(String(500))
    category: Mapped[str] = mapped_column(String(40))
    severity: Mapped[str] = mapped_column(String(20))
    priority: Mapped[str] = mapped_column(String(2))
    # Who set the priority; NULL: it follows from the severity.
    priority_by: Mapped[str | None] = mapped_column(String(250))
    rule: Mapped[str | None] = mapped_column(String(200))
    confidence: Mapped[float] = mapped_column(Float)
    status: Mapped[str] = mapped_column(String(20))
    # Why it stays quiet while its status is `suppressed`: another incident (`parent_id`) or a silence.
    suppressed_by: Mapped[str | None] = mapped_column(String(20))
    suppressed_why: Mapped[str | None] = mapped_column(Text)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("rca_incident.id", ondelete="SET NULL"))
    silence_id: Mapped[int | None] = mapped_column(ForeignKey("rca_silence.id", ondelete="SET NULL"))
    # What it has in common with the other incidents of a storm.
    cause: Mapped[str] = mapped_column(String(64))
    opened_at: Mapped[datetime]
    assignee: Mapped[str | None] = mapped_column(String(250))
    # Since it opened, or was opened again, last.
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(String(250))
    # NULL for incidents from before there were due times.
    response_due_at: Mapped[datetime | None]
    resolve_due_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    resolved_how: Mapped[str | None] = mapped_column(Text)
    reopened_count: Mapped[int] = mapped_column(Integer)
    flapping: Mapped[bool] = mapped_column(Boolean)
    failure_count: Mapped[int] = mapped_column(Integer)
    first_failure_at: Mapped[datetime]
    last_failure_at: Mapped[datetime]
    rca_run_id: Mapped[str | None] = mapped_column(String(250))
    # Why there is no analysis: the RCA DAG could not take the incident (then `rca_run_id` is NULL too), or failed.
    analysis_problem: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[list[Any] | None]
    analysis: Mapped[dict[str, Any] | None]
    analyzed_at: Mapped[datetime | None]

    __table_args__ = (
        Index("idx_rca_incident_fingerprint", "fingerprint"),
        Index("idx_rca_incident_last_failure_at", "last_failure_at"),
        Index("idx_rca_incident_dag_id", "dag_id"),
        Index("idx_rca_incident_rca_run_id", "rca_run_id"),
        Index("idx_rca_incident_parent_id", "parent_id"),
        Index("idx_rca_incident_cause", "cause", "opened_at"),
        Index("idx_rca_incident_source", "source", "opened_at"),
        Index("idx_rca_incident_status", "status", "source"),
        # text_pattern_ops: everything under a resource is found by the beginning of its name.
        Index("idx_rca_incident_resource", "resource", postgresql_ops={"resource": "text_pattern_ops"}),
    )


class FailureRow(Base):
    """One failure event. `incident_id` is NULL for a try that was retried, until a later try fails for good."""

    __tablename__ = "rca_failure"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    event_key: Mapped[str] = mapped_column(String(80), unique=True)
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("rca_incident.id", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(20))
    resource: Mapped[str] = mapped_column(String(510))
    dag_id: Mapped[str | None] = mapped_column(String(250))
    run_id: Mapped[str | None] = mapped_column(String(250))
    task_id: Mapped[str | None] = mapped_column(String(250))
    map_index: Mapped[int] = mapped_column(Integer)
    try_number: Mapped[int] = mapped_column(Integer)
    final: Mapped[bool] = mapped_column(Boolean)
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    reported_by: Mapped[str] = mapped_column(String(20))
    operator: Mapped[str | None] = mapped_column(String(250))
    code: Mapped[str | None] = mapped_column(String(200))
    message: Mapped[str] = mapped_column(Text)
    signature: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    # Names the alert that reported it, as a recovery will.
    alert: Mapped[str | None] = mapped_column(String(80))
    labels: Mapped[dict[str, Any]]
    url: Mapped[str | None] = mapped_column(Text)
    # What its sender said; NULL where it left that to us.
    severity: Mapped[str | None] = mapped_column(String(20))

    __table_args__ = (
        Index("idx_rca_failure_incident_id", "incident_id", "occurred_at"),
        Index("idx_rca_failure_task", "dag_id", "run_id", "task_id", "map_index", "try_number"),
        Index("idx_rca_failure_alert", "alert"),
    )


class SimilarityKey(Base):
    """One thing that similar incidents have in common, as a number (core/similarity.py).

    Every incident that is filed has the key of its fingerprint; the others has only the newest one of a fingerprint,
    which stands for all of them, so that what happens daily does not hide what happened once.
    """

    __tablename__ = "rca_similarity_key"

    # In this order: "the newest that have this key" is read off the index, however many have it.
    key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    incident_id: Mapped[int] = mapped_column(
        Id, ForeignKey("rca_incident.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )

    __table_args__ = (Index("idx_rca_similarity_key_incident_id", "incident_id"),)


class RecoveryRow(Base):
    """A sender's word that something is over. Kept, because it may overtake the failure it belongs to."""

    __tablename__ = "rca_recovery"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    event_key: Mapped[str] = mapped_column(String(80), unique=True)
    source: Mapped[str] = mapped_column(String(20))
    alert: Mapped[str | None] = mapped_column(String(80))
    resource: Mapped[str | None] = mapped_column(String(510))
    reason: Mapped[str] = mapped_column(Text)
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]

    __table_args__ = (Index("idx_rca_recovery_alert", "alert"),)


class Silence(Base):
    """What is known to be broken, and when: incidents that match it are kept quiet.

    Without `recurrence` it holds from `starts_at` to `ends_at`. With one (a cron expression in `time_zone`) it
    holds for `duration_minutes` from each of its times on, within the same two limits.
    """

    __tablename__ = "rca_silence"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    matchers: Mapped[list[Any]]
    reason: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    recurrence: Mapped[str | None] = mapped_column(String(100))
    duration_minutes: Mapped[int | None] = mapped_column(Integer)
    time_zone: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(250))
    # Set when a person ended it before its time.
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(250))

    __table_args__ = (Index("idx_rca_silence_ends_at", "ends_at"),)


class ModelCall(Base):
    """One question to a model: what was asked exactly, what came back, and what it cost, in millionths of a dollar.

    The row is there before anything is sent. While it is `running`, also when its task was killed, what was reserved
    counts as spent. One that took over the answer of an earlier call (`reused_id`) was never sent.
    """

    __tablename__ = "rca_model_call"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("rca_incident.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))
    key: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(200))
    prompt: Mapped[str] = mapped_column(String(200))
    # As text: MySQL's JSON sorts the keys, and then it is not what was sent.
    request: Mapped[str] = mapped_column(LongText)
    answer: Mapped[str | None] = mapped_column(LongText)
    problem: Mapped[str] = mapped_column(Text)
    reused_id: Mapped[int | None] = mapped_column(ForeignKey("rca_model_call.id", ondelete="SET NULL"))
    input_tokens: Mapped[int] = mapped_column(Integer)
    cached_tokens: Mapped[int] = mapped_column(Integer)
    output_tokens: Mapped[int] = mapped_column(Integer)
    seconds: Mapped[float] = mapped_column(Float)
    reserved_micros: Mapped[int] = mapped_column(BigInteger)
    cost_micros: Mapped[int | None] = mapped_column(BigInteger)
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # The model asked to be left alone until then.
    wait_until: Mapped[datetime | None]

    __table_args__ = (
        Index("idx_rca_model_call_incident_id", "incident_id"),
        Index("idx_rca_model_call_key", "key"),
        Index("idx_rca_model_call_reused_id", "reused_id"),
        Index("idx_rca_model_call_wait_until", "wait_until"),
    )


class Spending(Base):
    """What the calls of one day (UTC) cost, and what is reserved for those that run, in millionths of a dollar.

    `needed_micros` is what a call that was refused would have brought it to at most; 0 while none was.
    """

    __tablename__ = "rca_spending"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    micros: Mapped[int] = mapped_column(BigInteger)
    needed_micros: Mapped[int] = mapped_column(BigInteger)


class Feedback(Base):
    """Whether an analysis was any good, as one person sees it. Who wrote the analysis is kept with it."""

    __tablename__ = "rca_feedback"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("rca_incident.id", ondelete="CASCADE"))
    person: Mapped[str] = mapped_column(String(250))
    analyzed_at: Mapped[datetime]
    helpful: Mapped[bool] = mapped_column(Boolean)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    method: Mapped[str] = mapped_column(String(20))
    # Empty where no model wrote it.
    model: Mapped[str] = mapped_column(String(200))
    prompt: Mapped[str] = mapped_column(String(200))

    __table_args__ = (
        Index("idx_rca_feedback_analysis", "incident_id", "analyzed_at", "person", unique=True),
    )


class Delivery(Base):
    """What an incident brings to one place outside of Airflow. There is more to bring while `wanted` is above
    `delivered`: both count the changes of the incident.

    `lease` names the one who is at it, or was last; nobody is once `leased_until` is over or NULL.
    """

    __tablename__ = "rca_delivery"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("rca_incident.id", ondelete="CASCADE"))
    destination: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10))
    wanted: Mapped[int] = mapped_column(Integer)
    delivered: Mapped[int] = mapped_column(Integer)
    delivered_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(Integer)
    next_try_at: Mapped[datetime]
    # Before that nobody tries, whoever asks. NULL: the place did not ask for it.
    left_alone_until: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(Text)
    # What it became there: an address, a key.
    reference: Mapped[str | None] = mapped_column(Text)
    lease: Mapped[str | None] = mapped_column(String(36))
    leased_until: Mapped[datetime | None]

    __table_args__ = (
        Index("idx_rca_delivery_destination", "incident_id", "destination", unique=True),
        Index("idx_rca_delivery_due", "state", "next_try_at"),
    )


class DigestRow(Base):
    """What a channel is told of one day, once. The row is there before anything is posted.

    `content` is what there was to tell when it was first claimed; NULL where there was nothing. `lease` as of a
    delivery.
    """

    __tablename__ = "rca_digest"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    channel: Mapped[str] = mapped_column(String(40))
    day: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(String(10))
    recorded_at: Mapped[datetime]
    content: Mapped[dict[str, Any] | None]
    tries: Mapped[int] = mapped_column(Integer)
    next_try_at: Mapped[datetime]
    problem: Mapped[str] = mapped_column(Text)
    reference: Mapped[str | None] = mapped_column(Text)
    lease: Mapped[str | None] = mapped_column(String(36))
    leased_until: Mapped[datetime | None]

    __table_args__ = (Index("idx_rca_digest_day", "channel", "day", unique=True),)


class Ticket(Base):
    """A ticket that an incident became in a tracker, and what was heard of it last.

    Of each field it is known when it last changed there (`…_at`), by the clock of the tracker: what is older, or said
    again, comes too late. `comments` are those on the timeline, and `brought` is what we brought there ourselves and
    will hear of again, each the newest last.
    """

    __tablename__ = "rca_ticket"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("rca_incident.id", ondelete="CASCADE"))
    system: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(100), unique=True)
    # Its number there, which stays when it is moved and gets another key; NULL until it was heard.
    external_id: Mapped[str | None] = mapped_column(String(40))
    url: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime]
    # NULL as long as nothing was heard.
    external_status: Mapped[str | None] = mapped_column(String(100))
    external_category: Mapped[str | None] = mapped_column(String(20))
    external_assignee: Mapped[str | None] = mapped_column(String(250))
    external_priority: Mapped[str | None] = mapped_column(String(100))
    status_at: Mapped[datetime | None]
    assignee_at: Mapped[datetime | None]
    priority_at: Mapped[datetime | None]
    comments: Mapped[list[Any]]
    brought: Mapped[list[Any]]
    # Fields that were decided here, and when, as long as the ticket is not like that.
    overruled: Mapped[dict[str, Any]]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        Index("idx_rca_ticket_incident_id", "incident_id"),
        Index("idx_rca_ticket_external_id", "external_id"),
    )


class Remediation(Base):
    """One attempt to repair what an incident is about: one run of the DAG that repairs (`run_id`).

    What it would do (`target`) stays as it was decided on, and as people approved it. `begun_at` is written before
    anything is done outside. A repair that is only suggested has no run.
    """

    __tablename__ = "rca_remediation"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("rca_incident.id", ondelete="CASCADE"))
    category: Mapped[str] = mapped_column(String(40))
    attempt: Mapped[int] = mapped_column(Integer)
    action: Mapped[str] = mapped_column(String(60))
    mode: Mapped[str] = mapped_column(String(10))
    # What limits count by.
    resource: Mapped[str] = mapped_column(String(510))
    # As it was decided last, with every rule.
    decision: Mapped[dict[str, Any]]
    # All that could be done, for the next attempt.
    proposals: Mapped[list[Any]]
    state: Mapped[str] = mapped_column(String(10))
    # What people are asked.
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    approvals: Mapped[list[Any]]
    planned_at: Mapped[datetime]
    not_before: Mapped[datetime]
    expires_at: Mapped[datetime]
    run_id: Mapped[str | None] = mapped_column(String(250), unique=True)
    begun_at: Mapped[datetime | None]
    external_run_id: Mapped[str | None] = mapped_column(String(500))
    external_url: Mapped[str | None] = mapped_column(Text)
    # What a playbook said by its callback.
    reported: Mapped[str | None] = mapped_column(String(10))
    reported_text: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    # What followed: resolved, next_attempt (`next_id`), escalated, or nothing.
    followed_by: Mapped[str | None] = mapped_column(String(20))
    next_id: Mapped[int | None] = mapped_column(ForeignKey("rca_remediation.id", ondelete="SET NULL"))

    __table_args__ = (
        Index("idx_rca_remediation_incident_id", "incident_id"),
        Index("idx_rca_remediation_state", "state"),
        Index("idx_rca_remediation_resource", "resource", "begun_at"),
        Index("idx_rca_remediation_begun_at", "begun_at"),
        Index("idx_rca_remediation_category", "category", "planned_at"),
        Index("idx_rca_remediation_next_id", "next_id"),
    )


class Switch(Base):
    """Something that people turn on and off without a deployment. Who holds the row's lock decides alone."""

    __tablename__ = "rca_switch"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    on: Mapped[bool] = mapped_column(Boolean)
    # NULL: nobody has touched it.
    by: Mapped[str | None] = mapped_column(String(250))
    at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text)


class AuditRow(Base):
    """One thing that happened to an incident. Rows are only added, and each names the hash of the one before."""

    __tablename__ = "rca_audit"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("rca_incident.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(250))
    action: Mapped[str] = mapped_column(String(60))
    detail: Mapped[dict[str, Any]]
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (Index("idx_rca_audit_incident_seq", "incident_id", "seq", unique=True),)
