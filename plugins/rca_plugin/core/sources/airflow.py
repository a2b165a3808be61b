"""What our listener and callback send: one failed try of a task instance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
)

from rca_plugin.core.failure import Failure, Report, Source, TaskRef, task_event_key
from rca_plugin.core.sources.fields import as_utc
from rca_plugin.core.text import clean

# Airflow's identifiers are at most 250 characters (airflow.models.base.ID_LEN) and hold no control characters.
Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=250, pattern=r"^[^\x00-\x1f\x7f]+$", strict=True)
]
Text = Annotated[str, Field(max_length=200_000, strict=True)]
_RETRY_DECISION = "retry_decision"


class AirflowReport(BaseModel):
    """The body of POST /pluginsv2/rca/webhooks/airflow."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dag_id: Identifier
    run_id: Identifier
    task_id: Identifier
    map_index: Annotated[int, Field(ge=-1, le=2**31 - 1, strict=True)] = -1
    try_number: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
    will_retry: Annotated[bool, Field(strict=True)] = False
    occurred_at: Annotated[AwareDatetime, AfterValidator(as_utc)]
    exception_type: Text | None = None
    message: Text = ""
    traceback: Text = ""
    operator: Annotated[str, Field(max_length=250, strict=True)] | None = None
    owner: Annotated[str, Field(max_length=500, strict=True)] | None = None
    reported_by: Annotated[str, StringConstraints(pattern=r"^(listener|callback)$", strict=True)] = "listener"
    retry_decision: Annotated[str, Field(max_length=500, strict=True)] | None = None


_REPORT: TypeAdapter[AirflowReport] = TypeAdapter(AirflowReport)


def parse(body: object, _received_at: datetime) -> Report:
    """Read a report.

    Raises pydantic.ValidationError when the body is not one.
    """
    report = _REPORT.validate_python(body)
    task = TaskRef(report.dag_id, report.run_id, report.task_id, report.map_index, report.try_number)
    failure = task_failure(
        task,
        occurred_at=report.occurred_at,
        exception_type=report.exception_type,
        text=report.message,
        detail=report.traceback,
        final=not report.will_retry,
        operator=report.operator,
        owner=report.owner,
        reported_by=report.reported_by,
        retry_decision=report.retry_decision,
    )
    return Report((failure,))


def task_failure(
    task: TaskRef,
    *,
    occurred_at: datetime,
    exception_type: str | None,
    text: str,
    detail: str = "",
    final: bool = True,
    operator: str | None = None,
    owner: str | None = None,
    reported_by: str,
    retry_decision: str | None = None,
) -> Failure:
    """A failed task instance try, or DAG run, cleaned; what is stored of it is for the server to say."""
    return Failure(
        source=Source.AIRFLOW,
        event_key=task_event_key(task),
        resource=task.resource,
        occurred_at=occurred_at,
        message=message_line(exception_type, text),
        task=task,
        final=final,
        detail=clean(detail),
        operator=clean(operator or "") or None,
        owner=clean(owner or "") or None,
        reported_by=reported_by,
        labels={_RETRY_DECISION: clean(retry_decision)} if retry_decision else {},
    )


def retry_decision(labels: Mapping[str, str]) -> dict[str, str]:
    """Of the labels of a failed try, the one that says what a retry policy decided, and why; or none."""
    return {name: text for name, text in labels.items() if name == _RETRY_DECISION}


def message_line(exception_type: str | None, text: str) -> str:
    """`Type: text`, the same whether it comes from the live exception or from the log of the try.

    The type is the bare class name, because that is all the log of Airflow 3.3 keeps.
    """
    name = clean(exception_type or "").rpartition(".")[2]
    message = clean(text).strip()
    return f"{name}: {message}" if name and message else name or message
