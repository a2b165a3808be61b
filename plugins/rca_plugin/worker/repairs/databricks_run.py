"""Run a Databricks job again: only the tasks that failed, or all of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.worker.repairs.databricks_job import FailedRun, look_at, page_of, repairs_of
from rca_plugin.worker.repairs.databricks_workspace import Workspace
from rca_plugin.worker.repairs.repair import Look, Order, Started

#: With what a run was started, besides what its job says (Jobs API 2.2).
_PARAMETERS = (
    "jar_params", "notebook_params", "python_params", "python_named_params", "spark_submit_params", "sql_params",
    "dbt_commands",
)  # fmt: skip
#: How far the clocks of Databricks and of Airflow may be apart.
_CLOCKS = timedelta(minutes=1)


class RepairRun:
    """Repair a run: the same run goes on with the tasks that did not succeed.

    Databricks takes a repair only with the id of the one before it, so the same order is never taken twice.
    """

    excludes_double = True

    def propose(self, incident: Mapping[str, Any], settings: Mapping[str, Any]) -> Proposal:
        """For the run of a job that failed."""
        return self.proposal("databricks_repair_run", FailedRun.of(incident))

    def proposal(self, action: str, run: FailedRun, *also: str, **more: Any) -> Proposal:
        """To repair a run, and what else is done for it."""
        repairs = repairs_of(Workspace(run.about.workspace_id), run.run_id)
        target = {
            "workspace_id": run.about.workspace_id,
            "job_id": run.job_id,
            "run_id": run.run_id,
            "tasks": run.unfinished,
            "latest_repair_id": repairs[-1]["id"] if repairs else None,
            **more,
        }
        touched = (*also, *(f"task {task} of run {run.run_id}" for task in run.unfinished))
        return Proposal(action, run.resource, target, touched)

    def start(self, order: Order) -> Started:
        """Exactly the tasks that were shown to whoever approved it."""
        target, latest = order.target, _latest(order)
        body = {"run_id": target["run_id"], "rerun_tasks": target["tasks"]}
        if latest is not None:
            body["latest_repair_id"] = latest
        workspace = Workspace(target["workspace_id"])
        return _repair(workspace, target["run_id"], workspace.do(lambda hook: int(hook.repair_run(body))))

    def find(self, order: Order) -> Started | None:
        """The repair that followed the one which was the latest, if it came after the intent."""
        target, latest = order.target, _latest(order)
        workspace = Workspace(target["workspace_id"])
        repairs = repairs_of(workspace, target["run_id"])
        known = [repair["id"] for repair in repairs].index(latest) + 1 if latest is not None else 0
        ours = [repair for repair in repairs[known:] if _since(repair, order)]
        return _repair(workspace, target["run_id"], ours[0]["id"]) if ours else None

    def look(self, order: Order, external_run_id: str) -> Look:
        """How this one repair stands, whatever follows it."""
        run_id, _, repair_id = external_run_id.partition("/")
        repairs = repairs_of(Workspace(order.target["workspace_id"]), int(run_id))
        return look_at(next(repair["state"] for repair in repairs if str(repair["id"]) == repair_id))


class RunNow:
    """Run the job anew, with what the failed run was started with. Databricks knows an order by its token."""

    excludes_double = True

    def propose(self, incident: Mapping[str, Any], settings: Mapping[str, Any]) -> Proposal:
        """For the run of a job that failed."""
        run = FailedRun.of(incident)
        target = {
            "workspace_id": run.about.workspace_id,
            "job_id": run.job_id,
            "run_id": run.run_id,
        }
        names = [str(task["task_key"]) for task in run.tasks] or ["all of it"]
        touched = tuple(f"task {name} of job {run.job_id}" for name in names)
        return Proposal("databricks_run_now", run.resource, target, touched)

    def start(self, order: Order) -> Started:
        """The run with this token, which is a new one only the first time."""
        target, workspace = order.target, Workspace(order.target["workspace_id"])
        # Read again, and kept nowhere: there may be secrets among them.
        failed = workspace.check(lambda hook: hook.get_run(target["run_id"]))
        body = {"job_id": target["job_id"], "idempotency_token": order.token, **_parameters(failed)}
        run_id = workspace.do(lambda hook: int(hook.run_now(body)))
        return Started(str(run_id), page_of(workspace, run_id))

    def find(self, order: Order) -> None:
        """Asking again finds it."""

    def look(self, order: Order, external_run_id: str) -> Look:
        """How the run stands."""
        workspace = Workspace(order.target["workspace_id"])
        return look_at(workspace.ask(lambda hook: hook.get_run(int(external_run_id)))["state"])


def _repair(workspace: Workspace, run_id: int, repair_id: int) -> Started:
    return Started(f"{run_id}/{repair_id}", page_of(workspace, run_id))


def _latest(order: Order) -> int | None:
    """The repair that the next one has to name: the newest that was known when this was planned, or ours since."""
    ours = [
        int(name.partition("/")[2]) for name in order.earlier if _is_repair_of(order.target["run_id"], name)
    ]
    known = order.target["latest_repair_id"]
    return ours[-1] if ours and (known is None or known in ours) else known


def _is_repair_of(run_id: int, name: str) -> bool:
    run, _, repair = name.partition("/")
    return run == str(run_id) and repair.isdecimal()


def _since(repair: Mapping[str, Any], order: Order) -> bool:
    started = repair.get("start_time")
    return isinstance(started, int) and started >= (order.since - _CLOCKS).timestamp() * 1000


def _parameters(run: Mapping[str, Any]) -> dict[str, Any]:
    given = run.get("overriding_parameters")
    overriding = {name: given[name] for name in _PARAMETERS if isinstance(given, Mapping) and given.get(name)}
    named = {
        one["name"]: one["value"] for one in run.get("job_parameters") or () if one.get("value") is not None
    }
    return {**overriding, **({"job_parameters": named} if named else {})}
