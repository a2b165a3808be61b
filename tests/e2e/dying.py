"""Repairs that lose what they run on: incidents to repair, the points at which something dies, and the blows."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import httpx
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.orm import Session

from rca_plugin.core.service_token import sign
from tests.e2e.conftest import Site
from tests.fakes import adf as azure
from tests.fakes.adf import Azure, activity_run, pipeline_run
from tests.fakes.databricks import WORKSPACE, Workspace, job_run, task_run
from tests.fakes.gate import AFTER, BEFORE, Call, Gate, Stop
from tests.server.rows import a_failure_row, an_incident

TASK, API_SERVER, TRIGGERER, MACHINE = "task", "api-server", "triggerer", "scheduler"
JOB_RUN, PIPELINE_RUN, TASK_RUN = "a run of Databricks", "a run of Data Factory", "a task of Airflow"
WITHIN, WAITING = "within", "waiting"
_ENDED = {"succeeded", "failed", "rejected", "expired", "refused", "canceled", "unknown"}

# Airflow 3.3 fails a task that is answered before it has noticed that its process is gone: people read first.
_READING_SECONDS = 3.0
# Longer than it takes until the first tasks of a repair are done.
_WAIT_SECONDS = 60


@dataclass(frozen=True)
class Point:
    """Somewhere on the way of a repair. `task` is the one whose process is there."""

    task: str
    where: str
    when: str
    wanted: Callable[[Call, Journey], bool] = lambda _call, _journey: False
    state: str = ""
    """With WAITING: the state of the task, which has no process."""
    late: bool = False
    """What waits at the gate arrives after all, when the next try is done."""

    def __str__(self) -> str:
        return f"{self.task}, {self.where}"


@dataclass(eq=False)
class Journey:
    """One repair, and the points at which what it runs on dies."""

    repairs: str
    points: tuple[Point, ...]
    asked: bool = False
    answer: str = "Approve"
    ends: str = "succeeded"
    reruns: int = 1
    # what becomes of it
    number: int = 0
    incident_id: int = 0
    remediation_id: int = 0
    run_id: str = ""
    plan_run: str = ""
    row: dict[str, Any] = field(default_factory=dict)
    stops: dict[Point, Stop] = field(default_factory=dict)
    struck: list[Point] = field(default_factory=list)
    asked_at: float = 0.0
    is_due: bool = False
    answered: bool = False
    finished: bool = False

    def __str__(self) -> str:
        return f"{self.repairs}: {'; '.join(map(str, self.points)) or 'nothing dies'}"

    @property
    def key(self) -> str:
        return f"j{self.number}"

    @property
    def task_run_id(self) -> str:
        """Of the task of Airflow that failed."""
        return f"failed_{self.number}"


@dataclass
class Blow:
    """What dies, when each of these repairs has come to its point."""

    victim: str
    at: tuple[tuple[Journey, Point], ...]


# --- the services ------------------------------------------------------------------------------------------


class Outside:
    """Databricks and Data Factory. What they are told to run again passes the gate."""

    def __init__(self, gate: Gate, workspace: Workspace, factory: Azure) -> None:
        self.gate, self.workspace, self.factory = gate, workspace, factory
        self.on_record: Callable[[str], list[tuple[str, bool]]] = lambda _key: []
        self.records: dict[str, list[tuple[str, bool]]] = {}
        """What the table said of each repair right before it was carried out."""
        repair, create_run = workspace.repair, factory.create_run

        def repaired(query: Any) -> tuple[int, Any]:
            return self._told(f"j{query['run_id'] - 1000}", lambda: repair(query))

        def created(name: str, query: Any) -> tuple[int, Any]:
            asked = factory.asked

            def create() -> tuple[int, Any]:
                factory.asked = asked
                return create_run(name, query)

            return self._told(name, create)

        workspace.repair, factory.create_run = repaired, created  # type: ignore[method-assign]

    def _told(self, key: str, do: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
        def carried_out() -> tuple[int, Any]:
            on_record = self.on_record(key)
            status, answer = do()
            if status == 200:
                self.records.setdefault(key, []).extend(on_record)
            return status, answer

        found: tuple[int, Any] = self.gate.passes(Call("OUTSIDE", key), carried_out)
        return found

    def fail(self, journey: Journey) -> dict[str, str]:
        """Have something fail there; the labels by which a report names it."""
        if journey.repairs == JOB_RUN:
            run_id, job_id = 1000 + journey.number, 70_000 + journey.number
            tasks = [task_run("load", 50_000 + journey.number, "FAILED", "Connection reset")]
            self.workspace.runs[run_id] = job_run(*tasks, run_id=run_id, job_id=job_id)
            return {"workspace_id": str(WORKSPACE), "job_id": str(job_id), "run_id": str(run_id)}
        run_id = f"run-{journey.key}"
        self.factory.runs.append(pipeline_run(run_id, pipelineName=journey.key))
        self.factory.pipelines[journey.key] = ["Look Up", "Copy Ships"]
        self.factory.activities[run_id] = [activity_run("Look Up", kind="Lookup")]
        return {"factory": azure.FACTORY, "resource_group": azure.GROUP, "subscription": azure.SUBSCRIPTION,
                "pipeline": journey.key, "pipeline_run_id": run_id}  # fmt: skip

    def reruns(self, journey: Journey) -> int:
        """How often it was run again."""
        if journey.repairs == JOB_RUN:
            history = self.workspace.runs[1000 + journey.number].get("repair_history", ())
            return sum(entry["type"] == "REPAIR" for entry in history)
        return sum(run["runGroupId"] == f"run-{journey.key}" for run in self.factory.runs) - 1

    def finish(self, journey: Journey) -> None:
        """Have end well what runs there."""
        if journey.repairs == JOB_RUN:
            self.workspace.finish("SUCCESS", 1000 + journey.number)
            return
        for run in self.factory.runs:
            if run["runGroupId"] == f"run-{journey.key}" and run["status"] == "InProgress":
                self.factory.finish(run["runId"], "Succeeded")


# --- the journeys ------------------------------------------------------------------------------------------


class Journeys:
    """Repairs side by side in one Airflow, and what befalls them."""

    def __init__(self, site: Site, gate: Gate, outside: Outside) -> None:
        self.site, self.gate, self.outside = site, gate, outside
        self.all: list[Journey] = []
        self.log: list[str] = []
        self._engine = create_engine(site.airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        self._secret = site.airflow.environment["AIRFLOW__API__SECRET_KEY"]
        self._began = time.monotonic()
        outside.on_record = self._on_record

    def close(self) -> None:
        self._engine.dispose()

    def travel(self, blows: Sequence[Blow], *, alone: Sequence[Journey] = ()) -> None:
        """Set out with all of them, strike each blow at its moment, and see them home.

        Those that take long, `alone`, are seen home by whoever comes next.
        """
        journeys = list(dict.fromkeys(journey for blow in blows for journey, _ in blow.at))
        for journey in journeys:
            self._set_out(journey)
        pending = list(blows)

        def done() -> bool:
            self._go_on()
            for blow in [blow for blow in pending if self._is_due(blow)]:
                self._strike(blow)
                pending.remove(blow)
            return not pending and all(self._is_home(one) for one in journeys if one not in alone)

        self.site.airflow.wait_for("the end of all repairs", self._told_if_late(done, pending), 420, 0.2)

    def home(self) -> None:
        """See all of them home that are still on their way."""

        def done() -> bool:
            self._go_on()
            return all(self._is_home(journey) for journey in self.all)

        self.site.airflow.wait_for("the end of the slow repairs", self._told_if_late(done, []), 420, 0.5)

    def _told_if_late(self, done: Callable[[], bool], pending: list[Blow]) -> Callable[[], bool]:
        deadline = time.monotonic() + 400

        def watched() -> bool:
            if done():
                return True
            if time.monotonic() > deadline:
                left = [f"{one.key} {one} {one.row}" for one in self.all if not self._is_home(one)]
                wanted = [f"{one.key}: {point}" for blow in pending for one, point in blow.at
                          if not self._reached(one, point)]  # fmt: skip
                raise AssertionError("\n".join(["Not home:", *left, "Not reached:", *wanted, *self.log]))
            return False

        return watched

    def _say(self, what: str) -> None:
        self.log.append(f"{time.monotonic() - self._began:6.1f} {what}")

    # --- one of them ---

    def _set_out(self, journey: Journey) -> None:
        self.all.append(journey)
        journey.number = len(self.all)
        for point in journey.points:
            stop = Stop(lambda call, point=point: point.wanted(call, journey), _gate_side(point))  # type: ignore[misc]
            journey.stops[point] = stop
            if point.when != WAITING:
                self.gate.stops.append(stop)
        if journey.repairs == TASK_RUN:
            self._fail_task(journey)
        else:
            self._fail_outside(journey)
        if any(point.task == "plan_repair" for point in journey.points):
            conf = {"incident_id": journey.incident_id}
            journey.plan_run = self.site.start_run("plans_a_repair", conf=conf)
        else:
            self._plan(journey)

    def _fail_outside(self, journey: Journey) -> None:
        labels = self.outside.fail(journey)
        source = "databricks" if journey.repairs == JOB_RUN else "adf"
        resource = f"{'asked' if journey.asked else 'not_asked'}/{journey.key}"
        now = datetime.now(timezone.utc)
        moments = dict.fromkeys(("opened_at", "first_failure_at", "last_failure_at"), now)
        with Session(self._engine) as session, session.begin():
            incident = an_incident(
                resource, dag_id=None, source=source, category="network_transient", rule="a rule", **moments
            )
            session.add(incident)
            session.flush()
            journey.incident_id = incident.id
            session.add(
                a_failure_row(incident.id, source=source, resource=resource, dag_id=None, run_id=None, task_id=None,
                              labels=labels, occurred_at=now, recorded_at=now)
            )  # fmt: skip

    def _fail_task(self, journey: Journey) -> None:
        number = sum(one.repairs == TASK_RUN for one in self.all) - 1
        dag_id = f"fails_once_{number}"
        self.site.start_run(dag_id, dag_run_id=journey.task_run_id)
        journey.plan_run = dag_id
        journey.incident_id = self.site.wait_for_incident(dag_id)["id"]
        self.site.wait_for_runs({dag_id: journey.task_run_id})

    def _plan(self, journey: Journey) -> None:
        """As the task does that plans a repair."""
        path = f"/rca/api/v1/incidents/{journey.incident_id}/remediations"
        proposals = []
        if journey.repairs == JOB_RUN:
            job, run = 70_000 + journey.number, 1000 + journey.number
            target = {"workspace_id": str(WORKSPACE), "job_id": job, "run_id": run, "tasks": ["load"],
                      "latest_repair_id": None}  # fmt: skip
            proposals = [_proposal("databricks_repair_run", f"job:{WORKSPACE}/{job}", target, "task load")]
        elif journey.repairs == PIPELINE_RUN:
            run_id = f"run-{journey.key}"
            target = {"subscription": azure.SUBSCRIPTION, "resource_group": azure.GROUP, "factory": azure.FACTORY,
                      "pipeline": journey.key, "run_id": run_id, "group": run_id}  # fmt: skip
            name = f"pipeline:{azure.FACTORY}/{journey.key}"
            proposals = [_proposal("adf_rerun_from_failed_activity", name, target, "activity Copy Ships")]
        token = sign(self._secret, "plan_repair", time.time())
        answer = httpx.post(
            f"{self.site.airflow.url}{path}", json={"proposals": proposals},
            headers={"Authorization": f"Bearer {token}"}, timeout=60,
        )  # fmt: skip
        answer.raise_for_status()
        assert answer.json()["remediation_id"], answer.json()

    # --- all of them ---

    def _go_on(self) -> None:
        """Look at the rows, and do what time, people and services do."""
        with self._engine.begin() as connection:
            self._read(connection)
            states = self._task_states(connection)
            for journey in self.all:
                self._look(journey, states)
                if journey.remediation_id and not any(
                    one.task == "plan_repair" and one not in journey.struck for one in journey.points
                ):
                    _now(connection, journey)
        for journey in self.all:
            self._answer(journey, states)
            self._finish(journey)
            self._arrive_late(journey)

    def _read(self, connection: Connection) -> None:
        query = (
            "SELECT r.*, d.state AS run_state FROM rca_remediation r LEFT JOIN dag_run d ON d.run_id = r.run_id"
            " AND d.dag_id = 'rca_remediation' ORDER BY r.id"
        )
        rows = {row["incident_id"]: dict(row) for row in connection.execute(text(query)).mappings()}
        for journey in self.all:
            if row := rows.get(journey.incident_id):
                journey.row, journey.remediation_id, journey.run_id = row, row["id"], row["run_id"]

    def _task_states(self, connection: Connection) -> dict[tuple[str, str], str]:
        query = "SELECT run_id, task_id, state FROM task_instance WHERE dag_id = 'rca_remediation'"
        return {(run, task): state for run, task, state in connection.execute(text(query))}

    def _look(self, journey: Journey, states: dict[tuple[str, str], str]) -> None:
        for point, stop in journey.stops.items():
            if point.when == WAITING and states.get((journey.run_id, point.task)) == point.state:
                stop.reached.set()

    def _answer(self, journey: Journey, states: dict[tuple[str, str], str]) -> None:
        waits = [one for one in journey.points if one.task == "approve" and one.when == WAITING]
        if journey.answered or set(waits) - set(journey.struck):
            return
        if states.get((journey.run_id, "approve")) != "awaiting_input":
            journey.asked_at = time.monotonic()
        if time.monotonic() < journey.asked_at + _READING_SECONDS:
            return
        if journey.answer == "Approve":
            path, body = f"/rca/api/v1/remediations/{journey.remediation_id}/approval", {"approve": True}
            answer = self.site.http.post(path, json=body)
        else:
            path = (
                f"/api/v2/dags/rca_remediation/dagRuns/{journey.run_id}/taskInstances/approve/-1/hitlDetails"
            )
            answer = self.site.http.patch(path, json={"chosen_options": ["Reject"], "params_input": {}})
        answer.raise_for_status()
        self._say(f"{journey.key}: {journey.answer}")
        journey.answered = True

    def _finish(self, journey: Journey) -> None:
        waits = [
            one for one in journey.points if one.task == "verify" and one.when in (WAITING, BEFORE, AFTER)
        ]
        begun = journey.repairs != TASK_RUN and self.outside.reruns(journey)
        if begun and not journey.finished and not {one for one in waits if one.state} - set(journey.struck):
            self.outside.finish(journey)
            journey.finished = journey.row.get("external_run_id") is not None

    def _arrive_late(self, journey: Journey) -> None:
        for point in journey.struck:
            if point.late and journey.row.get("state") in _ENDED:
                journey.stops[point].go_on(lost=False)

    def _is_home(self, journey: Journey) -> bool:
        row = journey.row
        return row.get("followed_by") is not None and row["run_state"] in ("success", "failed")

    def _on_record(self, key: str) -> list[tuple[str, bool]]:
        journey = next(one for one in self.all if one.key == key)
        query = text("SELECT state, begun_at FROM rca_remediation WHERE incident_id = :incident")
        with self._engine.begin() as connection:
            rows = connection.execute(query, {"incident": journey.incident_id})
            return [(state, begun_at is not None) for state, begun_at in rows]

    # --- blows ---

    def _reached(self, journey: Journey, point: Point) -> bool:
        return journey.stops[point].reached.is_set()

    def _is_due(self, blow: Blow) -> bool:
        return all(self._reached(*one) for one in blow.at)

    def _strike(self, blow: Blow) -> None:
        self._say(f"{blow.victim} dies at " + " | ".join(f"{one.key} {point}" for one, point in blow.at))
        stops = [(one, point, one.stops[point]) for one, point in blow.at]
        locks = self._hold(stops)
        if blow.victim == TASK:
            [(journey, point)] = blow.at
            os.kill(self._process_of(journey, point), signal.SIGKILL)
        else:
            self.site.airflow.kill(blow.victim)
        for journey, point, stop in stops:
            # Whoever asks Airflow's own API on behalf of a task is not the one that died.
            asks = blow.victim == TASK and point.when == AFTER
            if not point.late:
                stop.go_on(lost=not asks)
            journey.struck.append(point)
        for connection in locks:
            connection.close()
        if blow.victim != TASK:
            self.site.airflow.start(blow.victim)
            self.site.airflow.wait_until_ready()
            self._say(f"{blow.victim} is back")

    def _hold(self, stops: Sequence[tuple[Journey, Point, Stop]]) -> list[Connection]:
        """Let the server begin with what it is asked, and wait in the middle of its transaction."""
        within = [(journey, stop) for journey, point, stop in stops if point.when == WITHIN]
        held = []
        for journey, stop in within:
            connection = self._engine.connect()
            query = text("SELECT id FROM rca_incident WHERE id = :id FOR UPDATE")
            connection.execute(query, {"id": journey.incident_id})
            held.append(connection)
            stop.go_on(lost=False)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

        def all_wait() -> bool:
            with self._engine.connect() as connection:
                return bool(connection.execute(text(waiting)).scalar_one() >= len(within))

        self.site.airflow.wait_for("the server to wait in its transactions", all_wait, 30, 0.1)
        return held

    def _process_of(self, journey: Journey, point: Point) -> int:
        plans = point.task == "plan_repair"
        this = {"dag": "plans_a_repair" if plans else "rca_remediation", "task": point.task,
                "run": journey.plan_run if plans else journey.run_id}  # fmt: skip
        query = (
            "SELECT pid, state FROM task_instance WHERE dag_id = :dag AND run_id = :run AND task_id = :task"
        )
        with self._engine.connect() as connection:
            pid, state = connection.execute(text(query), this).one()
        assert state == "running", (str(point), state)
        return int(pid)


def _gate_side(point: Point) -> str:
    return BEFORE if point.when == WITHIN else point.when


def _now(connection: Connection, journey: Journey) -> None:
    """The time has come before which it was not to begin; or, where something dies while it waits, comes soon."""
    if journey.row.get("state") not in ("waiting", "ready") or journey.is_due:
        return
    waits = any(point.task == "act" and point.when == WAITING for point in journey.points)
    begins = f"now() + interval '{_WAIT_SECONDS} seconds'" if waits else "planned_at"
    for query in (
        "UPDATE dag_run SET run_after = now() WHERE run_id = :run AND run_after > now()",
        f"UPDATE rca_remediation SET not_before = {begins} WHERE run_id = :run",
    ):
        connection.execute(text(query), {"run": journey.run_id})
    journey.is_due = True


def _proposal(action: str, resource: str, target: dict[str, Any], *touched: str) -> dict[str, Any]:
    return {"action": action, "resource": resource, "target": target, "blast_radius": list(touched)}


# --- where a call is on its way ----------------------------------------------------------------------------


def plan(call: Call, journey: Journey) -> bool:
    return _is(call, "POST", f"incidents/{journey.incident_id}/remediations")


def begin(call: Call, journey: Journey) -> bool:
    return _is(call, "POST", f"remediations/{journey.remediation_id}/begin")


def outside(call: Call, journey: Journey) -> bool:
    return call.method == "OUTSIDE" and call.path == journey.key


def external(call: Call, journey: Journey) -> bool:
    return _is(call, "PUT", f"remediations/{journey.remediation_id}/external")


def conclude(call: Call, journey: Journey) -> bool:
    return _is(call, "PUT", f"remediations/{journey.remediation_id}/outcome")


def asks_for_it(subject: str) -> Callable[[Call, Journey], bool]:
    def wanted(call: Call, journey: Journey) -> bool:
        return call.subject == subject and _is(call, "GET", f"remediations/{journey.remediation_id}")

    return wanted


def question(call: Call, journey: Journey) -> bool:
    """The question is on record, and the task does not wait for the answer yet."""
    label = rf"RCA-{journey.incident_id}\b"
    return "/hitlDetails/" in call.path and re.search(label, json.dumps(call.body)) is not None


def resumed(method: str) -> Callable[[Call, Journey], bool]:
    def wanted(call: Call, journey: Journey) -> bool:
        if not re.fullmatch(r"/execution/task-instances/[^/]+/run", call.path) or not call.answer:
            return False
        if call.answer.get("next_method") != method:
            return False
        conf = call.answer["dag_run"].get("conf") or {}
        return bool(conf.get("remediation_id") == journey.remediation_id)

    return wanted


def _is(call: Call, method: str, path: str) -> bool:
    return call.method == method and call.path == f"/rca/api/v1/{path}"
