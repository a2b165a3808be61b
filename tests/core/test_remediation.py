"""Attempts to repair: their states, their proposals, what people are asked, and what came of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rca_plugin.core.category import Category
from rca_plugin.core.incident import Status
from rca_plugin.core.knowledge import ACTIONS
from rca_plugin.core.matcher import Matchers
from rca_plugin.core.policy import decide
from rca_plugin.core.remediation.backtest import PastIncident, backtest
from rca_plugin.core.remediation.case import Case
from rca_plugin.core.remediation.decision import Decision, Verdict
from rca_plugin.core.remediation.options import worth_proposing
from rca_plugin.core.remediation.policy import ActionSettings, Limit, ModeEntry, Policy
from rca_plugin.core.remediation.proposal import Proposal, ProposalError
from rca_plugin.core.remediation.question import question
from rca_plugin.core.remediation.record import Entry, Hindsight, in_words, tallies
from rca_plugin.core.remediation.state import BEGUN, ENDED, Mode, RemediationState, may_become
from tests.core.repairs import KNOWLEDGE, NOW, attempt, case, policy, proposal, subject

S = RemediationState
NOT_BEGUN = {S.REJECTED, S.EXPIRED, S.REFUSED, S.CANCELED}
KNOWN_END = {S.SUCCEEDED, S.FAILED, S.UNKNOWN}


@pytest.mark.parametrize("now", list(S), ids=str)
def test_an_attempt_goes_from_state_to_state_and_ends_once(now: RemediationState) -> None:
    then = {
        S.WAITING: {S.READY, S.RUNNING, *NOT_BEGUN},
        S.READY: {S.RUNNING, *NOT_BEGUN},
        S.RUNNING: KNOWN_END,
    }.get(now, set())
    assert {state for state in S if may_become(now, state)} == then
    assert (now in ENDED) == (not then)
    assert (now in BEGUN) == (now in KNOWN_END | {S.RUNNING})


# Proposals.


def test_a_proposal_comes_back_as_it_was() -> None:
    one = proposal(target={"run": 7, "nested": {"a": [1, None, True]}})
    assert Proposal.from_json(json.loads(json.dumps(one.to_json()))) == one


@pytest.mark.parametrize(
    "change",
    [
        {"action": "rm -rf /"}, {"action": 7}, {"resource": ""}, {"resource": "x" * 511},
        {"resource": "dag/\u200bload"}, {"resource": " dag/load"},
        {"target": []}, {"target": {"a": "x" * 16_000}}, {"target": {"a": float("nan")}},
        {"target": {"a": object()}}, {"blast_radius": []}, {"blast_radius": ["x"] * 1_001}, {"blast_radius": [""]},
        {"blast_radius": ["\u200b"]}, {"blast_radius": "dag/load"}, {"verdict": "act"}, {"mode": "auto"},
    ],
)  # fmt: skip
def test_what_is_no_proposal_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProposalError, match=f"look at: {next(iter(change))}") as error:
        Proposal.from_json({**proposal().to_json(), **change})
    assert "xxx" not in str(error.value)


@pytest.mark.parametrize("value", [None, [], "airflow_clear", {}])
def test_anything_else_is_refused_too(value: Any) -> None:
    with pytest.raises(ProposalError):
        Proposal.from_json(value)


def test_a_target_that_is_too_deep_is_refused() -> None:
    deep: Any = 1
    for _ in range(3_000):
        deep = {"a": deep}
    with pytest.raises(ProposalError):
        Proposal.from_json({**proposal().to_json(), "target": {"a": deep}})


# What people are asked.


def asked(policy: Policy, case: Case, one: Proposal) -> Decision:
    return decide(policy, KNOWLEDGE[case.subject.category], case, [one])


def test_a_question_says_what_is_done_to_what_and_who_has_to_agree() -> None:
    one = proposal(blast_radius=tuple(f"orders_daily/task_{n}" for n in range(60)))
    decision = asked(policy(mode=Mode.APPROVE, blast_radius=99), case(), one)
    shown = question("RCA-42", "OperationalError: refused", subject(), decision)
    assert (
        shown.subject == "RCA-42: run the failed tasks, and what depends on them, again? (orders_daily/load)"
    )
    for part in (
        "` OperationalError: refused `", "` airflow_clear `, low risk", "1 of 3", "**It touches 60:**",
        "- ` orders_daily/task_0 `", "- ` orders_daily/task_49 `", "- and 10 more", '` {"dag_id": "orders_daily"} `',
        "One person.", "within 60 min it is rejected",
    ):  # fmt: skip
        assert part in shown.body, part
    assert "task_50" not in shown.body


def test_four_eyes_are_two_people() -> None:
    urgent = policy(four_eyes=(Matchers.from_text(["source=airflow"]),))
    assert "2 different people." in question("RCA-1", "x", subject(), asked(urgent, case(), proposal())).body


def test_nobody_is_asked_about_nothing() -> None:
    nothing = decide(policy(), KNOWLEDGE[Category.TIMEOUT], case(category=Category.TIMEOUT), [])
    with pytest.raises(ValueError, match="without a proposal"):
        question("RCA-1", "x", subject(), nothing)


_HOSTILE = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="`*_[]()<>!#\n| hw.:/", max_size=60),
    st.sampled_from(
        [
            "[approve](https://evil.example)",
            "```\n# Approved\n```",
            "<img src=x onerror=alert(1)>",
            "![x](http://e/x)",
        ]
    ),
)


@given(_HOSTILE, _HOSTILE, _HOSTILE)
def test_nothing_that_was_reported_is_marked_up(title: str, resource: str, touched: str) -> None:
    one = proposal(resource=resource, blast_radius=(touched,), target={"x": title})
    hostile = subject(resource=resource, environment=touched)
    shown = question("RCA-42", title, hostile, asked(policy(), case(), one))
    assert "\n" not in shown.subject
    assert len(shown.subject) <= 200
    tokens = MarkdownIt("commonmark", {"html": True}).parse(shown.body)
    blocks = {token.type for token in tokens}
    assert blocks <= {
        "paragraph_open", "paragraph_close", "inline", "bullet_list_open", "bullet_list_close", "list_item_open",
        "list_item_close",
    }  # fmt: skip
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {"text", "code_inline", "strong_open", "strong_close"}
    # Ours alone: what was reported stands in code.
    assert sum(child.type == "strong_open" for child in inline) == 7
    assert sum(child.type == "code_inline" for child in inline) == 8


# What came of them.


def entries(number: int, **changes: Any) -> list[Entry]:
    first = Entry(Category.TIMEOUT, "airflow_clear", Mode.SUGGEST, S.SUGGESTED)
    return [replace(first, **changes)] * number


def test_the_record_of_suggestions_says_what_would_have_come_of_them() -> None:
    [tally] = tallies(
        entries(38, hindsight=Hindsight.WOULD_HAVE_SUCCEEDED)
        + entries(1, hindsight=Hindsight.FAILED_AGAIN)
        + entries(2, hindsight=Hindsight.NOBODY_TRIED)
    )
    assert in_words(tally, 30) == (
        "in suggest mode the last 30 days: 41 proposals, 38 would have succeeded, 1 failed again, 2 unknown"
    )
    assert tally.success
    assert (round(tally.success.share, 3), round(tally.success.low, 2)) == (0.974, 0.87)


def test_the_record_of_approvals_says_how_many_were_given() -> None:
    [tally] = tallies(
        entries(5, mode=Mode.APPROVE, state=S.SUCCEEDED, approved=True)
        + entries(1, mode=Mode.APPROVE, state=S.FAILED, approved=True)
        + entries(1, mode=Mode.APPROVE, state=S.UNKNOWN, approved=True)
        + entries(2, mode=Mode.APPROVE, state=S.REJECTED, hindsight=Hindsight.WOULD_HAVE_SUCCEEDED)
        + entries(1, mode=Mode.APPROVE, state=S.EXPIRED)
    )
    assert in_words(tally, 7) == (
        "in approve mode the last 7 days: 10 proposals, 7 approved, 5 succeeded, 1 failed, 2 would have succeeded, "
        "1 unknown"
    )


def test_each_category_action_and_mode_has_its_own_record_in_a_fixed_order() -> None:
    mixed = [
        Entry(Category.TIMEOUT, "an_action_of_old", Mode.AUTO, S.SUCCEEDED),
        Entry(Category.TIMEOUT, "airflow_clear", Mode.AUTO, S.SUCCEEDED),
        Entry(Category.TIMEOUT, "airflow_clear", Mode.SUGGEST, S.SUGGESTED),
        Entry(Category.CLUSTER_STOCKOUT, "databricks_run_now", Mode.AUTO, S.FAILED),
    ]
    found = [(tally.category.value, tally.action, tally.mode.value) for tally in tallies(mixed)]
    assert found == [
        ("cluster_stockout", "databricks_run_now", "auto"),
        ("timeout", "airflow_clear", "suggest"),
        ("timeout", "airflow_clear", "auto"),
        ("timeout", "an_action_of_old", "auto"),
    ]
    assert tallies([]) == ()
    assert tallies(entries(1))[0].success is None
    assert in_words(tallies(entries(1))[0], 1) == "in suggest mode the last day: 1 proposal"


# Which actions are worth looking at.


def names(policy: Policy, case: Case) -> list[str]:
    return [one.action for one in worth_proposing(policy, KNOWLEDGE[case.subject.category], case)[0]]


def test_actions_are_looked_at_in_their_order_where_they_can_be_done() -> None:
    assert names(policy(), case()) == ["airflow_clear"]
    assert names(policy(), case(source="adf")) == ["adf_rerun_from_failed_activity", "adf_rerun_whole"]
    stockout = case(category=Category.CLUSTER_STOCKOUT, source="databricks")
    assert names(policy(), stockout) == ["databricks_repair_run", "databricks_use_on_demand"]
    used = tuple(attempt(action="databricks_repair_run") for _ in range(3))
    assert names(policy(), replace(stockout, attempts=used)) == ["databricks_use_on_demand"]


def test_an_action_comes_with_what_it_has_to_know() -> None:
    known = {"node_types": {"small": ["large"]}}
    entry = ActionSettings(Matchers.from_text(["source=databricks"]), known)
    fallback = policy(settings={"databricks_use_fallback_node_type": (entry,)})
    stockout = case(category=Category.CLUSTER_STOCKOUT, source="databricks")
    options, why = worth_proposing(fallback, KNOWLEDGE[Category.CLUSTER_STOCKOUT], stockout)
    assert [dict(option.settings) for option in options] == [known, {}, {}]
    assert why == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": Status.RESOLVED}, "The incident is resolved."),
        ({"switched_off": "ada: audit"}, "Repairs are switched off: ada: audit"),
        ({"category": Category.DATA_QUALITY}, "data_quality is never repaired: repeating cannot help."),
        (
            {"category": Category.OUT_OF_MEMORY, "source": "adf"},
            "airflow_clear is no repair for out_of_memory of adf. airflow_clear_in_other_pool is no repair",
        ),
    ],
)
def test_why_nothing_is_worth_looking_at(changes: dict[str, Any], why: str) -> None:
    asked = case(**changes)
    options, said = worth_proposing(policy(), KNOWLEDGE[asked.subject.category], asked)
    assert options == ()
    assert said.startswith(why)


def test_what_is_off_is_not_looked_at() -> None:
    assert names(policy(mode=Mode.OFF), case()) == []
    some = ModeEntry(Matchers.from_text(['target="orders_daily/load"']), Mode.SUGGEST, "remediation.yaml:3")
    assert names(policy(mode=Mode.OFF, modes=(some,)), case()) == ["airflow_clear"]


@given(
    st.sampled_from(Category),
    st.sampled_from(Mode),
    st.sampled_from(["airflow", "adf", "databricks", "generic"]),
)
def test_what_is_not_looked_at_would_not_have_happened(category: Category, mode: Mode, source: str) -> None:
    given_case, rules = case(category=category, source=source), policy(mode=mode)
    looked_at = names(rules, given_case)
    for action in ACTIONS.keys() - set(looked_at):
        decision = decide(rules, KNOWLEDGE[category], given_case, [proposal(action)])
        assert decision.verdict in (Verdict.OFF, Verdict.REFUSE)


# What would have been decided.


def past(minutes: float, resource: str = "a/b", **changes: Any) -> PastIncident:
    of_subject = {name: changes.pop(name) for name in [*changes] if name != "hindsight"}
    known = subject(resource=resource, status=Status.CLOSED, **of_subject)
    return PastIncident(f"RCA-{minutes}", NOW + timedelta(minutes=minutes), known, **changes)


def verdicts(policy: Policy, *incidents: PastIncident) -> list[tuple[str, str]]:
    replayed = backtest(policy, KNOWLEDGE, incidents)
    return [(one.incident.label, one.decision.verdict.value) for one in replayed]


def test_a_backtest_goes_through_incidents_in_their_order_and_leaves_resources_alone() -> None:
    assert verdicts(policy(), past(9), past(0), past(10), past(9, "c/d")) == [
        ("RCA-0", "act"), ("RCA-9", "refuse"), ("RCA-9", "act"), ("RCA-10", "act"),
    ]  # fmt: skip
    assert verdicts(policy(mode=Mode.APPROVE), past(0), past(9)) == [("RCA-0", "ask"), ("RCA-9", "refuse")]
    # What is only suggested has no effect on what follows.
    assert verdicts(policy(mode=Mode.SUGGEST), past(0), past(9)) == [
        ("RCA-0", "suggest"),
        ("RCA-9", "suggest"),
    ]


def test_a_backtest_counts_limits_as_they_would_have_been() -> None:
    limited = policy(everywhere=Limit(1, 2))
    found = verdicts(limited, *(past(minute, f"a/{minute}") for minute in (0, 1, 2, 60, 61, 62)))
    assert [verdict for _, verdict in found] == ["act", "act", "refuse", "act", "act", "refuse"]


def test_a_backtest_opens_the_breaker_where_repeating_did_not_help() -> None:
    failing = [past(minute, f"a/{minute}", hindsight=Hindsight.FAILED_AGAIN) for minute in range(6)]
    assert [verdict for _, verdict in verdicts(policy(), *failing)] == ["act"] * 5 + ["refuse"]


def test_a_backtest_never_repairs_what_cannot_be() -> None:
    assert verdicts(policy(), past(0, category=Category.APPLICATION_BUG)) == [("RCA-0", "refuse")]
    assert verdicts(policy(), past(0, category_by="model")) == [("RCA-0", "ask")]


def test_a_backtest_of_a_bad_month_takes_no_minute() -> None:
    month = [past(minute * 4, f"dag_{minute % 300}/load") for minute in range(5_000)]
    assert len(verdicts(policy(), *month)) == 5_000
