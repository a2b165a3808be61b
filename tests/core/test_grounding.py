"""What of a model's answer people get to read, and what the rules leave of its opinion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.analysis import Analysis, Opinion, Quote, analysis_from_json, analysis_to_json
from rca_plugin.core.category import NOT_REMEDIABLE, Category, Severity
from rca_plugin.core.classification import Classification, Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.draft import read_draft
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.grounding import NotGroundedError, ground
from rca_plugin.core.knowledge import ACTIONS
from rca_plugin.core.knowledge_files import load_knowledge
from rca_plugin.core.note import analyze_from_knowledge
from rca_plugin.core.rule_files import load_rules
from tests.core.drafts import LOG, REFUSAL, REFUSED, claim, text_of

RULES = load_rules(data_folder())
KNOWLEDGE = load_knowledge(data_folder())
CHANGE = "Connection orders_db was edited by ada"
EVIDENCE = (
    Evidence("E1", "log", "airflow task log", None, LOG),
    Evidence("E2", "change", "airflow", None, CHANGE),
)
KNOWN = classify(Symptom("airflow", None, LOG), RULES)
UNKNOWN = Classification(Category.UNKNOWN, None, "", 0.0, Severity.MEDIUM, False)
INVENTED = claim("The disk was full.", ("E1", "No space left on device"))


def note_of(classification: Classification, source: str = "airflow") -> Analysis:
    symptom = Symptom(source, None, LOG)
    return analyze_from_knowledge(symptom, classification, EVIDENCE, KNOWLEDGE, "sales/load")


def grounded(
    classification: Classification = KNOWN,
    *,
    source: str = "airflow",
    evidence: Any = EVIDENCE,
    **changes: Any,
) -> Analysis:
    return ground(
        read_draft(text_of(**changes)),
        evidence,
        note_of(classification, source),
        classification,
        KNOWLEDGE,
        source=source,
        defaults=RULES.defaults,
    )


def reason(**changes: Any) -> str:
    with pytest.raises(NotGroundedError) as error:
        grounded(**changes)
    return str(error.value)


def only(sentence: dict[str, Any], **changes: Any) -> Analysis:
    """An answer in which all rests on the evidence but perhaps the second sentence of the summary."""
    return grounded(summary=[REFUSAL, sentence], **changes)


# What rests on the evidence


def test_a_good_answer_is_an_analysis_that_cites() -> None:
    found = grounded()
    assert found.summary == "The database refused the connection (E1)."
    assert (found.root_cause.text, found.root_cause.evidence) == (
        "The database refused the connection.",
        ("E1",),
    )
    assert found.recommendations == ("See whether the database runs (E1).",)
    assert found.hypotheses[0].distinguish == "Nothing listens on the port."
    assert found.quotes == (Quote("E1", REFUSED),)
    assert (found.method, found.left_out, found.opinion) == ("gemini", (), None)
    assert found.affected_entity == "db.internal:5432"
    assert found.not_known[0] == "Whether the database was restarted."
    assert analysis_from_json(analysis_to_json(found)) == found


def test_a_claim_cites_all_evidence_that_it_rests_on() -> None:
    found = only(
        claim("Ada edited it before", ("E1", REFUSED), ("E2", "edited by ada"), ("E1", "db.internal:5432"))
    )
    assert found.summary.endswith("Ada edited it before (E1, E2).")


@pytest.mark.parametrize(
    ("citations", "expected"),
    [
        ([], "cites nothing"),
        ([("E99", REFUSED)], "cites E99, which does not exist"),
        ([("the log", REFUSED)], "cites something that is no evidence"),
        ([("E1) ignore (E2", REFUSED)], "cites something that is no evidence"),
        ([("E1", "No space left on device")], "cites words that do not stand in a line of E1"),
        ([("E2", REFUSED)], "cites words that do not stand in a line of E2"),
        ([("E1", "starting ConnectionRefusedError")], "cites words that do not stand in a line of E1"),
        ([("E1", "connection REFUSED")], "cites words that do not stand in a line of E1"),
        ([("E1", "refused")], "cites too few words of E1 to show anything"),
        ([("E1", "")], "cites words that do not stand in a line of E1"),
    ],
)
def test_a_claim_that_does_not_resolve_falls_through(citations: list[tuple[str, str]], expected: str) -> None:
    found = only(claim("Something else.", *citations))
    assert "Something else" not in found.summary
    assert found.left_out == (f"summary sentence 2: {expected}",)


def test_one_citation_that_resolves_is_enough_and_only_that_one_is_shown() -> None:
    found = only(claim("Something else.", ("E99", REFUSED), ("E1", REFUSED), ("E2", "nothing like it")))
    assert found.summary.endswith("Something else (E1).")
    assert {quote.evidence for quote in found.quotes} == {"E1"}


@pytest.mark.parametrize("quote", ["  [Errno 111]\tConnection \n refused ", "Connection\u200b refused"])
def test_white_space_and_what_is_invisible_do_not_matter(quote: str) -> None:
    assert not only(claim("Something else.", ("E1", quote))).left_out


def test_a_short_quote_is_one_when_it_is_a_whole_line() -> None:
    evidence = (*EVIDENCE, Evidence("E3", "log", "s", None, "OOM\n---\nno space"))
    assert not only(claim("Out.", ("E3", "OOM")), evidence=evidence).left_out
    assert only(claim("Out.", ("E3", "---")), evidence=evidence).left_out
    assert only(claim("Out.", ("E3", "space")), evidence=evidence).left_out


def test_what_was_not_sent_cannot_be_cited_nor_that_something_was_left_out() -> None:
    long = "\n".join(["the first line of it", *(f"INFO - line {n} of very many" for n in range(9_000)), LOG])
    evidence = (Evidence("E1", "log", "s", None, long),)
    found = only(claim("It began.", ("E1", "the first line of it")), evidence=evidence)
    assert found.left_out == ("summary sentence 2: cites words that do not stand in a line of E1",)
    assert only(claim("It began.", ("E1", "lines left out")), evidence=evidence).left_out


@pytest.mark.parametrize(
    "text",
    [
        "It said “No space left on device” then.",
        "It said `No space left on device`.",
        'It said "No space left on device".',
        "It said “No space left on device",
        "It said `ok` and `No space left on device` then.",
        "It said «No space left on device».",
        "Run `kubectl delete namespace prod`.",
    ],
)
def test_words_in_quotation_marks_have_to_stand_in_what_is_cited(text: str) -> None:
    found = only(claim(text, ("E1", REFUSED)))
    assert found.left_out == ("summary sentence 2: quotes words that do not stand in E1",)


@pytest.mark.parametrize(
    "text",
    [f"It said “{REFUSED}”.", "It said `[Errno 111]  Connection refused.`", "The “load” of `db` is no one's"],
)
def test_words_that_stand_there_may_be_quoted_and_so_may_names(text: str) -> None:
    assert not only(claim(text, ("E1", REFUSED))).left_out


def test_a_hypothesis_may_not_quote_what_is_not_there_to_tell_it_apart() -> None:
    told = {**REFUSAL, "distinguish": "The log says “No space left on device”."}
    found = grounded(hypotheses=[told])
    assert found.left_out == ("hypothesis 1: quotes words that do not stand in E1",)
    assert found.hypotheses == note_of(KNOWN).hypotheses


def test_without_recommendations_those_of_the_knowledge_base_stand() -> None:
    assert grounded(recommendations=[INVENTED]).recommendations == note_of(KNOWN).recommendations


def test_what_is_not_known_may_not_quote_what_is_not_there_and_is_never_a_citation() -> None:
    found = grounded(not_known=["Who wrote “DROP DATABASE prod”.", "Why (E1, E2).", "See http://x.example"])
    assert found.not_known[:2] == ("Why.", "See [address left out]")


def test_what_it_is_about_stands_in_the_evidence_or_is_that_of_the_note() -> None:
    assert grounded(affected_entity="the-payroll-db").affected_entity == note_of(KNOWN).affected_entity
    assert grounded(affected_entity="").affected_entity == note_of(KNOWN).affected_entity


# When too little is left


def test_a_model_that_abstains_is_no_analysis() -> None:
    assert reason(enough_evidence=False) == "The model found too little in the evidence to name a cause."


def test_a_root_cause_that_rests_on_nothing_is_no_analysis() -> None:
    cause = claim("The disk was full.", ("E99", "No space left on device"))
    assert reason(root_cause=cause) == "The model's root cause cites E99, which does not exist."
    assert reason(root_cause=claim("\u200b(E1)", ("E1", REFUSED))) == "The model's root cause says nothing."
    assert reason(evidence=()) == "The model's root cause cites E1, which does not exist."


def test_with_fewer_than_half_of_the_claims_left_it_is_no_analysis() -> None:
    half = {"summary": [INVENTED] * 2, "recommendations": [INVENTED], "hypotheses": [REFUSAL] * 2}
    assert grounded(**half).summary == "The database refused the connection (E1)."
    fewer = {**half, "recommendations": [INVENTED] * 2}
    assert reason(**fewer) == "Only 3 of the model's 7 statements rest on the evidence."


# What the rules leave of its opinion


def test_rules_that_know_decide_and_the_model_is_heard() -> None:
    assert KNOWN.confidence >= 0.6
    found = grounded(category="dns", severity="Low")
    assert (found.category, found.severity, found.category_by) == (KNOWN.category, KNOWN.severity, "rules")
    assert found.opinion == Opinion(Category.DNS, Severity.LOW)
    assert found.confidence == 0.5
    note = note_of(KNOWN)
    assert (found.avoid, found.runbooks) == (note.avoid, note.runbooks)


@pytest.mark.parametrize("unsure", [UNKNOWN, replace(KNOWN, confidence=0.59), replace(KNOWN, rule=None)])
def test_where_no_rule_knows_the_model_names_the_category_and_never_how_bad_it_is(
    unsure: Classification,
) -> None:
    found = grounded(unsure, category="dns", severity="Critical")
    assert (found.category, found.category_by) == (Category.DNS, "model")
    assert found.severity == RULES.defaults[Category.DNS].severity
    assert found.opinion == Opinion(Category.DNS, Severity.CRITICAL)
    assert found.avoid == KNOWLEDGE[Category.DNS].guide("airflow").avoid
    assert found.runbooks == KNOWLEDGE[Category.DNS].guide("airflow").runbooks[:3]
    assert found.confidence == 0.8


def test_a_model_that_does_not_know_either_leaves_it_unknown() -> None:
    found = grounded(UNKNOWN, category="unknown", severity="Medium")
    assert (found.category, found.opinion, found.suggested_action) == (Category.UNKNOWN, None, None)


def test_the_confidence_falls_with_what_was_left_out() -> None:
    assert grounded(confidence=1.0).confidence == 0.95
    assert grounded(confidence=0.8, recommendations=[INVENTED]).confidence == pytest.approx(0.6)


@pytest.mark.parametrize("category", list(Category))
@pytest.mark.parametrize(
    "action", ["airflow_clear", "databricks_restart_cluster", "http_playbook", "rm -rf /"]
)
def test_a_model_suggests_only_what_the_knowledge_base_allows(category: Category, action: str) -> None:
    found = grounded(UNKNOWN, category=category.value, suggested_action=action)
    allowed = {item.name for item in KNOWLEDGE[category].actions if item.fits("airflow")}
    may = action in allowed and RULES.defaults[category].remediable and category not in NOT_REMEDIABLE
    assert found.suggested_action == (action if may else None)


def test_a_suggestion_that_is_not_allowed_gives_way_to_that_of_the_note() -> None:
    assert grounded(suggested_action="databricks_run_now").suggested_action == note_of(KNOWN).suggested_action
    assert grounded(suggested_action=None).suggested_action == "airflow_clear"
    assert grounded(UNKNOWN, suggested_action="databricks_run_now").suggested_action is None


def test_what_the_rules_call_not_remediable_stays_so() -> None:
    assert (
        grounded(replace(KNOWN, remediable=False), suggested_action="airflow_clear").suggested_action is None
    )
    refused = replace(KNOWN, category=Category.AUTH_PERMISSION, remediable=True)
    assert grounded(refused, suggested_action="airflow_clear").suggested_action is None


def test_no_knowledge_makes_an_action_of_what_repeating_cannot_help() -> None:
    refused = replace(KNOWN, category=Category.AUTH_PERMISSION, remediable=True)
    wrong = replace(KNOWLEDGE[Category.AUTH_PERMISSION], actions=KNOWLEDGE[Category.DNS].actions)
    found = ground(
        read_draft(text_of(suggested_action="airflow_clear")),
        EVIDENCE,
        note_of(KNOWN),
        refused,
        {**KNOWLEDGE, Category.AUTH_PERMISSION: wrong},
        source="airflow",
        defaults=RULES.defaults,
    )
    assert found.suggested_action is None


# Whatever is answered

WORDS = st.sampled_from(
    [LOG, REFUSED, CHANGE, "(E1)", "E2", "`", "“", "http://x.example", "<b>", "\u202e", "x" * 20, " "]
)
TEXT = st.lists(WORDS | st.text(max_size=5), max_size=4).map("".join)
CLAIM = st.builds(
    lambda text, cites: claim(text, *cites),
    TEXT,
    st.lists(st.tuples(st.sampled_from(["E1", "E2", "E99", "", "e1"]), TEXT), max_size=3),
)


@given(
    claims=st.lists(CLAIM, min_size=1, max_size=3),
    texts=st.lists(TEXT, max_size=3),
    category=st.sampled_from(list(Category)),
    action=st.sampled_from([*ACTIONS, "none"]),
    known=st.sampled_from([KNOWN, UNKNOWN]),
)
def test_nothing_stands_in_an_analysis_that_evidence_does_not_bear_out(
    claims: Any, texts: Any, category: Category, action: str, known: Classification
) -> None:
    try:
        found = grounded(
            known,
            summary=[REFUSAL, *claims],
            hypotheses=[{**item, "distinguish": "".join(texts)[:90]} for item in claims],
            recommendations=[REFUSAL],
            not_known=texts,
            category=category.value,
            suggested_action=action,
        )
    except NotGroundedError:
        return
    lines = {item.id: item.text.splitlines() for item in EVIDENCE}
    for quote in found.quotes:
        assert any(quote.text in " ".join(line.split()) for line in lines[quote.evidence])
    cited = {quote.evidence for quote in found.quotes}
    assert set(found.root_cause.evidence) <= cited
    everything = "\n".join([found.summary, found.root_cause.text, *found.recommendations, *found.not_known])
    assert "://" not in everything
    assert "<" not in everything
    assert "\u202e" not in everything
    assert found.suggested_action is None or found.suggested_action.startswith(("airflow", "http"))
