"""Repairs from the plan to what follows: once each, within limits, by people who may."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from rca_plugin.server import (
    approvals,
    audit,
    lifecycle,
    remediation_begin,
    remediation_plan,
    remediation_switch,
    remediations,
)
from rca_plugin.server.database import transaction
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import Incident, Remediation
from rca_plugin.server.settling import settle
from tests.server import repairing
from tests.server.made import actions, incident, stored
from tests.server.repair_runs import AGAIN, answered, asks, ended, repair_dag, repair_run, task_state
from tests.server.repairing import (
    ADA,
    BOB,
    FAILED,
    SUCCESS,
    Someone,
    became,
    begin,
    conclude,
    job_failed,
    job_repair,
    orders_failed,
    plan,
    planned,
    repair,
    states,
    stockout,
)  # fmt: skip
from tests.server.rows import add

pytestmark = pytest.mark.usefixtures("database")
Options = Callable[..., None]
AUTO = "mode: auto\ncooldown_minutes: 0\nrisks: {databricks_repair_run: low, airflow_clear: low}\n"


@pytest.fixture(autouse=True)
def dag() -> None:
    repair_dag()


@pytest.fixture
def policy(options: Options, tmp_path: Path) -> Callable[[str], None]:
    """Set how far repairs may go."""
    return lambda text: options(remediation_file=repairing.policy_file(tmp_path, text))


def answer(remediation_id: int, person: Someone, approve: bool = True) -> Remediation:
    return transaction(lambda session: approvals.answer(session, remediation_id, person, approve))  # type: ignore[arg-type]


def refusal(remediation_id: int, person: Someone) -> str:
    with pytest.raises((approvals.ApprovalError, approvals.NotApproverError)) as refused:
        answer(remediation_id, person)
    return str(refused.value)


def approved(row: Remediation, person: Someone = ADA) -> Remediation:
    asks(row.run_id)
    return answer(row.id, person)


def passed(row: Remediation, **columns: datetime) -> None:
    with create_session(scoped=False) as session:
        session.execute(update(Remediation).where(Remediation.id == row.id).values(**columns))


def ago(**how_long: float) -> datetime:
    return datetime.now(timezone.utc) - timedelta(**how_long)


# --- planning ----------------------------------------------------------------------------------------------


def test_a_repair_is_a_row_and_a_run_that_asks_at_once() -> None:
    number = stockout()
    row = planned(number, job_repair())
    assert (row.state, row.action, row.attempt, row.mode) == (
        "waiting",
        "databricks_repair_run",
        1,
        "approve",
    )
    run = repair_run(row.run_id)
    assert (run.conf, run.state) == ({"remediation_id": row.id}, "queued")
    assert run.run_after == row.planned_at
    # The knowledge base says so for a stockout.
    assert row.not_before - row.planned_at == timedelta(seconds=120)
    assert row.expires_at == row.not_before + timedelta(hours=1)
    assert row.subject.startswith(f"RCA-{number}: ")
    assert "task load" in row.body
    assert actions(number)[-1] == "repair_planned"


def test_what_nobody_is_asked_about_waits_for_its_time(policy: Callable[[str], None]) -> None:
    policy(AUTO)
    row = planned(stockout(), job_repair())
    assert repair_run(row.run_id).run_after == row.not_before == row.planned_at + timedelta(seconds=120)


def test_nothing_begins_before_its_time(policy: Callable[[str], None]) -> None:
    policy(AUTO)
    row = planned(stockout(), job_repair())
    with pytest.raises(remediations.WrongStateError, match="waits until"):
        transaction(lambda session: remediation_begin.begin(session, row.id))
    assert repair(row.id).state == "ready"


@pytest.mark.parametrize("analysis", [None, {"category_by": "model"}, {"category_by": "rules"}])
def test_a_category_that_no_rule_names_is_always_asked_about(
    policy: Callable[[str], None], analysis: dict[str, str] | None
) -> None:
    policy(AUTO)
    row = planned(stockout(rule=None, analysis=analysis), job_repair())
    assert (row.mode, row.state) == ("auto", "waiting")


def test_planning_again_answers_the_same(policy: Callable[[str], None]) -> None:
    number = stockout()
    first = plan(number, job_repair())
    assert plan(number, job_repair(2)) == first
    assert actions(number).count("repair_planned") == 1
    policy("mode: suggest")
    other = stockout(2)
    suggested = plan(other, job_repair(3))
    assert plan(other, job_repair(3)) == suggested
    row = repair(suggested.remediation_id)
    assert (row.state, row.run_id, row.begun_at) == ("suggested", None, None)
    assert [r.id for r in stored(Remediation)] == [first.remediation_id, row.id]


def test_what_was_suggested_is_done_once_policy_lets_it(policy: Callable[[str], None]) -> None:
    number = stockout()
    policy("mode: suggest")
    suggested = plan(number, job_repair())
    policy(AUTO)
    row = planned(number, job_repair())
    assert (row.state, row.id == suggested.remediation_id) == ("ready", False)


def test_many_who_plan_at_once_plan_one() -> None:
    number = stockout()
    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(lambda n: plan(number, job_repair(n)).remediation_id, range(6)))
    assert len(set(made)) == 1
    assert len(stored(Remediation)) == 1
    assert actions(number).count("repair_planned") == 1


def test_a_dry_run_leaves_nothing_and_says_all() -> None:
    number = stockout()
    before = actions(number)
    made = plan(number, job_repair(), dry_run=True)
    assert (made.remediation_id, made.decision["verdict"]) == (None, "ask")
    assert made.decision["proposal"]["blast_radius"] == ["task load"]
    assert {"kill switch", "approval"} <= {rule["name"] for rule in made.decision["rules"]}
    assert (actions(number), stored(Remediation)) == (before, [])


def test_what_is_refused_is_on_the_timeline_once() -> None:
    number = stockout(category="application_bug")
    for _ in range(2):
        assert plan(number, job_repair(), problems=["no job was found"]).decision["verdict"] == "refuse"
    assert actions(number) == ["repair_refused"]


def test_no_run_is_made_of_a_dag_that_could_not_run(database: str) -> None:
    paused("rca_remediation", True)
    try:
        made = plan(stockout(), job_repair())
    finally:
        paused("rca_remediation", False)
    assert (made.remediation_id, made.decision["verdict"]) == (None, "refuse")
    assert "DAG rca_remediation is paused: unpause it in the Airflow UI." in [
        rule["why"] for rule in made.decision["rules"]
    ]


def paused(dag_id: str, is_paused: bool) -> None:
    from airflow.models.dag import DagModel

    with create_session(scoped=False) as session:
        session.execute(update(DagModel).where(DagModel.dag_id == dag_id).values(is_paused=is_paused))


# --- beginning ---------------------------------------------------------------------------------------------


def test_an_approved_repair_begins_and_says_by_whom() -> None:
    number = stockout()
    row = approved(planned(number, job_repair()))
    begun = begin(row.id)
    assert (begun.granted, begun.begun_before, begun.row.state) == (True, False, "running")
    assert begun.row.begun_at is not None
    assert [one["name"] for one in repair(row.id).approvals] == ["Ada"]
    assert actions(number)[-2:] == ["repair_approved", "repair_begun"]


def test_nobody_has_answered_yet_so_nothing_begins() -> None:
    row = planned(stockout(), job_repair())
    begun = begin(row.id)
    assert (begun.granted, begun.row.state) == (False, "refused")
    assert begun.reason == "it was not approved yet"


def test_a_repair_begins_once_however_many_ask_at_once(policy: Callable[[str], None]) -> None:
    policy(AUTO)
    row = planned(stockout(), job_repair())
    with ThreadPoolExecutor(8) as threads:
        begun = list(threads.map(lambda _: begin(row.id), range(8)))
    assert all(one.granted for one in begun)
    assert sorted(one.begun_before for one in begun) == [False] + [True] * 7
    assert actions(row.incident_id).count("repair_begun") == 1


def test_200_incidents_that_want_10_clusters_repaired_stay_within_the_limits(
    policy: Callable[[str], None],
) -> None:
    policy(
        AUTO + "limits: {per_resource: {running: 2, started: 3}, everywhere: {running: 15, started: 200}}\n"
    )
    numbers = add(*(job_failed(n) for n in range(200)))
    with ThreadPoolExecutor(16) as threads:
        rows = list(threads.map(lambda number: planned(number, job_repair(number % 10)), numbers))
        begun = list(threads.map(lambda row: begin(row.id), rows))
    granted = [one.row for one in begun if one.granted]
    assert len(granted) == 15
    on_one = [sum(row.resource == f"cluster:w/{n}" for row in granted) for n in range(10)]
    assert max(on_one) <= 2
    refused = [one for one in begun if not one.granted]
    assert {one.row.state for one in refused} == {"refused"}
    assert all("repairs run" in one.reason for one in refused)
    with create_session(scoped=False) as session:
        running = select(func.count(Remediation.id)).where(Remediation.state == "running")
        assert session.scalar(running) == 15


def test_what_could_be_done_next_can_be_looked_up_while_one_runs(policy: Callable[[str], None]) -> None:
    policy(AUTO)
    number = stockout()
    row = planned(number, job_repair())
    assert options_of(number) == []
    assert begin(row.id).granted
    assert "databricks_repair_run" in options_of(number)


def options_of(number: int) -> list[str]:
    with create_session(scoped=False) as session:
        found = remediation_plan.options(session, session.get_one(Incident, number))
        return [action for action, _ in found.options]


def test_the_limit_of_a_resource_is_exact_when_the_other_is_far(policy: Callable[[str], None]) -> None:
    policy(
        AUTO
        + "limits: {per_resource: {running: 2, started: 2}, everywhere: {running: 1000, started: 1000}}\n"
    )
    rows = [planned(stockout(n), job_repair(n % 5)) for n in range(40)]
    with ThreadPoolExecutor(16) as threads:
        begun = list(threads.map(lambda row: begin(row.id), rows))
    granted = [one.row.resource for one in begun if one.granted]
    assert [granted.count(f"cluster:w/{n}") for n in range(5)] == [2] * 5


def test_the_switch_stops_everything_at_once_and_again_lets_go(policy: Callable[[str], None]) -> None:
    policy(AUTO)
    rows = [planned(stockout(n), job_repair(n)) for n in range(2)]
    turn(False, "the cloud is down")
    begun = begin(rows[0].id)
    assert (begun.granted, begun.row.state) == (False, "refused")
    assert "Ada switched repairs off" in begun.reason
    assert "the cloud is down" in begun.reason
    turn(True)
    assert begin(rows[1].id).granted


def test_the_option_stops_everything_too(policy: Callable[[str], None], options: Options) -> None:
    policy(AUTO)
    row = planned(stockout(), job_repair())
    options(remediation="False")
    assert "[rca] remediation" in begin(row.id).reason


def turn(on: bool, reason: str = "") -> None:
    transaction(lambda session: remediation_switch.turn(session, on=on, person="Ada", reason=reason))


# --- answers of people -------------------------------------------------------------------------------------


def test_a_rejection_ends_it_and_nothing_begins() -> None:
    row = planned(stockout(), job_repair())
    asks(row.run_id)
    assert answer(row.id, ADA, approve=False).state == "rejected"
    assert (begin(row.id).granted, begin(row.id).reason) == (False, "ada rejected it")
    assert (conclude(row.id, "not_begun").then, incident("w/jobs/1").priority) == ("ended", "P2")


def test_a_rejection_in_the_page_of_airflow_counts_as_well() -> None:
    row = planned(stockout(), job_repair())
    asks(row.run_id)
    answered(row.run_id, "Reject", "bob")
    assert (begin(row.id).reason, repair(row.id).state) == ("Bob rejected it", "rejected")


def test_an_approval_in_the_page_of_airflow_counts_as_well() -> None:
    row = planned(stockout(), job_repair())
    asks(row.run_id)
    answered(row.run_id, "Approve", "bob")
    assert begin(row.id).granted
    assert actions(row.incident_id)[-2:] == ["repair_approved", "repair_begun"]


def test_an_approval_after_its_time_does_nothing_and_says_so() -> None:
    row = planned(stockout(), job_repair())
    asks(row.run_id)
    passed(row, expires_at=ago(seconds=1))
    assert refusal(row.id, ADA).startswith("the time to answer ended at ")
    assert task_state(row.run_id) == "awaiting_input"
    # Airflow's own page knows of no second more or less.
    answered(row.run_id, "Approve", "ada")
    begun = begin(row.id)
    assert (begun.granted, begun.row.state) == (False, "expired")
    assert begun.reason.startswith("it was not approved until ")


def test_nobody_answered_in_time() -> None:
    row = planned(stockout(), job_repair())
    asks(row.run_id)
    answered(row.run_id, "Reject", None)
    assert conclude(row.id, "not_begun").then == "ended"
    assert repair(row.id).state == "expired"


def test_an_approval_by_somebody_who_may_not_does_nothing_and_says_so() -> None:
    row = planned(stockout(), job_repair())
    asks(row.run_id)
    assert refusal(row.id, Someone("eve", acts=False)).startswith("you may answer if you may trigger the DAG")
    with pytest.raises(LookupError):
        answer(row.id, Someone("eve", reads=False))
    assert task_state(row.run_id) == "awaiting_input"
    assert "repair_approved" not in actions(row.incident_id)


def test_a_second_approval_does_nothing_and_says_so() -> None:
    row = approved(planned(stockout(), job_repair()))
    assert refusal(row.id, ADA) == "you have answered already: a second person has to agree"
    assert refusal(row.id, BOB).startswith("nobody is asked yet, or everybody has answered")
    assert begin(row.id).granted
    assert "is running: nobody is asked any more" in refusal(row.id, BOB)


def test_two_who_answer_at_once_are_one_answer() -> None:
    row = planned(stockout(), job_repair())
    asks(row.run_id)

    def try_it(person: Someone) -> str:
        try:
            return answer(row.id, person).state
        except approvals.ApprovalError as error:
            return str(error)

    with ThreadPoolExecutor(2) as threads:
        said = sorted(threads.map(try_it, (ADA, BOB)))
    assert said[1] == "waiting"
    assert said[0].startswith("nobody is asked yet")
    assert actions(row.incident_id).count("repair_approved") == 1


def test_four_eyes_are_of_two_people(policy: Callable[[str], None]) -> None:
    policy("four_eyes: [{when: ['environment=\"production\"']}]\n")
    row = approved(planned(stockout(), job_repair()))
    asks(row.run_id, AGAIN)
    assert refusal(row.id, ADA) == "you have answered already: a second person has to agree"
    assert task_state(row.run_id, AGAIN) == "awaiting_input"
    # Airflow's own page asks for no second person.
    answered(row.run_id, "Approve", "ada", AGAIN)
    begun = begin(row.id)
    assert (begun.granted, begun.row.state) == (False, "refused")
    assert begun.reason == "2 different people have to approve it, 1 did"


def test_four_eyes_that_agree_let_it_begin(policy: Callable[[str], None]) -> None:
    policy("four_eyes: [{when: ['environment=\"production\"']}]\n")
    row = approved(planned(stockout(), job_repair()))
    asks(row.run_id, AGAIN)
    answer(row.id, BOB)
    assert begin(row.id).granted
    assert [one["name"] for one in repair(row.id).approvals] == ["Ada", "Bob"]


def test_an_approval_of_an_incident_that_is_over_does_nothing_and_says_so() -> None:
    number = stockout()
    row, late = planned(number, job_repair()), planned(stockout(2), job_repair(2))
    asks(row.run_id)
    approved(late)
    for one in (number, late.incident_id):
        resolve(one)
    assert refusal(row.id, ADA) == f"RCA-{number} is resolved meanwhile: there is nothing to repair"
    begun = begin(late.id)
    assert (begun.granted, begun.row.state) == (False, "refused")
    assert begun.reason == "The incident is resolved."


def resolve(number: int) -> None:
    transaction(lambda session: lifecycle.resolve(session, locked(session, number), "ada", "by hand"))


# --- clearing in Airflow -----------------------------------------------------------------------------------


def test_a_failed_task_and_what_comes_after_it_are_cleared_when_it_begins() -> None:
    number = orders_failed()
    row = planned(number)
    assert (row.action, row.resource) == ("airflow_clear", "orders/load")
    assert row.decision["proposal"]["blast_radius"] == ["load of run-1", "publish of run-1"]
    begun = begin(approved(row).id)
    assert (begun.granted, begun.row.external_run_id) == (True, "orders/run-1")
    assert states() == {"extract": "success", "load": None, "publish": None}
    assert run_state() == "queued"


def run_state() -> str:
    with create_session(scoped=False) as session:
        return session.scalars(select(DagRun.state).where(DagRun.dag_id == "orders")).one()


def test_what_a_worker_says_about_targets_in_airflow_is_not_believed() -> None:
    from rca_plugin.core.remediation.proposal import Proposal

    number = orders_failed()
    wider = Proposal(
        "airflow_clear", "other/task", {"dag_id": "other", "run_id": "x", "task_id": "y"}, ("all",)
    )
    assert planned(number, wider).decision["proposal"]["resource"] == "orders/load"


def test_a_clear_and_its_record_are_one(
    monkeypatch: pytest.MonkeyPatch, policy: Callable[[str], None]
) -> None:
    policy(AUTO)
    row = planned(orders_failed())
    real = audit.append

    def fail(session: Session, incident_id: int, actor: str, action: str, **detail: object) -> None:
        real(session, incident_id, actor, action, **detail)
        if action == "repair_begun":
            raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(remediation_begin.audit, "append", fail)
        with pytest.raises(RuntimeError):
            begin(row.id)
    assert states()["load"] == "failed"
    assert (repair(row.id).state, run_state()) == ("ready", "failed")
    assert begin(row.id).granted
    assert tries() == 1


def tries() -> int:
    """How often the failed try of `load` was put into the history."""
    from airflow.models.taskinstancehistory import TaskInstanceHistory

    with create_session(scoped=False) as session:
        ours = select(func.count()).where(
            TaskInstanceHistory.dag_id == "orders", TaskInstanceHistory.task_id == "load"
        )
        return session.scalar(ours) or 0


def test_many_that_begin_clear_once(policy: Callable[[str], None]) -> None:
    policy(AUTO)
    row = planned(orders_failed())
    with ThreadPoolExecutor(6) as threads:
        assert all(one.granted for one in threads.map(lambda _: begin(row.id), range(6)))
    assert tries() == 1


def test_what_somebody_has_cleared_meanwhile_is_left_alone(policy: Callable[[str], None]) -> None:
    policy(AUTO)
    row = planned(orders_failed())
    became({"load": SUCCESS})
    begun = begin(row.id)
    assert (begun.granted, begun.reason) == (False, "task load is not failed any more in run-1")


def test_nothing_more_is_cleared_than_was_decided_on(policy: Callable[[str], None]) -> None:
    number = orders_failed()
    became({"publish": None})
    policy(AUTO)
    row = planned(number)
    assert row.decision["proposal"]["blast_radius"] == ["load of run-1"]
    became({"publish": SUCCESS})
    assert begin(row.id).reason == "it would clear more than was decided on: publish of run-1"
    assert states()["load"] == "failed"


def test_a_paused_dag_is_not_cleared() -> None:
    number = orders_failed()
    paused("orders", True)
    made = plan(number)
    assert made.remediation_id is None
    assert "airflow_clear: DAG orders is paused: what is cleared would not run." in [
        rule["why"] for rule in made.decision["rules"]
    ]


# --- what follows ------------------------------------------------------------------------------------------


def begun(policy: Callable[[str], None], number: int | None = None, *proposals: object) -> Remediation:
    policy(AUTO)
    row = planned(number or orders_failed(), *proposals)  # type: ignore[arg-type]
    assert begin(row.id).granted
    return row


def test_what_works_again_is_resolved_with_how_by_whom_and_how_long_it_took(
    policy: Callable[[str], None],
) -> None:
    number = orders_failed()
    row = approved(planned(number))
    begin(row.id)
    became({"load": SUCCESS})
    assert conclude(row.id, "succeeded").then == "resolved"
    found = incident("orders/load")
    assert (found.status, found.resolved_how.partition(" minutes")[0].rpartition(", ")[0]) == (
        "resolved", "repaired by airflow_clear (attempt 1), approved by Ada",
    )  # fmt: skip
    assert repair(row.id).state == "succeeded"
    before = actions(number)
    assert conclude(row.id, "failed").then == "resolved"
    assert (actions(number), repair(row.id).state) == (before, "succeeded")


def test_airflow_is_believed_and_not_who_follows(policy: Callable[[str], None]) -> None:
    row = begun(policy)
    became({"load": FAILED})
    conclude(row.id, "succeeded", "trust me")
    assert (repair(row.id).state, repair(row.id).outcome) == ("failed", "it failed again")
    assert incident("orders/load").status == "open"


def test_what_fails_again_is_tried_again_later(policy: Callable[[str], None]) -> None:
    row = begun(policy)
    became({"load": FAILED})
    done = conclude(row.id, "failed")
    assert done.then == "next_attempt"
    after = repair(done.next_id)
    assert (after.attempt, after.state, after.action) == (2, "ready", "airflow_clear")
    ended_at = repair(row.id).ended_at
    assert ended_at is not None
    assert after.not_before - ended_at == timedelta(seconds=60)
    assert repair_run(after.run_id).run_after == after.not_before
    assert conclude(row.id, "failed") == done
    assert len(stored(Remediation)) == 2


def test_what_fails_for_the_last_time_calls_people(policy: Callable[[str], None]) -> None:
    row = begun(policy)
    for _ in range(2):
        became({"load": FAILED})
        row = repair(conclude(row.id, "failed").next_id)
        assert begin(row.id).granted
    became({"load": FAILED})
    assert (row.attempt, conclude(row.id, "failed").then) == (3, "escalated")
    found = incident("orders/load")
    assert (found.status, found.priority, found.priority_by) == ("open", "P1", "rca")
    assert actions(found.id)[-2:] == ["prioritized", "escalated"]


def test_a_policy_that_cannot_be_read_calls_people_too(
    policy: Callable[[str], None], options: Options, tmp_path: Path
) -> None:
    row = begun(policy, stockout(), job_repair())
    options(remediation_file=tmp_path / "gone.yaml")
    assert conclude(row.id, "failed").then == "escalated"
    assert "[rca] remediation_file" in last_why(row.incident_id)


def last_why(number: int) -> str:
    with create_session(scoped=False) as session:
        return str(audit.timeline(session, number)[-1].detail["why"])


def test_nobody_knows_what_came_of_it_calls_people_and_nothing_more_is_tried(
    policy: Callable[[str], None],
) -> None:
    number = stockout()
    row = begun(policy, number, job_repair())
    assert conclude(row.id, "unknown", "Databricks did not answer").then == "escalated"
    assert (repair(row.id).state, repair(row.id).outcome) == ("unknown", "Databricks did not answer")
    made = plan(number, job_repair())
    assert (made.remediation_id, made.decision["verdict"]) == (None, "refuse")


def test_the_next_attempt_takes_what_was_looked_up_anew(policy: Callable[[str], None]) -> None:
    row = begun(policy, stockout(), job_repair())
    done = conclude(row.id, "failed", "", job_repair("other"))
    assert repair(done.next_id).resource == "cluster:w/other"


def test_a_sender_that_was_faster_does_not_hide_how_it_was_repaired(policy: Callable[[str], None]) -> None:
    number = stockout()
    row = begun(policy, number, job_repair())
    transaction(
        lambda session: lifecycle.resolve(session, locked(session, number), "databricks", "a run succeeded")
    )
    assert conclude(row.id, "succeeded").then == "resolved"
    assert "repaired by databricks_repair_run" in (stored(Incident)[0].resolved_how or "")


# --- housekeeping ------------------------------------------------------------------------------------------


def test_housekeeping_leaves_the_conclusion_to_a_repair_that_runs(policy: Callable[[str], None]) -> None:
    row = begun(policy)
    became({"load": SUCCESS}, start_date=datetime.now(timezone.utc))
    assert settle().resolved == 0
    assert incident("orders/load").status == "open"
    conclude(row.id, "succeeded")
    assert "repaired by" in (incident("orders/load").resolved_how or "")


def test_a_run_that_was_killed_while_the_task_works_is_concluded_by_what_became_of_it(
    policy: Callable[[str], None],
) -> None:
    row = begun(policy)
    ended(row.run_id)
    assert settle().repairs == 0
    became({"load": SUCCESS}, start_date=datetime.now(timezone.utc))
    assert settle().repairs == 1
    assert (repair(row.id).state, incident("orders/load").status) == ("succeeded", "resolved")
    assert "repaired by airflow_clear" in (incident("orders/load").resolved_how or "")


@pytest.mark.parametrize("mode", ["auto", "approve"])
def test_a_run_that_was_killed_before_it_began_ends_as_canceled(
    policy: Callable[[str], None], mode: str
) -> None:
    policy(AUTO.replace("auto", mode, 1))
    row = planned(stockout(), job_repair())
    assert settle().repairs == 0
    ended(row.run_id)
    assert settle().repairs == 1
    assert (repair(row.id).state, repair(row.id).outcome) == ("canceled", "its run ended before it began")
    assert settle().repairs == 0


def test_a_run_that_waited_for_an_answer_too_long_ends_as_expired() -> None:
    row = planned(stockout(), job_repair())
    passed(row, expires_at=ago(hours=1))
    assert settle().repairs == 1
    assert repair(row.id).state == "expired"


def test_a_run_that_was_killed_outside_is_unknown_and_people_are_called(
    policy: Callable[[str], None],
) -> None:
    row = begun(policy, stockout(), job_repair())
    assert settle().repairs == 0
    ended(row.run_id)
    assert settle().repairs == 1
    assert (repair(row.id).state, incident("w/jobs/1").priority) == ("unknown", "P1")
    assert "escalated" in actions(row.incident_id)
