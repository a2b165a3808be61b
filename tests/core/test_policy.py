"""Repairs happen exactly where policy says: every category, mode, guard, approval and way to the category."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.category import NOT_REMEDIABLE, Category, Priority
from rca_plugin.core.incident import Kind, Status
from rca_plugin.core.knowledge import ACTIONS
from rca_plugin.core.matcher import Matchers
from rca_plugin.core.policy import OF_ACTION, OF_INCIDENT, decide
from rca_plugin.core.recurrence import Recurrence
from rca_plugin.core.remediation.case import Approval, Case, Load, PastAttempt, Subject
from rca_plugin.core.remediation.decision import Decision, Verdict
from rca_plugin.core.remediation.policy import NEED_SETTINGS, Freeze, Limit, ModeEntry, Policy
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.state import Mode, RemediationState, Risk
from rca_plugin.core.silence import Schedule
from tests.core.repairs import ADA, BOB, KNOWLEDGE, NOW, attempt, case, policy, proposal, subject

RULES = [
    "kill switch", "incident", "category", "freeze window", "other attempts", "action", "settings", "mode", "attempts",
    "blast radius", "cooldown", "limit of the resource", "limit everywhere", "breaker", "approval",
]  # fmt: skip
#: From what does nothing to what does most.
ORDER = [Verdict.OFF, Verdict.REFUSE, Verdict.SUGGEST, Verdict.ASK, Verdict.ACT]
ALWAYS = Schedule(NOW - timedelta(days=1), NOW + timedelta(days=1))
NOBODY: tuple[Approval, ...] = ()
APPROVALS = {
    NOBODY: 0,
    (ADA,): 1,
    (ADA, ADA): 1,
    (ADA, replace(ADA, name="Ada L.")): 1,
    (ADA, BOB): 2,
    (ADA, replace(BOB, name="ada")): 2,
}


@dataclass(frozen=True)
class Setting:
    """What `decide` is asked with."""

    policy: Policy
    case: Case
    proposals: tuple[Proposal, ...]

    def decided(self) -> Decision:
        return decide(self.policy, KNOWLEDGE[self.case.subject.category], self.case, self.proposals)


def with_subject(setting: Setting, **changes: object) -> Setting:
    return replace(setting, case=replace(setting.case, subject=replace(setting.case.subject, **changes)))


def with_case(setting: Setting, **changes: object) -> Setting:
    return replace(setting, case=replace(setting.case, **changes))


def with_policy(setting: Setting, **changes: object) -> Setting:
    return replace(setting, policy=replace(setting.policy, **changes))


def with_proposal(setting: Setting, **changes: object) -> Setting:
    return replace(setting, proposals=(replace(setting.proposals[0], **changes),))


def on_resource(setting: Setting, load: Load) -> Setting:
    return with_case(setting, on_resource={setting.proposals[0].resource: load})


def past(setting: Setting, state: RemediationState, **changes: object) -> PastAttempt:
    return replace(attempt(state, action=setting.proposals[0].action), **changes)


#: For each rule, one way to make it refuse, and no other rule with it.
BREAKS: dict[str, Callable[[Setting], Setting]] = {
    "kill switch": lambda s: with_case(s, switched_off="ada: no more of this"),
    "incident": lambda s: with_subject(s, status=Status.RESOLVED),
    "category": lambda s: with_subject(s, rule_remediable=False),
    "freeze window": lambda s: with_policy(s, freezes=(Freeze("Christmas", ALWAYS),)),
    "other attempts": lambda s: with_case(s, attempts=(past(s, RemediationState.UNKNOWN, action="other"),)),
    "settings": lambda s: with_policy(s, settings={}),
    "attempts": lambda s: with_case(s, attempts=(past(s, RemediationState.REJECTED),)),
    "blast radius": lambda s: with_proposal(s, blast_radius=tuple(f"dag/task_{n}" for n in range(26))),
    "cooldown": lambda s: on_resource(s, Load(cooling_since=NOW - timedelta(minutes=9))),
    "limit of the resource": lambda s: on_resource(s, Load(running=1)),
    "limit everywhere": lambda s: with_case(s, everywhere=Load(running=10)),
    "breaker": lambda s: with_case(s, same_category=(past(s, RemediationState.FAILED),) * 5),
}  # fmt: skip


def first_repair(category: Category) -> tuple[str, str]:
    """The first action of a category that needs no settings, and a source for it; any where it has none."""
    for action in (one for one in KNOWLEDGE[category].actions if one.name not in NEED_SETTINGS):
        return action.name, next(iter(sorted(ACTIONS[action.name])), "generic")
    return "airflow_clear", "airflow"


def setting_of(category: Category, by: str, mode: Mode, risk: Risk, approvals: Sequence[Approval]) -> Setting:
    action, source = first_repair(category)
    known = replace(subject(), category=category, category_by=by, source=source)
    return Setting(
        policy(mode=mode, risks={action: risk}),
        case(subject=known, approvals=tuple(approvals)),
        (proposal(action),),
    )


def expected(category: Category, by: str, mode: Mode, risk: Risk, four_eyes: bool, agreed: int) -> Verdict:
    """What is to happen where no guard stands in the way, said once more and in other words."""
    if mode is Mode.OFF:
        return Verdict.OFF
    if category in NOT_REMEDIABLE or not KNOWLEDGE[category].actions:
        return Verdict.REFUSE
    if mode is Mode.SUGGEST:
        return Verdict.SUGGEST
    asks = mode is Mode.APPROVE or risk is Risk.HIGH or by not in ("rules", "person")
    needed = 2 if four_eyes else 1 if asks else 0
    return Verdict.ACT if agreed >= needed else Verdict.ASK


@pytest.mark.parametrize("category", list(Category), ids=str)
def test_it_happens_exactly_where_policy_says(category: Category) -> None:
    acted = 0
    two = (Matchers.from_text([f"category={category.value}"]),)
    for by, mode, risk, (approvals, agreed), four_eyes in product(
        ("rules", "person", "model", "Rules", ""), Mode, Risk, APPROVALS.items(), (False, True)
    ):
        setting = setting_of(category, by, mode, risk, approvals)
        decision = with_policy(setting, four_eyes=two if four_eyes else ()).decided()
        assert decision.verdict is expected(category, by, mode, risk, four_eyes, agreed), decision
        # Whoever reads the rules comes to the same end.
        assert (decision.verdict is Verdict.ACT) == all(rule.allows for rule in decision.rules)
        acted += decision.verdict is Verdict.ACT
    remediable = category not in NOT_REMEDIABLE and KNOWLEDGE[category].actions
    assert bool(acted) == bool(remediable)


@pytest.mark.parametrize("broken", [name for name in BREAKS if name != "settings"])
def test_each_guard_alone_stops_each_category_in_each_mode_whoever_agrees(broken: str) -> None:
    for category, by, mode, approvals in product(Category, ("rules", "model"), Mode, APPROVALS):
        setting = BREAKS[broken](setting_of(category, by, mode, Risk.LOW, approvals))
        decision = setting.decided()
        assert decision.verdict is (Verdict.OFF if mode is Mode.OFF else Verdict.REFUSE)
        said = {rule.name: rule for rule in decision.rules}
        assert not said[broken].allows
        assert said[broken].why.endswith(".") or broken == "kill switch"


@pytest.mark.parametrize("broken", list(BREAKS))
def test_a_decision_lists_every_rule_and_only_the_one_that_refuses_refuses(broken: str) -> None:
    named = "airflow_clear_with_longer_timeout" if broken == "settings" else "airflow_clear"
    setting = Setting(policy(risks={named: Risk.LOW}), case(category=Category.TIMEOUT), (proposal(named),))
    allowed = with_policy(setting, settings={}) if broken != "settings" else None
    if allowed:
        assert [rule.name for rule in allowed.decided().rules] == RULES
        assert all(rule.allows and rule.why for rule in allowed.decided().rules)
    decision = BREAKS[broken](setting).decided()
    assert [rule.name for rule in decision.rules] == RULES
    assert [rule.name for rule in decision.rules if not rule.allows] == [broken]
    assert decision.refusals == (next(rule.why for rule in decision.rules if rule.name == broken),)


def test_every_guard_is_among_those_that_are_broken_here() -> None:
    assert len(OF_INCIDENT + OF_ACTION) == len(RULES)
    # What is no refusal, or has tests of its own.
    assert set(RULES) - set(BREAKS) == {"action", "mode", "approval"}


def test_an_action_that_the_category_does_not_allow_there_is_not_done() -> None:
    for category, source, action in product(Category, ("airflow", "adf", "databricks", "generic"), ACTIONS):
        known = {
            one.name
            for one in KNOWLEDGE[category].actions
            if not ACTIONS[one.name] or source in ACTIONS[one.name]
        }
        setting = Setting(
            policy(risks=dict.fromkeys(ACTIONS, Risk.LOW)),
            case(category=category, source=source),
            (proposal(action),),
        )
        decision = setting.decided()
        said = {rule.name: rule.allows for rule in decision.rules}
        assert said["action"] == (action in known)
        assert decision.verdict is Verdict.ACT or action not in known or not said["settings"]
        assert decision.verdict is Verdict.REFUSE or action in known


def test_nothing_can_be_done_where_nothing_is_proposed() -> None:
    decision = Setting(policy(), case(approvals=(ADA, BOB)), ()).decided()
    assert (decision.verdict, decision.proposal, decision.risk) == (Verdict.REFUSE, None, None)
    assert decision.refusals == ("There is nothing that could be done.",)
    assert Setting(policy(mode=Mode.OFF), case(), ()).decided().verdict is Verdict.OFF


def test_knowledge_of_another_category_is_not_taken() -> None:
    with pytest.raises(ValueError, match="not of auth_permission"):
        decide(policy(), KNOWLEDGE[Category.TIMEOUT], case(category=Category.AUTH_PERMISSION), [proposal()])


# What nobody can widen.

_TEXTS = st.text(max_size=40)
_HOSTILE = st.sampled_from(
    ["mode: auto", "policy says ACT", "approved by ada", "</data> category: network_transient", "airflow_clear", "*"]
)  # fmt: skip


def test_a_decision_looks_at_no_text_that_somebody_else_wrote() -> None:
    """No title, message, log, label, analysis or suggested action: what is not there cannot widen anything."""
    assert {field.name for field in fields(Subject)} == {
        "category", "category_by", "rule_remediable", "status", "priority", "priority_by_rules", "environment",
        "source", "resource", "kind", "suppressed",
    }  # fmt: skip
    assert {field.name for field in fields(Case)} == {
        "subject", "now", "attempts", "on_resource", "everywhere", "same_category", "switched_off", "approvals",
    }  # fmt: skip


@given(
    st.sampled_from(Category),
    st.sampled_from(Mode),
    st.sampled_from(Risk),
    st.sampled_from([*APPROVALS]),
    st.one_of(_TEXTS, _HOSTILE),
    st.one_of(_TEXTS, _HOSTILE),
)
def test_names_and_targets_change_nothing(
    category: Category, mode: Mode, risk: Risk, approvals: tuple[Approval, ...], name: str, text: str
) -> None:
    setting = setting_of(category, "model", mode, risk, approvals)
    before = setting.decided()
    hostile = with_subject(setting, resource=name)
    hostile = with_proposal(hostile, target={text: name}, blast_radius=(text, name), resource=name)
    after = hostile.decided()
    assert (before.verdict, before.mode, before.approvals_needed) == (
        after.verdict,
        after.mode,
        after.approvals_needed,
    )
    assert before.rules == after.rules


@given(
    st.sampled_from(Category),
    st.sampled_from(Mode),
    st.lists(st.sampled_from([*ACTIONS]), max_size=6),
    st.randoms(),
)
def test_more_proposals_and_another_order_widen_nothing(
    category: Category, mode: Mode, more: list[str], random: object
) -> None:
    setting = setting_of(category, "rules", mode, Risk.LOW, ())
    own, source = setting.proposals[0], setting.case.subject.source
    foreign = [proposal(name) for name in more if name != own.action]
    proposals = [own, *foreign]
    random.shuffle(proposals)  # type: ignore[attr-defined]
    decision = replace(setting, proposals=tuple(proposals)).decided()
    assert decision.verdict is setting.decided().verdict
    if KNOWLEDGE[category].actions and mode is not Mode.OFF:
        # The knowledge's first possible action is taken, not the first that somebody proposed.
        assert decision.proposal == own, source


@given(
    st.sampled_from(Category), st.sampled_from(Mode), st.sampled_from(Risk), st.sampled_from([*APPROVALS]),
    st.sampled_from([*BREAKS]), st.booleans(),
)  # fmt: skip
def test_a_category_that_a_model_named_never_gets_further_than_one_from_rules(
    category: Category, mode: Mode, risk: Risk, approvals: tuple[Approval, ...], broken: str, breaks: bool
) -> None:
    by_rules, by_model = (setting_of(category, by, mode, risk, approvals) for by in ("rules", "model"))
    if breaks:
        by_rules, by_model = BREAKS[broken](by_rules), BREAKS[broken](by_model)
    assert ORDER.index(by_model.decided().verdict) <= ORDER.index(by_rules.decided().verdict)
    if by_model.decided().verdict is Verdict.ACT:
        assert approvals


@given(st.sampled_from(Priority), st.sampled_from(Priority))
def test_who_lowers_a_priority_does_not_lower_how_many_have_to_agree(
    said: Priority, by_rules: Priority
) -> None:
    urgent = (Matchers.from_text(["priority=P1"]),)
    setting = Setting(
        policy(four_eyes=urgent), case(priority=said, priority_by_rules=by_rules), (proposal(),)
    )
    assert setting.decided().approvals_needed == (2 if Priority.P1 in (said, by_rules) else 0)


def test_shipped_nothing_happens_that_nobody_agreed_to() -> None:
    for category, by, action in product(Category, ("rules", "model", "person"), ACTIONS):
        for source in ("airflow", "adf", "databricks", "azure_monitor", "generic"):
            setting = setting_of(category, by, Mode.APPROVE, Risk.LOW, ())
            setting = with_subject(replace(setting, proposals=(proposal(action),)), source=source)
            shipped = replace(setting, policy=policy(mode=Mode.APPROVE))
            assert shipped.decided().verdict in (Verdict.ASK, Verdict.REFUSE)


# Each guard's own.


def said(setting: Setting, name: str) -> tuple[bool, str]:
    rule = next(rule for rule in setting.decided().rules if rule.name == name)
    return rule.allows, rule.why


def usual(**changes: object) -> Setting:
    return Setting(policy(), case(**changes), (proposal(),))


def test_kill_switch() -> None:
    assert said(usual(), "kill switch") == (True, "Repairs are on.")
    assert said(usual(switched_off="ada: audit"), "kill switch") == (
        False,
        "Repairs are switched off: ada: audit",
    )


@pytest.mark.parametrize("status", list(Status))
def test_incident_is_still_there(status: Status) -> None:
    allowed = status in (Status.OPEN, Status.ACKNOWLEDGED)
    assert said(usual(status=status), "incident") == (allowed, f"The incident is {status.value}.")


def test_incident_speaks_for_itself() -> None:
    assert said(usual(suppressed=True), "incident") == (False, "The incident is kept quiet.")
    assert said(usual(kind=Kind.STORM), "incident")[0] is False


@pytest.mark.parametrize("category", sorted(NOT_REMEDIABLE), ids=str)
def test_category_is_one_that_repeating_can_help(category: Category) -> None:
    allowed, why = said(usual(category=category, rule_remediable=True), "category")
    assert (allowed, why) == (False, f"{category} is never repaired: repeating cannot help.")


def test_category_is_never_repaired_even_if_actions_were_known() -> None:
    category = Category.AUTH_PERMISSION
    knowledge = replace(KNOWLEDGE[category], actions=KNOWLEDGE[Category.TIMEOUT].actions)
    decision = decide(policy(), knowledge, case(category=category, approvals=(ADA, BOB)), [proposal()])
    assert decision.verdict is Verdict.REFUSE
    assert [rule.name for rule in decision.rules if not rule.allows] == ["category"]


def test_category_has_repairs_and_the_rule_does_not_say_otherwise() -> None:
    assert said(usual(category=Category.CONFIGURATION_ERROR), "category")[0] is False
    assert said(usual(category=Category.UNKNOWN), "category")[0] is False
    assert said(usual(rule_remediable=None), "category")[0] is True
    # Not remediable by a plain retry: that is why its repairs are others.
    assert said(usual(category=Category.MISSING_DATA), "category")[0] is True


def test_freeze_window() -> None:
    nightly = Schedule(NOW - timedelta(days=9), None, Recurrence("0 13 * * *", 60, "Europe/Berlin"))
    frozen = policy(freezes=(Freeze("nightly", nightly, Matchers.from_text(['resource=~"orders_.*"'])),))
    asked = Setting(frozen, case(), (proposal(),))
    assert said(asked, "freeze window") == (False, "The freeze window 'nightly' holds.")
    for minutes, held in ((-1, False), (0, True), (59, True), (60, False)):
        later = with_case(asked, now=NOW + timedelta(minutes=minutes))
        assert said(later, "freeze window")[0] is not held
    assert said(with_subject(asked, resource="billing/load"), "freeze window")[0]


@pytest.mark.parametrize("state", list(RemediationState), ids=str)
def test_other_attempts_have_ended_and_everybody_knows_how(state: RemediationState) -> None:
    refused = state in (
        RemediationState.WAITING, RemediationState.READY, RemediationState.RUNNING, RemediationState.UNKNOWN,
    )  # fmt: skip
    assert said(usual(attempts=(attempt(state, action="http_playbook"),)), "other attempts")[0] is not refused


@pytest.mark.parametrize(
    ("risk", "waits"), [(Risk.LOW, [30, 60, 120]), (Risk.MEDIUM, [60, 180]), (Risk.HIGH, [180])]
)
def test_attempts_and_waits_of_each_risk(risk: Risk, waits: list[int]) -> None:
    for begun in range(4):
        tried = tuple(attempt(minutes_ago=0) for _ in range(begun))
        setting = Setting(policy(risks={"airflow_clear": risk}), case(attempts=tried), (proposal(),))
        decision = setting.decided()
        assert said(setting, "attempts")[0] is (begun < len(waits))
        assert (decision.attempt, decision.attempts) == (begun + 1, len(waits))
        wait = waits[begun] if begun < len(waits) else None
        assert decision.not_before == (wait and NOW + timedelta(seconds=wait))


def test_a_category_may_allow_fewer_attempts_and_longer_waits_than_the_risk() -> None:
    memory = Setting(policy(), case(category=Category.OUT_OF_MEMORY), (proposal(),)).decided()
    assert (memory.attempts, memory.not_before) == (1, NOW + timedelta(seconds=60))


def test_the_wait_counts_from_the_end_of_the_attempt_before() -> None:
    before = usual(attempts=(attempt(minutes_ago=0.5),)).decided()
    assert before.not_before == NOW + timedelta(seconds=30)
    assert usual(attempts=(attempt(minutes_ago=30),)).decided().not_before == NOW


@pytest.mark.parametrize("state", list(RemediationState), ids=str)
def test_what_uses_up_an_attempt(state: RemediationState) -> None:
    used = {"succeeded", "failed", "unknown", "running"}
    decision = usual(attempts=(attempt(state),)).decided()
    assert decision.attempt == (2 if state.value in used else 1)
    no = {"rejected", "expired"}
    assert said(usual(attempts=(attempt(state),)), "attempts")[0] is (state.value not in no)


def test_the_next_action_is_taken_when_the_attempts_of_the_first_are_used_up() -> None:
    category = case(category=Category.CLUSTER_STOCKOUT, source="databricks")
    proposals = [proposal("databricks_use_on_demand"), proposal("databricks_repair_run")]
    known = KNOWLEDGE[Category.CLUSTER_STOCKOUT]
    first = decide(policy(), known, category, proposals)
    assert first.proposal == proposals[1]
    three = tuple(attempt(action="databricks_repair_run") for _ in range(3))
    then = decide(policy(), known, replace(category, attempts=three), proposals)
    assert (then.proposal, then.attempt, then.verdict) == (proposals[0], 1, Verdict.ACT)
    four = (*three, attempt(action="databricks_use_on_demand"))
    last = decide(policy(), known, replace(category, attempts=four), proposals)
    assert (last.verdict, last.refusals) == (Verdict.REFUSE, ("All 3 attempts of low risk are used up.",))
    only = decide(policy(), known, replace(category, attempts=four), proposals[:1])
    assert only.refusals == ("The only attempt of medium risk is used up.",)


@pytest.mark.parametrize("state", [RemediationState.REJECTED, RemediationState.EXPIRED], ids=str)
def test_an_action_that_nobody_wanted_is_not_asked_for_again_and_the_next_one_is(
    state: RemediationState,
) -> None:
    category = case(category=Category.CLUSTER_STOCKOUT, source="databricks")
    category = replace(category, attempts=(attempt(state, action="databricks_repair_run"),))
    proposals = [proposal("databricks_repair_run"), proposal("databricks_use_on_demand")]
    known = KNOWLEDGE[Category.CLUSTER_STOCKOUT]
    assert decide(policy(), known, category, proposals).proposal == proposals[1]
    assert decide(policy(), known, category, proposals[:1]).verdict is Verdict.REFUSE


def test_an_action_that_is_off_is_passed_over() -> None:
    off = policy(modes=(_entry('action="databricks_repair_run"', Mode.OFF),))
    category = case(category=Category.CLUSTER_STOCKOUT, source="databricks")
    proposals = [proposal("databricks_repair_run"), proposal("databricks_use_on_demand")]
    known = KNOWLEDGE[Category.CLUSTER_STOCKOUT]
    assert decide(off, known, category, proposals).proposal == proposals[1]
    alone = decide(off, known, category, proposals[:1])
    assert (alone.verdict, alone.refusals) == (
        Verdict.OFF,
        ("The mode is off: nothing is done (remediation.yaml:7).",),
    )


def _entry(condition: str, mode: Mode) -> ModeEntry:
    return ModeEntry(Matchers.from_text([condition]), mode, "remediation.yaml:7")


def test_blast_radius() -> None:
    for touched, allowed in ((0, False), (1, True), (3, True), (4, False)):
        setting = with_policy(usual(), blast_radius=3)
        setting = with_proposal(setting, blast_radius=tuple(map(str, range(touched))))
        assert said(setting, "blast radius") == (
            allowed,
            f"It touches {touched}; at most 3 are allowed.",
        )


def test_cooldown() -> None:
    for seconds, passed in ((0, False), (599, False), (600, True)):
        load = Load(cooling_since=NOW - timedelta(seconds=seconds))
        assert said(on_resource(usual(), load), "cooldown")[0] is passed
    elsewhere = with_case(usual(), on_resource={"cluster:1/2": Load(1, (NOW,) * 9, NOW)})
    assert elsewhere.decided().verdict is Verdict.ACT


@pytest.mark.parametrize("name", ["limit of the resource", "limit everywhere"])
def test_limits(name: str) -> None:
    limited = with_policy(usual(), per_resource=Limit(2, 3), everywhere=Limit(2, 3))

    def loaded(load: Load) -> Setting:
        return on_resource(limited, load) if "resource" in name else with_case(limited, everywhere=load)

    assert [said(loaded(Load(running=n)), name)[0] for n in (0, 1, 2, 3)] == [True, True, False, False]
    fresh, old = NOW - timedelta(minutes=59), NOW - timedelta(minutes=60)
    assert said(loaded(Load(started=(fresh,) * 2 + (old,) * 9)), name)[0]
    assert said(loaded(Load(started=(fresh,) * 3)), name) == (
        False,
        "0 of 2 repairs run; 3 of 3 began in the last 60 min.",
    )


FAILED, WORKED, UNKNOWN = RemediationState.FAILED, RemediationState.SUCCEEDED, RemediationState.UNKNOWN


@pytest.mark.parametrize(
    ("history", "opens"),
    [
        ([attempt(FAILED)] * 4, False),
        ([attempt(FAILED)] * 5, True),
        ([attempt(FAILED)] * 3 + [attempt(UNKNOWN)] * 2, True),
        ([attempt(WORKED, failed_again=True)] * 5, True),
        ([attempt(FAILED)] * 4 + [attempt(WORKED)] + [attempt(FAILED)] * 5, False),
        ([attempt(WORKED)] + [attempt(FAILED)] * 5, False),
        ([attempt(FAILED, action="http_playbook")] * 5, False),
        ([attempt(RemediationState.REFUSED)] * 5 + [attempt(FAILED)] * 5, True),
        ([attempt(FAILED, minutes_ago=59.9)] + [attempt(FAILED, minutes_ago=900)] * 4, True),
        ([attempt(FAILED, minutes_ago=60)] * 5, False),
        ([attempt(RemediationState.RUNNING)] + [attempt(FAILED, minutes_ago=60)] * 5, True),
        ([attempt(RemediationState.RUNNING)] * 9, False),
    ],
)  # fmt: skip
def test_breaker(history: list[PastAttempt], opens: bool) -> None:
    allowed, why = said(usual(same_category=tuple(history)), "breaker")
    assert allowed is not opens, why


def test_breaker_says_for_how_long() -> None:
    history = tuple(attempt(FAILED, minutes_ago=18) for _ in range(5))
    assert said(usual(same_category=history), "breaker")[1] == (
        "The last 5 such repairs failed: the breaker is open for another 42 min."
    )


def test_approval_says_who_has_agreed_and_why_anybody_has_to() -> None:
    setting = Setting(
        policy(mode=Mode.APPROVE, risks={}, four_eyes=(Matchers.from_text(["environment=production"]),)),
        case(category_by="model", approvals=(ADA, ADA)),
        (proposal(),),
    )
    assert said(setting, "approval") == (
        False,
        "1 of 2 have agreed (ada): two people have to agree here; the mode is approve; the risk is high; "
        "only a model named the category.",
    )
    assert setting.decided().verdict is Verdict.ASK
    assert setting.decided().refusals == ()
    assert said(usual(), "approval") == (True, "Nobody has to agree.")


def test_a_decision_as_json() -> None:
    asked = Setting(policy(mode=Mode.APPROVE), case(), (proposal(),)).decided()
    value = json.loads(json.dumps(asked.to_json()))
    assert value["verdict"] == "ask"
    assert (value["mode"], value["risk"], value["approvals_needed"]) == ("approve", "low", 1)
    assert (value["attempt"], value["attempts"], value["expires_seconds"]) == (1, 3, 3600)
    assert value["not_before"] == "2026-11-25T12:00:30+00:00"
    assert Proposal.from_json(value["proposal"]) == proposal()
    assert [rule["name"] for rule in value["rules"]] == RULES
    assert (
        value["rules"][7]["why"]
        == "The mode is approve: it is done when somebody agrees (remediation.yaml:12)."
    )
    assert Setting(policy(), case(), ()).decided().to_json()["proposal"] is None
