from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from airflow.utils.session import create_session

from rca_plugin.core.analysis import GEMINI, KNOWLEDGE_BASE, MODEL, RULES
from rca_plugin.core.category import Category, Severity
from rca_plugin.core.classification import Classification
from rca_plugin.core.model_call import Purpose
from rca_plugin.server import feedback, scores
from rca_plugin.server.database import transaction
from rca_plugin.server.findings import record_analysis, record_classification
from rca_plugin.server.incidents import UnknownIncidentError
from rca_plugin.server.lifecycle import TransitionError
from rca_plugin.server.models import Feedback, Incident
from tests.server.asked import REQUEST, asked, ended
from tests.server.made import actions, analysis, stored
from tests.server.rows import a_failure_row, add, an_incident

pytestmark = pytest.mark.usefixtures("database")


class Somebody:
    def __init__(self, name: str = "ada", dags: frozenset[str] = frozenset({"orders"})) -> None:
        self.name = name
        self._dags = dags

    def may_read(self, dag_id: str | None) -> bool:
        return dag_id in self._dags


@pytest.fixture
def incident_id() -> int:
    [made] = add(an_incident())
    add(a_failure_row(made))
    return made


def analyzed(incident_id: int, method: str = GEMINI, **more: Any) -> None:
    transaction(lambda session: record_analysis(session, incident_id, analysis(method, **more)))


def rate(incident_id: int, *, helpful: bool = True, reason: str = "", by: Any = None) -> None:
    transaction(
        lambda session: feedback.give(session, incident_id, by or Somebody(), helpful=helpful, reason=reason)
    )


def the(incident_id: int) -> Incident:
    [found] = [row for row in stored(Incident) if row.id == incident_id]
    return found


def test_feedback_is_kept_with_who_wrote_the_analysis(incident_id: int) -> None:
    ended(asked(incident_id).call_id)
    other = replace(REQUEST, model="gemini-2.5-flash-lite")
    ended(asked(incident_id, purpose=Purpose.REPLAY, request=other).call_id)
    analyzed(incident_id)
    ended(asked(incident_id, "b", request=other).call_id)
    rate(incident_id, helpful=False, reason="The disk was full. password=hunter2hunter2")
    [row] = stored(Feedback)
    assert (row.person, row.helpful, row.method, row.model, row.prompt) == (
        "ada", False, "gemini", REQUEST.model, REQUEST.prompt,
    )  # fmt: skip
    assert row.analyzed_at == the(incident_id).analyzed_at
    assert row.reason.startswith("The disk was full.")
    assert "hunter2" not in row.reason
    assert actions(incident_id)[-1] == "feedback_given"


def test_a_newer_opinion_replaces_the_one_of_the_same_person_on_the_same_analysis(incident_id: int) -> None:
    analyzed(incident_id, KNOWLEDGE_BASE)
    rate(incident_id, helpful=True)
    rate(incident_id, helpful=False, reason="on second thought")
    rate(incident_id, helpful=False, reason="on second thought")
    rate(incident_id, by=Somebody("bob"))
    assert [(row.person, row.helpful, row.model) for row in stored(Feedback)] == [
        ("ada", False, ""), ("bob", True, ""),
    ]  # fmt: skip
    assert actions(incident_id).count("feedback_given") == 3
    analyzed(incident_id, summary="It failed again.")
    rate(incident_id)
    assert len(stored(Feedback)) == 3


def test_feedback_needs_an_analysis_and_a_reader(incident_id: int) -> None:
    with pytest.raises(TransitionError, match="has no analysis yet"):
        rate(incident_id)
    analyzed(incident_id)
    with pytest.raises(UnknownIncidentError):
        rate(incident_id, by=Somebody(dags=frozenset()))
    assert stored(Feedback) == []


def test_scores_are_by_author_with_how_sure_they_are() -> None:
    for number in range(4):
        [made] = add(an_incident())
        ended(asked(made, str(number)).call_id)
        analyzed(made)
        rate(made, helpful=number != 0)
    [made] = add(an_incident())
    analyzed(made, KNOWLEDGE_BASE)
    rate(made)
    with create_session(scoped=False) as session:
        model, ours = scores.scores(session)
    assert (model.method, model.model, model.prompt) == ("gemini", REQUEST.model, REQUEST.prompt)
    assert (model.rated, model.helpful, model.share) == (4, 3, 0.75)
    assert (round(model.low, 2), round(model.high, 2)) == (0.3, 0.95)
    assert (ours.method, ours.model, ours.rated, ours.share) == ("knowledge_base", "", 1, 1.0)


def test_the_author_of_a_reused_answer_is_the_model_that_gave_it(incident_id: int) -> None:
    [later] = add(an_incident())
    ended(asked(incident_id).call_id)
    asked(later)
    analyzed(later)
    rate(later)
    assert stored(Feedback)[0].model == REQUEST.model


def test_where_a_model_decides_the_incident_follows_but_not_in_how_bad_it_is(incident_id: int) -> None:
    analyzed(incident_id, category_by=MODEL)
    row = the(incident_id)
    assert (row.category, row.severity, row.priority) == ("storage_full", "High", "P2")
    assert (row.confidence, row.rule) == (0.7, None)
    before = actions(incident_id)
    assert before == ["classified", "analyzed"]
    analyzed(incident_id, category_by=MODEL)
    assert actions(incident_id) == before


def test_where_the_rules_decide_the_model_changes_nothing(incident_id: int) -> None:
    analyzed(incident_id, category_by=RULES)
    assert (the(incident_id).category, the(incident_id).confidence) == ("connection_error", 0.9)


def test_a_sender_who_says_how_bad_it_is_knows_better(incident_id: int) -> None:
    add(a_failure_row(incident_id, severity="Critical"))
    analyzed(incident_id, category_by=MODEL)
    assert (the(incident_id).severity, the(incident_id).priority) == ("Critical", "P1")


def test_the_same_analysis_after_the_rules_were_asked_again_still_decides(incident_id: int) -> None:
    analyzed(incident_id, category_by=MODEL)
    unknown = Classification(Category.UNKNOWN, None, "", 0.0, Severity.MEDIUM, False)
    transaction(lambda session: record_classification(session, incident_id, unknown))
    assert the(incident_id).category == "unknown"
    analyzed(incident_id, category_by=MODEL)
    assert the(incident_id).category == "storage_full"
