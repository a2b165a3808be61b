"""Whether a model may be asked, what is kept of it, and what it costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from airflow.utils.session import create_session
from sqlalchemy import update

from rca_plugin.core.model_call import Purpose
from rca_plugin.core.model_request import request_to_json
from rca_plugin.server import audit, model_calls, pricing, spending
from rca_plugin.server.database import transaction
from rca_plugin.server.incidents import UnknownIncidentError
from rca_plugin.server.model_calls import UnknownCallError
from rca_plugin.server.model_plan import Plan
from rca_plugin.server.models import Incident, ModelCall
from tests.secrets_of_each_kind import planted
from tests.server.asked import REQUEST, asked, ended
from tests.server.made import actions, alerted, store, stored
from tests.server.rows import add, an_incident

pytestmark = pytest.mark.usefixtures("database")
Options = Callable[..., None]


@pytest.fixture
def incident_id() -> int:
    [made] = add(an_incident())
    return made


def call(call_id: int | None) -> ModelCall:
    [found] = [row for row in stored(ModelCall) if row.id == call_id]
    return found


def spent_today() -> int:
    with create_session(scoped=False) as session:
        return round(spending.of_day(session, datetime.now(timezone.utc).date()).spent * 1_000_000)


def refusal(plan: Plan) -> str:
    assert (plan.decision, plan.call_id, plan.answer) == ("refuse", None, None)
    return plan.reason


def worst() -> int:
    return pricing.worst_cost(REQUEST, datetime.now(timezone.utc))


def last_entry(incident_id: int) -> dict[str, object]:
    with create_session(scoped=False) as session:
        entry = audit.timeline(session, incident_id)[-1]
        return {"action": entry.action, "actor": entry.actor, **entry.detail}


def test_the_question_is_on_record_and_its_worst_cost_reserved_before_it_is_asked(incident_id: int) -> None:
    plan = asked(incident_id)
    assert (plan.decision, plan.reason, plan.answer) == ("ask", "", None)
    row = call(plan.call_id)
    assert json.loads(row.request) == request_to_json(REQUEST)
    assert list(json.loads(row.request)["schema"]["properties"]) == ["summary", "category"]
    assert (row.state, row.cost_micros, row.reserved_micros) == ("running", None, worst())
    assert spent_today() == worst()
    assert last_entry(incident_id) == {
        "action": "model_asked", "actor": "rca", "call": plan.call_id, "purpose": "analysis",
        "model": REQUEST.model, "prompt": REQUEST.prompt, "costs_at_most": worst() / 1_000_000,
    }  # fmt: skip


def test_an_outcome_is_kept_and_its_cost_takes_the_place_of_what_was_reserved(incident_id: int) -> None:
    plan = asked(incident_id)
    recorded = ended(plan.call_id, input_tokens=2_000, cached_tokens=500, output_tokens=300, seconds=2.5)
    # 1,500 at $0.30, 500 at $0.03 and 300 at $2.50 a million.
    assert (recorded.incident_id, recorded.cost) == (incident_id, 0.001215)
    assert spent_today() == 1_215
    row = call(plan.call_id)
    assert (row.state, row.answer, row.cost_micros, row.seconds) == (
        "answered",
        '{"summary": []}',
        1_215,
        2.5,
    )
    assert last_entry(incident_id) == {
        "action": "model_answered", "actor": "rca", "call": plan.call_id, "model": REQUEST.model,
        "prompt": REQUEST.prompt, "input_tokens": 2_000, "cached_tokens": 500, "output_tokens": 300,
        "cost": 0.001215, "seconds": 2.5,
    }  # fmt: skip
    with create_session(scoped=False) as session:
        assert audit.first_broken_entry(session, incident_id) is None


def test_recording_again_changes_nothing(incident_id: int) -> None:
    plan = asked(incident_id)
    first = ended(plan.call_id)
    before = (spent_today(), actions(incident_id))
    assert ended(plan.call_id) == first
    assert ended(plan.call_id, "something else", input_tokens=9) == first
    assert (spent_today(), actions(incident_id)) == before
    assert call(plan.call_id).answer == '{"summary": []}'


def test_a_call_whose_task_was_killed_stays_spent(incident_id: int, options: Options) -> None:
    options(gemini_incident_budget=2.5 * worst() / 1_000_000)
    assert [asked(incident_id, name).decision for name in "abc"] == ["ask", "ask", "refuse"]
    assert spent_today() == 2 * worst()


def test_nothing_sent_costs_nothing_and_nobody_knows_is_the_worst(incident_id: int) -> None:
    assert ended(asked(incident_id, "a").call_id, None, asked=False, problem="no route").cost == 0
    assert spent_today() == 0
    unknown = asked(incident_id, "b").call_id
    assert ended(unknown, None, counted=False, problem="no answer in 60 s").cost == worst() / 1_000_000
    assert spent_today() == worst()
    assert [row.state for row in stored(ModelCall)] == ["not_sent", "failed"]
    assert actions(incident_id) == ["model_asked", "model_failed"] * 2


def test_a_failure_costs_what_was_used(incident_id: int) -> None:
    plan = asked(incident_id)
    used = {"input_tokens": 1_000, "output_tokens": 0}
    assert ended(plan.call_id, None, problem="the answer was blocked: SAFETY", **used).cost == 0.0003
    entry = last_entry(incident_id)
    assert (entry["action"], entry["problem"]) == ("model_failed", "the answer was blocked: SAFETY")


def test_the_budget_of_an_incident_is_for_all_its_calls(incident_id: int, options: Options) -> None:
    options(gemini_incident_budget=1.5 * worst() / 1_000_000)
    ended(asked(incident_id, purpose=Purpose.REPLAY).call_id, input_tokens=0, output_tokens=0)
    assert asked(incident_id, "b").decision == "ask"
    reason = refusal(asked(incident_id, purpose=Purpose.REPLAY))
    assert reason.startswith(f"the budget of RCA-{incident_id} does not suffice")
    assert "[rca] gemini_incident_budget" in reason
    [other] = add(an_incident())
    assert asked(other, "c").decision == "ask"


def test_the_budget_of_the_day_stops_calls_and_says_so(incident_id: int, options: Options) -> None:
    options(gemini_daily_budget=1.5 * worst() / 1_000_000)
    [other] = add(an_incident())
    assert asked(other, "b").decision == "ask"
    reason = refusal(asked(incident_id))
    assert "the budget of the day does not suffice until 00:00 UTC" in reason
    assert "[rca] gemini_daily_budget" in reason
    assert last_entry(incident_id) == {
        "action": "model_refused", "actor": "rca", "why": reason, "purpose": "analysis", "model": REQUEST.model,
    }  # fmt: skip
    assert spent_today() == worst()
    assert len(stored(ModelCall)) == 1


def test_no_budget_is_spent_twice_by_many_at_once(options: Options) -> None:
    options(gemini_daily_budget=5.5 * worst() / 1_000_000, gemini_incident_budget=2.5 * worst() / 1_000_000)
    made = add(*(an_incident() for _ in range(4)))
    transaction(lambda session: spending.open_day(session, datetime.now(timezone.utc).date()))
    with ThreadPoolExecutor(8) as threads:
        plans = list(threads.map(lambda n: asked(made[n // 4], str(n)), range(16)))
    allowed = [plan.call_id for plan in plans if plan.decision == "ask"]
    assert len(allowed) == 5
    calls = [row.incident_id for row in stored(ModelCall)]
    assert max(calls.count(each) for each in made) <= 2
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: ended(allowed[n % 5]), range(20)))
    assert spent_today() == 5 * 550


def test_nobody_knows_the_price(incident_id: int) -> None:
    reason = refusal(asked(incident_id, request=replace(REQUEST, model="no-such-model")))
    assert "nobody knows the price of no-such-model" in reason
    assert "[rca] gemini_price" in reason


def test_gemini_is_left_alone_as_long_as_it_asked(incident_id: int) -> None:
    ended(asked(incident_id).call_id, None, problem="429", input_tokens=0, output_tokens=0, retry_after=3_600)
    for purpose in Purpose:
        assert "Gemini asked to wait until" in refusal(asked(incident_id, "b", purpose=purpose))
    with create_session(scoped=False) as session:
        session.execute(
            update(ModelCall).values(wait_until=datetime.now(timezone.utc) - timedelta(seconds=1))
        )
    assert asked(incident_id, "b").decision == "ask"


def test_nobody_is_left_alone_for_a_year(incident_id: int) -> None:
    ended(asked(incident_id).call_id, None, problem="429", retry_after=float("inf"))
    until = call(stored(ModelCall)[0].id).wait_until
    assert until is not None
    assert until - datetime.now(timezone.utc) <= timedelta(days=1)


def test_the_same_question_is_answered_from_what_is_stored(incident_id: int) -> None:
    [later] = add(an_incident())
    ended(asked(incident_id).call_id, "old")
    ended(asked(incident_id, purpose=Purpose.REPLAY).call_id, "new")
    plan = asked(later)
    assert (plan.decision, plan.answer, plan.answered_for) == ("reuse", "new", f"RCA-{incident_id}")
    assert plan.answered_at == stored(ModelCall)[1].ended_at
    row = call(plan.call_id)
    assert (row.state, row.answer, row.cost_micros, row.reserved_micros) == ("reused", "new", 0, 0)
    assert actions(later) == ["model_answer_reused"]
    assert asked(later, purpose=Purpose.REPLAY).decision == "ask"
    [third] = add(an_incident())
    assert asked(third).answered_for == f"RCA-{incident_id}"


def test_what_failed_is_not_reused(incident_id: int) -> None:
    ended(asked(incident_id).call_id, None, problem="empty")
    ended(asked(incident_id).call_id, "{", problem="cut off")
    asked(incident_id)
    assert asked(incident_id).decision == "ask"


def test_what_is_reused_needs_no_budget_no_price_and_no_patience(incident_id: int, options: Options) -> None:
    ended(asked(incident_id).call_id, retry_after=3_600)
    options(gemini_daily_budget="0", gemini_incident_budget="0")
    assert asked(incident_id).decision == "reuse"


def test_a_burst_is_one_call_for_its_storm() -> None:
    for number in range(8):
        store(alerted(f"service-{number}", error="licence has run out"))
    incidents = stored(Incident)
    assert len(incidents) == 9
    [storm] = [each for each in incidents if each.kind == "storm"]
    plans = {each.id: asked(each.id, str(each.id)) for each in incidents}
    assert [each for each, plan in plans.items() if plan.decision == "ask"] == [storm.id]
    reasons = {refusal(plan) for each, plan in plans.items() if each != storm.id}
    assert all(f"part of storm RCA-{storm.id}" in reason for reason in reasons)


def test_a_burst_that_comes_at_once_is_one_call_too() -> None:
    store(*(alerted(f"service-{number}", error="licence has run out") for number in range(8)))
    plans = [asked(each.id, str(each.id)).decision for each in stored(Incident)]
    assert sorted(plans) == ["ask"] + ["refuse"] * 8


def test_a_storm_that_is_over_or_began_at_another_time_speaks_for_nobody() -> None:
    for number in range(8):
        store(alerted(f"service-{number}", error="licence has run out"))
    first = stored(Incident)[0].id
    with create_session(scoped=False) as session:
        opened = datetime.now(timezone.utc) - timedelta(minutes=5)
        session.execute(update(Incident).where(Incident.id == first).values(opened_at=opened))
    assert asked(first, "a").decision == "ask"
    second = stored(Incident)[1].id
    assert asked(second, "b").decision == "refuse"
    with create_session(scoped=False) as session:
        session.execute(update(Incident).where(Incident.kind == "storm").values(status="resolved"))
    assert asked(second, "b").decision == "ask"


def test_a_suppressed_incident_is_only_asked_about_when_a_person_wants_it() -> None:
    [quiet] = add(
        an_incident(status="suppressed", suppressed_by="silence", suppressed_why="silenced by ada: CHG-1")
    )
    assert refusal(asked(quiet)) == f"RCA-{quiet} is suppressed: silenced by ada: CHG-1"
    assert asked(quiet, purpose=Purpose.REPLAY).decision == "ask"


def test_a_request_with_a_secret_in_it_is_neither_stored_nor_asked(incident_id: int) -> None:
    for text, secret in planted("Qz7").values():
        with pytest.raises(ValueError, match="looks like a secret") as refused:
            asked(incident_id, request=replace(REQUEST, text=f"E1 log\n{text}"))
        assert secret not in str(refused.value)
    for part in (
        {"system": "password=s3crQz7X"},
        {"prompt": "token=s3crQz7X"},
        {"schema": {"password": "s3crQz7X"}},
    ):
        with pytest.raises(ValueError, match="looks like a secret"):
            asked(incident_id, request=replace(REQUEST, **part))
    assert stored(ModelCall) == []
    assert spent_today() == 0


def test_the_answer_is_stored_without_its_secrets(incident_id: int) -> None:
    plan = asked(incident_id)
    ended(
        plan.call_id, '{"root_cause": "password=hunter2hunter2 \x00\x1b[31m"}', problem="token: abcd1234efgh"
    )
    row = call(plan.call_id)
    assert "hunter2" not in row.answer
    assert "\x00" not in row.answer
    assert "abcd1234" not in row.problem


def test_calls_are_listed_newest_first_without_what_was_said(incident_id: int) -> None:
    ended(asked(incident_id, "a").call_id)
    asked(incident_id, "b")
    with create_session(scoped=False) as session:
        listed = model_calls.of_incident(session, incident_id)
        assert [each.row.state for each in listed] == ["running", "answered"]
        assert not {"request", "answer"} & set(listed[0].row.__dict__)
        one = model_calls.one(session, incident_id, listed[1].row.id)
        assert one.request() == request_to_json(REQUEST)
        with pytest.raises(UnknownCallError):
            model_calls.one(session, incident_id + 1, listed[1].row.id)


def test_what_is_unknown_is_said(incident_id: int) -> None:
    with pytest.raises(UnknownIncidentError):
        asked(incident_id + 1_000)
    with pytest.raises(UnknownCallError):
        ended(123_456)
