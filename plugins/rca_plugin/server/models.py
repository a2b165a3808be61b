"""The tables, in a metadata of their own beside Airflow's."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from airflow.models.base import _get_schema, naming_convention
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Index, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite counts up only a primary key that is INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Base of all rca_ tables."""

    metadata = MetaData(schema=_get_schema(), naming_convention=naming_convention)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }


class Incident(Base):
    """What people work on: one open incident for each fingerprint, for any number of failures."""

    __tablename__ = "rca_incident"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
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
    rule: Mapped[str | None] = mapped_column(String(200))
    confidence: Mapped[float] = mapped_column(Float)
    status: Mapped[str] = mapped_column(String(20))
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

    __table_args__ = (
        Index("idx_rca_failure_incident_id", "incident_id", "occurred_at"),
        Index("idx_rca_failure_task", "dag_id", "run_id", "task_id", "map_index", "try_number"),
    )


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
