"""The words for what kind of failure it is, and how bad."""

from __future__ import annotations

from enum import Enum


class Category(str, Enum):
    """What kind of failure this is. `unknown` is a legal answer and better than a wrong one."""

    CLUSTER_STOCKOUT = "cluster_stockout"
    DRIVER_UNRESPONSIVE = "driver_unresponsive"
    BOOTSTRAP_TIMEOUT = "bootstrap_timeout"
    SPOT_PREEMPTION = "spot_preemption"
    CONNECTION_ERROR = "connection_error"
    TIMEOUT = "timeout"
    SENSOR_TIMEOUT = "sensor_timeout"
    API_ERROR = "api_error"
    NETWORK_TRANSIENT = "network_transient"
    DNS = "dns"
    POOL_EXHAUSTION = "pool_exhaustion"
    CONCURRENCY_CONFLICT = "concurrency_conflict"
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_LOST = "worker_lost"
    AUTH_PERMISSION = "auth_permission"
    SCHEMA_VALIDATION = "schema_validation"
    DATA_QUALITY = "data_quality"
    APPLICATION_BUG = "application_bug"
    QUOTA_EXCEEDED = "quota_exceeded"
    MISSING_DATA = "missing_data"
    CONFIGURATION_ERROR = "configuration_error"
    DEPENDENCY_FAILURE = "dependency_failure"
    STORAGE_FULL = "storage_full"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


class Severity(str, Enum):
    """How much it hurts when nobody looks."""

    CRITICAL = "Critical"
    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"

    def __str__(self) -> str:
        return self.value


class Priority(str, Enum):
    """In which order people look; follows from the severity."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"

    def __str__(self) -> str:
        return self.value


PRIORITY_OF: dict[Severity, Priority] = dict(zip(Severity, Priority, strict=True))

#: Repeating the work cannot help these; no rule, model or person's setting makes them remediable.
NOT_REMEDIABLE: frozenset[Category] = frozenset(
    {
        Category.AUTH_PERMISSION,
        Category.SCHEMA_VALIDATION,
        Category.DATA_QUALITY,
        Category.APPLICATION_BUG,
        Category.QUOTA_EXCEEDED,
    }
)


def priority_of(severity: Severity) -> Priority:
    """P1 for Critical down to P4 for Low."""
    return PRIORITY_OF[severity]
