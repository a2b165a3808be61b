"""A run of a Databricks job that failed, as a repair of it needs to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from rca_plugin.worker.failure_case import failure_of
from rca_plugin.worker.integrations.databricks import Subject, same
from rca_plugin.worker.repairs.databricks_workspace import GET_RUN, Workspace
from rca_plugin.worker.repairs.repair import FAILED, RUNNING, SUCCEEDED, Look, NothingToProposeError, said

_OVER = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
#: Not on the way that the run took, or switched off by people.
_NOT_WANTED = ("EXCLUDED", "DISABLED")
#: With some tasks failed that the job allows to fail.
_WELL = ("SUCCESS", "SUCCESS_WITH_FAILURES")


@dataclass(frozen=True)
class FailedRun:
    """What Databricks says of it; `answer` is that of runs/get, with all its tasks."""

    about: Subject
    run_id: int
    answer: Mapping[str, Any]

    @classmethod
    def of(cls, incident: Mapping[str, Any]) -> FailedRun:
        """The one that the newest failure of an incident names.

        Raises NothingToProposeError where it names none, or it is no failed one, and what keeps Databricks from saying.
        """
        about = Subject.of_labels(failure_of(incident)["labels"])
        if about.run_id is None:
            raise NothingToProposeError("the report names no run of a job")
        answer = same(Workspace(about.workspace_id).ask(lambda hook: hook.get_run(about.run_id)), about)
        if look_at(answer.get("state")).state != FAILED:
            raise NothingToProposeError(f"run {about.run_id} is not one that ended and failed")
        return cls(about, about.run_id, answer)

    @property
    def job_id(self) -> int:
        """Raises NothingToProposeError for a run that was only submitted: nothing of it is kept."""
        found = self.answer.get("job_id")
        if self.answer.get("run_type") == "SUBMIT_RUN" or not isinstance(found, int):
            raise NothingToProposeError(f"run {self.run_id} belongs to no job")
        return found

    @property
    def tasks(self) -> list[Mapping[str, Any]]:
        """The newest attempt of each task."""
        newest = {task["task_key"]: task for task in self.answer.get("tasks") or ()}
        return list(newest.values())

    @property
    def unfinished(self) -> list[str]:
        """The tasks that did not succeed: what a repair runs again."""
        names = [task["task_key"] for task in self.tasks if not _is_done(task.get("state"))]
        return names or [self._name]

    @property
    def _name(self) -> str:
        return str(self.answer.get("run_name") or self.run_id)

    @property
    def resource(self) -> str:
        """What the limits count by."""
        return f"job:{self.about.workspace_id or '-'}/{self.job_id}"


def _is_done(state: Any) -> bool:
    """Whether a task has succeeded, or was not to run at all."""
    result = state.get("result_state") if isinstance(state, Mapping) else None
    return result in _NOT_WANTED or look_at(state).state == SUCCEEDED


def look_at(state: Any) -> Look:
    """How a run, a task or a repair stands."""
    said_of = state if isinstance(state, Mapping) else {}
    life, result = said_of.get("life_cycle_state"), said_of.get("result_state")
    text = said(f"{result or life or 'no state'}: {said_of.get('state_message') or ''}".rstrip(": "))
    if life not in _OVER or (life == "TERMINATED" and not result):
        return Look(RUNNING, text)
    return Look(SUCCEEDED if result in _WELL else FAILED, text)


def repairs_of(workspace: Workspace, run_id: int) -> list[dict[str, Any]]:
    """The repairs of a run, oldest first. The run itself stands in the history too, without an id."""
    answer = workspace.read(GET_RUN, {"run_id": run_id, "include_history": "true"})
    history = answer.get("repair_history") or []
    return [entry for entry in history if isinstance(entry, dict) and entry.get("type") == "REPAIR"]


def page_of(workspace: Workspace, run_id: int) -> str | None:
    """Where people see the run; None where it cannot be had: it is only for people."""
    try:
        return str(workspace.ask(partial(_page, run_id)))
    except Exception:
        return None


def _page(run_id: int, hook: Any) -> str:
    return str(hook.get_run_page_url(run_id))
