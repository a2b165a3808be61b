"""The scorer, and the reader of cases: what they let pass would be counted as right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rca_plugin.core.analysis import Analysis, Claim, Hypothesis, Quote
from rca_plugin.core.category import Category, Severity
from rca_plugin.core.yaml_file import RuleError
from tests.eval.__main__ import main
from tests.eval.case import Case, read_case
from tests.eval.score import score

TEXT = """about: a case of this test
kind: fault
source: generic
resource: a/b
message: 'Disk  full on node 7'
evidence:
- {kind: log, source: here, text: node 7 is at 100 %}
category: storage_full
abstain: false
must: [[disk full], [node 7, node seven]]
must_not: [restart]
"""
ANSWER = Analysis(
    summary="The disk of node 7 is full: “at 100 %” (E2).",
    root_cause=Claim("DISK full", ("E1",)),
    hypotheses=(Hypothesis("It may need a restart.", (), "It works after one."),),
    recommendations=("Make room (E1, E2).",),
    category=Category.STORAGE_FULL,
    severity=Severity.HIGH,
    confidence=0.9,
    affected_entity="node 7",
    suggested_action=None,
    estimated_minutes=5,
)


def case_of(folder: Path, text: str = TEXT, name: str = "fault_disk") -> Case:
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return read_case(folder / f"{name}.yaml")


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return case_of(tmp_path)


def test_a_right_answer_is_all_right(case: Case) -> None:
    found = score(case, ANSWER)
    assert (found.category, found.facts, found.forbidden, found.abstained) == (True, 1, (), False)
    assert (found.claims, found.grounded) == (3, 3)


def test_the_report_is_the_first_evidence_and_secrets_are_not_in_it(tmp_path: Path) -> None:
    found = case_of(tmp_path, TEXT.replace("Disk  full", "password=hunter2hunter2 Disk  full"))
    assert [item.id for item in found.evidence] == ["E1", "E2"]
    assert "hunter2" not in found.evidence[0].text + found.message


def test_another_category_a_missing_fact_and_a_forbidden_word_count(case: Case) -> None:
    wrong = replace(
        ANSWER, category=Category.DNS, root_cause=Claim("Full", ("E1",)), suggested_action="restart_it"
    )
    found = score(case, wrong)
    assert not found.category
    assert found.missing == (("disk full",),)
    assert found.forbidden == ("restart",)


def test_a_fact_of_any_wording_counts_half_when_half_are_there(case: Case) -> None:
    found = score(
        case, replace(ANSWER, summary="Node seven.", root_cause=Claim("Full", ()), affected_entity="")
    )
    assert found.missing == (("disk full",),)
    assert float(found.facts) == 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        replace(ANSWER, root_cause=Claim("disk full", ("E9",))),
        replace(ANSWER, root_cause=Claim("disk full", ())),
        replace(ANSWER, summary="It says “at 99 %” (E2)."),
        replace(ANSWER, recommendations=("Make room (E1, E3).",)),
        replace(ANSWER, quotes=(Quote("E1", "at 100 %"),)),
        replace(ANSWER, hypotheses=(Hypothesis("“Somebody wrote” it.", ("E2",), ""),)),
    ],
)  # fmt: skip
def test_a_claim_that_nothing_bears_out_is_not_grounded(case: Case, wrong: Analysis) -> None:
    found = score(case, wrong)
    assert found.claims - found.grounded == 1


@pytest.mark.parametrize(
    ("change", "abstains"),
    [
        ({}, True),
        ({"confidence": 0.5}, False),
        ({"suggested_action": "airflow_clear"}, False),
        ({"category": Category.DNS}, False),
    ],
)
def test_to_abstain_is_to_name_nothing_to_suggest_nothing_and_to_be_unsure(
    case: Case, change: dict[str, object], abstains: bool
) -> None:
    unsure = replace(ANSWER, category=Category.UNKNOWN, confidence=0.49)
    assert score(case, replace(unsure, **change)).abstained is abstains  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("kind: fault", "kind: error", "2: kind: 'error' is none of fault, no_fault"),
        ("source: generic", "source: cron", "3: source: 'cron' is none of airflow"),
        ("message:", "mesage:", "message: is missing"),
        ("must_not: [restart]", "must_not: [restart]\nmusts: []", "12: musts: is not known"),
        ("[[disk full], ", "[disk full, ", "10: must: must be a list of texts"),
        ("[[disk full], ", "[[], ", "10: must: a fact needs at least one text"),
        (
            "must: [[disk full], [node 7, node seven]]",
            "must: []",
            "10: must: must be a list with at least one fact",
        ),
        ("must_not: [restart]", "must_not: [401]", "11: must_not: must be a list of texts"),
        ("category: storage_full", "category: [disk]", "8: category: 'disk' is no category"),
        ("abstain: false", "abstain: no one", "9: abstain: must be true or false"),
        ("abstain: false", "abstain: true", "9: abstain: is true exactly when"),
        ("kind: fault", "kind: injected", "2: kind: the name of the file must begin with injected"),
        ("kind: log, ", "", "6: evidence: each needs the texts kind, source and text"),
        ("about:", "about: [", "not readable as YAML"),
    ],
)
def test_a_case_that_is_none_says_where_and_why(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(RuleError) as raised:
        case_of(tmp_path, TEXT.replace(old, new))
    assert str(raised.value).startswith("fault_disk.yaml:")
    assert complaint in str(raised.value)


def test_the_table_has_a_line_for_each_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--wrong"]) == 0
    shown = capsys.readouterr().out
    for name in ("fault", "no_fault", "not_enough", "misleading", "injected", "overall"):
        assert f"\n{name} " in shown
