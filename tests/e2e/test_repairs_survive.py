"""Whatever a repair runs on is killed at every step of it, in a real Airflow.

Never is anything run again twice for one attempt, never without a record that was there before, and every repair comes
to an end that its incident tells of.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.local_airflow import REPOSITORY, LocalAirflow
from rca_plugin.core.remediation.state import ENDED
from tests.conftest import new_database
from tests.e2e.conftest import Site, dag_ids
from tests.e2e.dying import (
    API_SERVER,
    JOB_RUN,
    MACHINE,
    PIPELINE_RUN,
    TASK,
    TASK_RUN,
    TRIGGERER,
    WAITING,
    WITHIN,
    Blow,
    Journey,
    Journeys,
    Outside,
    Point,
    asks_for_it,
    begin,
    conclude,
    external,
    outside,
    plan,
    question,
    resumed,
)
from tests.fakes.adf import adf
from tests.fakes.databricks import databricks
from tests.fakes.gate import AFTER, BEFORE, proxy

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]
HERE = Path(__file__).parent
# The tries of a task come right after one another, instead of ten seconds later and then twice that.
LOCAL_SETTINGS = """
from datetime import timedelta

def task_policy(task):
    task.retry_delay = timedelta(seconds=1)
    task.retry_exponential_backoff = 0
"""

# --- the steps of a repair ---------------------------------------------------------------------------------

PLAN_BEFORE = Point("plan_repair", "before the server has recorded it", BEFORE, plan)
PLAN_WITHIN = Point("plan_repair", "while the server records it", WITHIN, plan)
PLAN_AFTER = Point("plan_repair", "after the server has recorded it", AFTER, plan)
ASK_BEFORE = Point("approve", "before anybody is asked", BEFORE, asks_for_it("approve"))
ASK_AFTER = Point("approve", "when the question is on record", AFTER, question)
ASK_WAITING = Point("approve", "waiting for the answer", WAITING, state="awaiting_input")
ASK_ANSWERED = Point("approve", "just answered", AFTER, resumed("execute_complete"))
TIME_WAITING = Point("act", "waiting for its time", WAITING, state="deferred")
TIME_COME = Point("act", "when its time has come", AFTER, resumed("waited"))
BEGIN_BEFORE = Point("act", "before it begins", BEFORE, begin)
BEGIN_WITHIN = Point("act", "while the server lets it begin", WITHIN, begin)
BEGIN_AFTER = Point("act", "begun, and nothing told outside", AFTER, begin)
OUTSIDE_BEFORE = Point("act", "told outside, where it never arrives", BEFORE, outside)
OUTSIDE_LATE = Point("act", "told outside, where it arrives too late", BEFORE, outside, late=True)
OUTSIDE_AFTER = Point("act", "carried out outside, and not heard of", AFTER, outside)
EXTERNAL_BEFORE = Point("act", "before it is recorded what it became", BEFORE, external)
EXTERNAL_AFTER = Point("act", "after it is recorded what it became", AFTER, external)
VERIFY_BEFORE = Point("verify", "before anybody follows it", BEFORE, asks_for_it("verify"))
VERIFY_WAITING = Point("verify", "followed", WAITING, state="deferred")
LOOK_BEFORE = Point("verify", "about to look at it", BEFORE, asks_for_it("follow"))
LOOK_AFTER = Point("verify", "looking at it", AFTER, asks_for_it("follow"))
VERIFY_OVER = Point("verify", "just over", AFTER, resumed("followed"))
CONCLUDE_BEFORE = Point("conclude", "before the server has recorded the end", BEFORE, conclude)
CONCLUDE_WITHIN = Point("conclude", "while the server records the end", WITHIN, conclude)
CONCLUDE_AFTER = Point("conclude", "after the server has recorded the end", AFTER, conclude)


def repair(*points: Point, of: str = JOB_RUN, **more: Any) -> Journey:
    return Journey(of, points, asked=any(point.task == "approve" for point in points), **more)


# Each of these loses the process of its task, once in each step that is named; or where there is none, the triggerer.
NEVER_SENT = repair(BEGIN_AFTER, of=PIPELINE_RUN, ends="unknown", reruns=0)
SENT_TOO_LATE = repair(OUTSIDE_LATE, of=PIPELINE_RUN, ends="unknown")
PROCESSES = (
    NEVER_SENT,
    SENT_TOO_LATE,
    repair(TIME_WAITING, TIME_COME),
    repair(PLAN_BEFORE, ASK_BEFORE, BEGIN_BEFORE, VERIFY_BEFORE, CONCLUDE_BEFORE),
    repair(PLAN_AFTER, ASK_AFTER, BEGIN_AFTER, VERIFY_OVER, CONCLUDE_AFTER),
    repair(ASK_ANSWERED, OUTSIDE_BEFORE),
    repair(ASK_ANSWERED, answer="Reject", ends="rejected", reruns=0),
    repair(OUTSIDE_LATE),
    repair(OUTSIDE_AFTER),
    repair(EXTERNAL_BEFORE),
    repair(EXTERNAL_AFTER),
    repair(OUTSIDE_AFTER, of=PIPELINE_RUN),
    repair(BEGIN_BEFORE, CONCLUDE_BEFORE, of=TASK_RUN),
    repair(BEGIN_AFTER, VERIFY_OVER, CONCLUDE_AFTER, of=TASK_RUN),
)
EACH_ALONE = [
    Blow(TRIGGERER if point is TIME_WAITING else TASK, ((one, point),))
    for one in PROCESSES
    for point in one.points
]

# These lose the API server, then the triggerer, then the API server again, all at the same time.
SERVED = (
    repair(PLAN_BEFORE, LOOK_BEFORE, CONCLUDE_BEFORE),
    repair(PLAN_WITHIN, LOOK_AFTER, CONCLUDE_WITHIN),
    repair(PLAN_AFTER, CONCLUDE_AFTER),
    repair(ASK_WAITING, VERIFY_WAITING),
    repair(BEGIN_BEFORE, VERIFY_BEFORE),
    repair(BEGIN_WITHIN, VERIFY_OVER),
    repair(BEGIN_WITHIN, of=TASK_RUN),
    repair(BEGIN_AFTER),
    repair(EXTERNAL_BEFORE),
    repair(EXTERNAL_AFTER),
)
TOGETHER = [
    Blow(API_SERVER, tuple((one, one.points[0]) for one in SERVED)),
    Blow(TRIGGERER, tuple((one, one.points[1]) for one in SERVED[:2])),
    Blow(API_SERVER, tuple((one, one.points[-1]) for one in SERVED[:6])),
]

# These lose the scheduler and all workers at the same time.
WORKED = (
    repair(PLAN_AFTER, VERIFY_OVER),
    repair(ASK_ANSWERED, CONCLUDE_BEFORE),
    repair(BEGIN_AFTER, CONCLUDE_AFTER),
    repair(EXTERNAL_BEFORE),
    repair(EXTERNAL_AFTER),
    repair(BEGIN_AFTER, of=TASK_RUN),
)
AT_ONCE = [
    Blow(MACHINE, tuple((one, one.points[0]) for one in WORKED)),
    Blow(MACHINE, tuple((one, one.points[1]) for one in WORKED[:3])),
]
ALL = (*PROCESSES, *SERVED, *WORKED)
ENDS = {f"repair_{state}" for state in ENDED}


STEPS = ("plan_repair", "approve", "act", "verify", "conclude")


def test_everything_dies_at_every_step_that_it_takes_part_in() -> None:
    blows = (*EACH_ALONE, *TOGETHER, *AT_ONCE)
    dies = {(blow.victim, point.task) for blow in blows for _, point in blow.at}
    assert dies == {(it, step) for it in (TASK, API_SERVER, MACHINE) for step in STEPS} | {
        (TRIGGERER, "act"),
        (TRIGGERER, "verify"),
    }
    assert {point for blow in blows for _, point in blow.at} == {
        point for point in globals().values() if isinstance(point, Point)
    }


@pytest.fixture(scope="module")
def journeys(
    postgres_url: str, installed_in_postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Journeys]:
    """All repairs, at their end."""
    folder = tmp_path_factory.mktemp("survive")
    (folder / "airflow" / "config").mkdir(parents=True)
    (folder / "airflow" / "config" / "airflow_local_settings.py").write_text(LOCAL_SETTINGS)
    with (
        proxy() as server,
        databricks() as workspace,
        adf() as factory,
        new_database(postgres_url, installed_in_postgres) as database,
        LocalAirflow(
            folder / "airflow",
            {"rca": REPOSITORY / "dags", "repairing": HERE / "repairing"},
            database=database,
            options=options(server.port),
        ) as airflow,
    ):
        server.upstream[0] = airflow.port
        airflow.environment.update(connections(workspace, factory))
        airflow.start("api-server", "scheduler", "dag-processor", "triggerer")
        airflow.wait_until_ready()
        with airflow.client() as http:
            site = Site(airflow, http, folder, factory)
            ready(site)
            journeys = Journeys(site, server.gate, Outside(server.gate, workspace, factory))
            try:
                journeys.travel(EACH_ALONE, alone=(NEVER_SENT, SENT_TOO_LATE))
                journeys.travel(TOGETHER)
                journeys.travel(AT_ONCE)
                journeys.home()
                yield journeys
            finally:
                journeys.close()
                if os.environ.get("RCA_SHOW_JOURNEYS"):
                    print("\n".join(journeys.log))


def options(gate: int) -> dict[str, str]:
    return {
        # All that waits at the gate at the same time.
        "CORE__PARALLELISM": "20",
        "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{gate}/execution/",
        "WORKERS__EXECUTION_API_TIMEOUT": "120",
        "RCA__API_URL": f"http://127.0.0.1:{gate}",
        "RCA__REMEDIATION_FILE": str(HERE / "remediation_policy.yaml"),
        # Whoever died is missed sooner than by default.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
        "TRIGGERER__JOB_HEARTBEAT_SEC": "1",
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
    }


def connections(workspace: Any, factory: Any) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        factory.known_to(patch)
        names = ("HTTPS_PROXY", "REQUESTS_CA_BUNDLE", "AIRFLOW_CONN_AZURE_DATA_FACTORY_DEFAULT")
        known = {name: os.environ[name] for name in names}
    return {**known, "AIRFLOW_CONN_DATABRICKS_DEFAULT": workspace.connection}


def ready(site: Site) -> None:
    """The DAGs are there as they are to be, and those stand still that would only take time from the others."""

    def known() -> bool:
        if not {"rca_remediation", "plans_a_repair", "fails_once_0"} <= dag_ids(site):
            return False
        tasks = site.get("/api/v2/dags/rca_remediation/tasks")["tasks"]
        return all(task["retry_delay"]["seconds"] == 1 for task in tasks)

    for dag_id in ("rca_incident", "rca_housekeeping"):
        site.http.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": True}).raise_for_status()
    site.wait_for("the DAGs", known)


@pytest.mark.parametrize("journey", ALL, ids=str)
def test_it_is_run_again_once_after_a_record_of_it_and_comes_to_an_end(
    journeys: Journeys, journey: Journey
) -> None:
    assert sorted(map(str, journey.struck)) == sorted(map(str, journey.points))
    assert reruns(journeys, journey) == journey.reruns
    if journey.repairs != TASK_RUN:  # what is done in Airflow is done by the record itself
        on_record = {"unknown"} if journey is SENT_TOO_LATE else {"running"}
        assert set(journeys.outside.records.get(journey.key, ())) == {
            (state, True) for state in on_record if journey.reruns
        }
    assert journey.row["state"] == journey.ends
    actions = [entry["action"] for entry in incident(journeys, journey)["timeline"]]
    assert actions.count("repair_planned") == 1
    assert actions.count("repair_begun") == int(journey.ends in ("succeeded", "unknown"))
    assert [action for action in actions if action in ENDS] == [f"repair_{journey.ends}"]


@pytest.mark.parametrize("journey", ALL, ids=str)
def test_its_incident_says_what_came_of_it(journeys: Journeys, journey: Journey) -> None:
    found = incident(journeys, journey)
    actions = [entry["action"] for entry in found["timeline"]]
    if journey.ends == "succeeded":
        assert (found["status"], journey.row["followed_by"]) == ("resolved", "resolved")
        assert "repaired by" in found["resolved_how"]
        assert ("approved by admin" in found["resolved_how"]) == journey.asked
    elif journey.ends == "unknown":
        assert (found["status"], found["priority"], actions.count("escalated")) == ("open", "P1", 1)
    else:
        assert (found["status"], actions.count("escalated")) == ("open", 0)


def reruns(journeys: Journeys, journey: Journey) -> int:
    if journey.repairs != TASK_RUN:
        return journeys.outside.reruns(journey)
    path = f"/api/v2/dags/{journey.plan_run}/dagRuns/{journey.task_run_id}/taskInstances/load"
    return int(journeys.site.get(path)["try_number"]) - 1


def incident(journeys: Journeys, journey: Journey) -> dict[str, Any]:
    return journeys.site.detail({"id": journey.incident_id})
