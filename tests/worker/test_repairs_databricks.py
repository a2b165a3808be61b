"""Repairs in Databricks: by the real hook, over real sockets, begun at most once whatever goes wrong there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rca_plugin.worker.repairs.choice import REPAIRS, proposals_for
from rca_plugin.worker.repairs.repair import Order, RefusedError, Started, UnclearError
from rca_plugin.worker.repairs.starting import start_once
from tests.fakes.databricks import CLUSTER, ENDED, JOB, RUN, WORKSPACE, Workspace, state, task_run
from tests.worker.repairing import (
    FALLBACKS,
    OF_CLUSTER,
    OF_RUN,
    incident,
    order,
    with_cluster,
    with_job,
)  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
Start = Callable[..., Workspace]
TROUBLES = [401, 403, 404, 429, 500, 503, "lost", "reset", "stall", "truncated", "invalid", "wrong"]
LASTING = [403, 429, 500, "reset", "wrong"]
RUNNING = {"state": "RUNNING", "terminated_time": None, "last_restarted_time": ENDED}
FAILED_LIBRARY = [{"library": {"pypi": {"package": "tides"}}, "status": "FAILED"}]
#: What each action is tried on, the calls that begin something, and what has begun in the end.
ACTIONS: dict[str, tuple[dict[str, str], Callable[[Workspace], Any], list[str], str]] = {
    "databricks_repair_run": (OF_RUN, lambda _: None, ["repair"], "repair 5001: berth_plan, report"),
    "databricks_run_now": (OF_RUN, lambda _: None, ["run", "run_now"], "run 777000"),
    "databricks_start_cluster": (OF_CLUSTER, with_cluster, ["cluster", "start_cluster"], "start on Standard_D8s_v5"),
    "databricks_restart_cluster": (OF_CLUSTER, lambda w: with_cluster(w, **RUNNING), ["cluster", "restart_cluster"],
                                   "restart"),
    "databricks_reinstall_libraries": (OF_CLUSTER, lambda w: with_cluster(w, **RUNNING), ["restart_cluster"],
                                       "restart"),
    "databricks_use_on_demand": (OF_CLUSTER, with_cluster, ["edit_cluster", "start_cluster"],
                                 "start on Standard_D8s_v5"),
    "databricks_use_fallback_node_type": (OF_CLUSTER, with_cluster, ["cluster", "edit_cluster", "start_cluster"],
                                          "start on Standard_E8s_v5"),
}  # fmt: skip
CASES = [(action, call) for action, (_, _, calls, _) in ACTIONS.items() for call in calls]


def planned(service: Workspace, action: str, **more: Any) -> Order:
    labels, prepare, _, _ = ACTIONS[action]
    prepare(service)
    service.libraries[CLUSTER] = FAILED_LIBRARY
    proposals, problems = proposals_for(
        incident("databricks", labels, **more), [{"action": action, "settings": FALLBACKS}]
    )
    assert problems == []
    return order(proposals[0])


def tried(action: str, ordered: Order, *, begun_before: bool = False) -> Started | str:
    try:
        return start_once(REPAIRS[action], ordered, begun_before=begun_before)
    except RefusedError:
        return "refused"
    except UnclearError:
        return "unclear"


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_proposed_is_begun_once_and_found_again(workspace: Start, action: str) -> None:
    service = workspace()
    ordered = planned(service, action)
    assert service.begun == []
    first = tried(action, ordered)
    assert isinstance(first, Started)
    assert service.begun == [ACTIONS[action][3]]
    again = tried(action, ordered, begun_before=True)
    assert isinstance(again, Started)
    assert again.external_run_id == first.external_run_id
    assert len(service.begun) == 1


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize(("action", "call"), CASES)
def test_what_passes_ends_in_one_run_or_in_none(
    workspace: Start, action: str, call: str, trouble: Any
) -> None:
    service = workspace(**({"*": ["stall"]} if trouble == "stall" else {}))
    service.troubles.clear()
    ordered = planned(service, action)
    service.troubles[call] = [trouble, None]
    outcome = tried(action, ordered)
    assert len(service.begun) <= 1
    if isinstance(trouble, int) and trouble < 429:
        assert outcome == "refused"
        assert service.begun == []
    elif (
        call not in ("run", "cluster")
        and action in ("databricks_restart_cluster", "databricks_reinstall_libraries")
        and trouble
        in (
            500,
            "lost",
            503,
        )
    ):
        # Nobody knows that it was not begun, and it would be begun twice if it was.
        assert (outcome == "unclear") == (service.begun == [])
    else:
        assert isinstance(outcome, Started)
        assert len(service.begun) == 1


@pytest.mark.parametrize("trouble", LASTING)
@pytest.mark.parametrize(("action", "call"), CASES)
def test_what_does_not_pass_has_an_end(workspace: Start, action: str, call: str, trouble: Any) -> None:
    service = workspace()
    ordered = planned(service, action)
    service.troubles[call] = [trouble]
    outcome = tried(action, ordered)
    assert len(service.begun) <= 1
    if outcome == "refused":
        assert service.begun == []
    # The next try of the task.
    service.troubles.clear()
    again = tried(action, ordered, begun_before=True)
    assert len(service.begun) <= 1
    assert isinstance(again, Started) == (len(service.begun) == 1)


@pytest.mark.parametrize(
    ("action", "begins"), [("databricks_repair_run", "repair"), ("databricks_start_cluster", "start_cluster"),
                           ("databricks_run_now", "run_now")],
)  # fmt: skip
def test_what_is_refused_because_it_was_begun_is_found_in_the_end(
    workspace: Start, action: str, begins: str
) -> None:
    service = workspace()
    ordered = planned(service, action)
    # Neither its answer arrives nor, for a while, what became of it.
    read = "cluster" if "cluster" in action else "run"
    before = [None] if read == "cluster" or action == "databricks_run_now" else []
    service.troubles.update({begins: ["reset", None], read: [*before, 500, 500, 500, None]})
    assert isinstance(tried(action, ordered), Started)
    assert len(service.begun) == 1


def test_a_cluster_that_was_started_and_has_ended_is_not_started_again(workspace: Start) -> None:
    service = workspace()
    ordered = planned(service, "databricks_start_cluster")
    ended = int(ordered.since.timestamp() * 1000) + 1
    service.clusters[CLUSTER].update(terminated_time=ended)
    assert REPAIRS["databricks_start_cluster"].start(ordered).external_run_id == CLUSTER
    assert service.begun == []


def test_a_repair_that_somebody_else_made_meanwhile_is_not_taken_for_ours(workspace: Start) -> None:
    service = workspace()
    ordered = planned(service, "databricks_repair_run")
    service.repair({"run_id": RUN, "rerun_tasks": ["berth_plan"]})
    assert tried("databricks_repair_run", ordered) == "refused"
    service.finish("FAILED")
    assert tried("databricks_repair_run", ordered) == "refused"
    assert len(service.begun) == 1


def test_the_next_attempt_goes_on_from_the_one_before(workspace: Start) -> None:
    service = workspace()
    ordered = planned(service, "databricks_repair_run")
    first = tried("databricks_repair_run", ordered)
    assert isinstance(first, Started)
    assert first.external_run_id == f"{RUN}/5001"
    service.finish("FAILED")
    following = Order(8, ordered.target, "token-008", ordered.since, (first.external_run_id,))
    second = tried("databricks_repair_run", following)
    assert isinstance(second, Started)
    assert second.external_run_id == f"{RUN}/5002"
    # And not the first one, when it is looked for.
    found = tried("databricks_repair_run", following, begun_before=True)
    assert found == second
    assert len(service.begun) == 2


@pytest.mark.parametrize(
    ("result", "state_of_it"), [("SUCCESS", "succeeded"), ("FAILED", "failed"), ("CANCELED", "failed"),
                                ("SUCCESS_WITH_FAILURES", "succeeded"), (None, "running")],
)  # fmt: skip
@pytest.mark.parametrize("action", ["databricks_repair_run", "databricks_run_now"])
def test_the_truth_is_how_the_run_ends(
    workspace: Start, action: str, result: str | None, state_of_it: str
) -> None:
    service = workspace()
    ordered = planned(service, action)
    begun = tried(action, ordered)
    assert isinstance(begun, Started)
    if result:
        service.finish(result, RUN if action == "databricks_repair_run" else 777000)
    found = REPAIRS[action].look(ordered, begun.external_run_id)
    assert found.state == state_of_it
    assert (result or "RUNNING") in found.text


def test_a_repair_is_looked_at_though_another_followed_it(workspace: Start) -> None:
    service = workspace()
    ordered = planned(service, "databricks_repair_run")
    begun = tried("databricks_repair_run", ordered)
    assert isinstance(begun, Started)
    service.finish("SUCCESS")
    service.repair({"run_id": RUN, "rerun_tasks": ["report"], "latest_repair_id": 5001})
    assert REPAIRS["databricks_repair_run"].look(ordered, begun.external_run_id).state == "succeeded"


def test_a_cluster_is_up_or_down_or_on_its_way(workspace: Start) -> None:
    service = workspace()
    ordered = planned(service, "databricks_start_cluster")
    start = REPAIRS["databricks_start_cluster"]
    # Databricks has not begun with it yet: what it says is about the time before.
    assert start.look(ordered, CLUSTER).state == "running"
    tried("databricks_start_cluster", ordered)
    assert start.look(ordered, CLUSTER).state == "running"
    service.clusters[CLUSTER]["state"] = "RUNNING"
    assert start.look(ordered, CLUSTER).state == "succeeded"
    ended = int(ordered.since.timestamp() * 1000) + 1
    service.clusters[CLUSTER].update(state="TERMINATED", terminated_time=ended)
    found = start.look(ordered, CLUSTER)
    assert found.state == "failed"
    assert "CLOUD_PROVIDER_RESOURCE_STOCKOUT" in found.text
    # It was started, and ended: another try of the same attempt does not start it again.
    assert isinstance(tried("databricks_start_cluster", ordered, begun_before=True), Started)
    assert len(service.begun) == 1


def test_a_change_of_machines_leaves_everything_else_as_it_is(workspace: Start) -> None:
    service = workspace()
    ordered = planned(service, "databricks_use_fallback_node_type")
    before = dict(service.clusters[CLUSTER])
    tried("databricks_use_fallback_node_type", ordered)
    after = service.clusters[CLUSTER]
    assert after["node_type_id"] == after["driver_node_type_id"] == "Standard_E8s_v5"
    for name in ("spark_conf", "custom_tags", "num_workers", "azure_attributes", "spark_version"):
        assert after[name] == before[name]


@pytest.mark.parametrize(
    ("used", "following"), [("Standard_D8s_v5", "Standard_E8s_v5"), ("Standard_E8s_v5", "Standard_D8as_v5"),
                            ("Standard_D8as_v5", None), ("Another", None)],
)  # fmt: skip
def test_the_next_type_of_the_list_is_taken(workspace: Start, used: str, following: str | None) -> None:
    service = workspace()
    with_cluster(service, node_type_id=used, driver_node_type_id="Standard_L4s")
    action = "databricks_use_fallback_node_type"
    proposals, problems = proposals_for(
        incident("databricks", OF_CLUSTER), [{"action": action, "settings": FALLBACKS}]
    )
    if following is None:
        assert proposals == []
        assert f"after node type {used}" in problems[0]
    else:
        assert proposals[0].target["change"] == {"node_type_id": following}
        assert proposals[0].blast_radius == (
            f"cluster job-harbor: {used} → {following}, which stays so, and start",
        )


@pytest.mark.parametrize("call", ["job", "update_job", "repair", None])
def test_the_machines_of_a_job_are_changed_and_its_run_repaired(workspace: Start, call: str | None) -> None:
    service = with_job(workspace())
    action = "databricks_use_fallback_node_type"
    proposals, problems = proposals_for(
        incident("databricks", OF_RUN), [{"action": action, "settings": FALLBACKS}]
    )
    assert problems == []
    assert proposals[0].blast_radius == (
        f"job {JOB}, cluster main: Standard_D8s_v5 → Standard_E8s_v5, which stays so",
        f"task berth_plan of run {RUN}", f"task report of run {RUN}",
    )  # fmt: skip
    if call:
        service.troubles[call] = [500, None]
    ordered = order(proposals[0])
    assert isinstance(tried(action, ordered), Started)
    assert service.begun == ["repair 5001: berth_plan, report"]
    machines = service.jobs[JOB]["settings"]["job_clusters"][0]["new_cluster"]
    assert machines["node_type_id"] == "Standard_E8s_v5"
    assert machines["num_workers"] == 4
    assert isinstance(tried(action, ordered, begun_before=True), Started)
    assert len(service.begun) == 1


def test_a_run_on_a_cluster_of_people_changes_that_and_is_repaired(workspace: Start) -> None:
    service = with_cluster(workspace())
    service.runs[RUN]["tasks"][1]["existing_cluster_id"] = CLUSTER
    action = "databricks_use_on_demand"
    proposals, _ = proposals_for(incident("databricks", OF_RUN), [{"action": action, "settings": {}}])
    assert "SPOT_WITH_FALLBACK_AZURE → ON_DEMAND_AZURE" in proposals[0].blast_radius[0]
    assert proposals[0].target["change"] == {"azure_attributes": {"availability": "ON_DEMAND_AZURE"}}
    assert isinstance(tried(action, order(proposals[0])), Started)
    assert service.clusters[CLUSTER]["azure_attributes"] == {
        "first_on_demand": 1,
        "availability": "ON_DEMAND_AZURE",
    }
    assert service.begun == ["repair 5001: berth_plan, report"]


@pytest.mark.parametrize(
    ("labels", "change", "why"),
    [
        ({}, {}, "names no run"),
        ({**OF_RUN, "workspace_id": "1"}, {}, "not of 1"),
        ({**OF_RUN, "job_id": "1"}, {}, "not of 1"),
        (OF_RUN, {"state": state("SUCCESS")}, "not one that ended and failed"),
        (OF_RUN, {"state": state(None, life="RUNNING")}, "not one that ended and failed"),
        (OF_RUN, {"run_type": "SUBMIT_RUN"}, "belongs to no job"),
        ({**OF_RUN, "run_id": "1"}, {}, "does not exist"),
    ],
)
def test_what_a_report_names_is_only_repaired_where_databricks_says_that_it_failed(
    workspace: Start, labels: dict[str, str], change: dict[str, Any], why: str
) -> None:
    service = workspace()
    service.runs[RUN].update(change)
    options = [
        {"action": action, "settings": {}} for action in ("databricks_repair_run", "databricks_run_now")
    ]
    proposals, problems = proposals_for(incident("databricks", labels), options)
    assert proposals == []
    assert len(problems) == 2
    assert all(why in problem for problem in problems)
    assert service.begun == []


@pytest.mark.parametrize(
    ("action", "more", "why"),
    [
        ("databricks_start_cluster", {"cluster_source": "JOB"}, "made by a job"),
        ("databricks_start_cluster", {"state": "RUNNING"}, "is RUNNING"),
        ("databricks_restart_cluster", {}, "is TERMINATED"),
        ("databricks_use_on_demand", {"azure_attributes": {"availability": "ON_DEMAND_AZURE"}}, "already"),
        ("databricks_use_on_demand", {"azure_attributes": None}, "of which cloud"),
        ("databricks_use_fallback_node_type", {"instance_pool_id": "pool-1"}, "instance pool"),
        ("databricks_reinstall_libraries", RUNNING, "no library"),
    ],
)
def test_a_cluster_that_is_not_in_that_state_is_left_alone(
    workspace: Start, action: str, more: dict[str, Any], why: str
) -> None:
    with_cluster(workspace(), **more)
    proposals, problems = proposals_for(
        incident("databricks", OF_CLUSTER), [{"action": action, "settings": FALLBACKS}]
    )
    assert proposals == []
    assert why in problems[0]


def test_the_newest_attempt_of_a_task_says_whether_it_is_done(workspace: Start) -> None:
    service = workspace()
    service.runs[RUN]["tasks"] += [
        task_run("berth_plan", 1, "SUCCESS"),
        task_run("other_branch", 2, "EXCLUDED"),
    ]
    proposals, _ = proposals_for(
        incident("databricks", OF_RUN), [{"action": "databricks_repair_run", "settings": {}}]
    )
    assert proposals[0].target["tasks"] == ["report"]


def test_a_new_run_is_started_with_what_the_failed_one_was(workspace: Start) -> None:
    service = workspace()
    service.runs[RUN].update(
        overriding_parameters={"notebook_params": {"day": "2026-02-03", "password": "hunter2"}},
        job_parameters=[{"name": "berth", "default": "1", "value": "7"}, {"name": "quay", "default": "2"}],
    )
    ordered = planned(service, "databricks_run_now")
    assert "hunter2" not in str(ordered.target)
    tried("databricks_run_now", ordered)
    asked = next(query for query in service.queries if "idempotency_token" in query)
    assert asked["notebook_params"] == {"day": "2026-02-03", "password": "hunter2"}
    assert asked["job_parameters"] == {"berth": "7"}
    assert asked["idempotency_token"] == "token-007"


def test_limits_count_by_workspace_and_job_or_cluster(workspace: Start) -> None:
    with_cluster(workspace())
    run, _ = proposals_for(
        incident("databricks", OF_RUN), [{"action": "databricks_repair_run", "settings": {}}]
    )
    up, _ = proposals_for(
        incident("databricks", OF_CLUSTER), [{"action": "databricks_start_cluster", "settings": {}}]
    )
    assert run[0].resource == f"job:{WORKSPACE}/{JOB}"
    assert up[0].resource == f"cluster:{WORKSPACE}/{CLUSTER}"


def test_libraries_are_there_when_all_are(workspace: Start) -> None:
    service = workspace()
    ordered = planned(service, "databricks_reinstall_libraries")
    repair = REPAIRS["databricks_reinstall_libraries"]
    tried("databricks_reinstall_libraries", ordered)
    assert repair.look(ordered, CLUSTER).state == "running"
    service.clusters[CLUSTER]["state"] = "RUNNING"
    assert repair.look(ordered, CLUSTER).state == "failed"
    service.libraries[CLUSTER] = [{**FAILED_LIBRARY[0], "status": "INSTALLING"}]
    assert repair.look(ordered, CLUSTER).state == "running"
    service.libraries[CLUSTER] = [{**FAILED_LIBRARY[0], "status": "INSTALLED"}]
    assert repair.look(ordered, CLUSTER).state == "succeeded"
