"""The process of Airflow that follows what a repair has started."""

from __future__ import annotations

from airflow.jobs.job import most_recent_job
from sqlalchemy.orm import Session

# As TriggererJobRunner of Airflow 3.3 calls it, whose import takes a second.
_JOB_TYPE = "TriggererJob"


def is_alive(session: Session) -> bool:
    """Whether one was heard of of late."""
    job = most_recent_job(_JOB_TYPE, session=session)
    return job is not None and job.is_alive()
