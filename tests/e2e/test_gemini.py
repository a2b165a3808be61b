"""A failure in a real Airflow, analyzed by a model that a connection of Airflow leads to; and by the knowledge base
while that model is down.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.core.drafts import claim, text_of
from tests.e2e.conftest import Site, dag_ids
from tests.fakes.gemini import gemini

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]
ERROR = "Connection refused: tides.internal:5432"
ANSWERED, DOWN = "asks_a_model", "asks_a_model_that_is_down"
SOURCE = """
from airflow.sdk import dag, task

@dag(schedule=None, is_paused_upon_creation=False)
def {dag_id}():
    @task
    def load():
        raise ConnectionRefusedError("{error}")
    load()

{dag_id}()
"""


def words(question: dict[str, Any]) -> str:
    """An answer that cites the evidence in which the error stands."""
    text = question["contents"][0]["parts"][0]["text"]
    blocks = re.finditer(r"BEGIN (E\d+) \w+\n(.*?)\n\s*END \1", text, re.DOTALL)
    number = next(block[1] for block in blocks if ERROR in block[2])
    said = claim("The tide database refused the connection.", (number, ERROR))
    hypothesis = {**said, "distinguish": "Nothing listens on the port."}
    return text_of(summary=[said], root_cause=said, hypotheses=[hypothesis], recommendations=[said])


def analyzed(site: Site, dag_id: str) -> dict[str, Any]:
    """The incident of a DAG that fails, with its analysis."""
    (site.dag_folder / f"{dag_id}.py").write_text(SOURCE.format(dag_id=dag_id, error=ERROR))
    site.airflow.wait_for("the DAG", lambda: dag_id in dag_ids(site))
    site.wait_for_runs({dag_id: site.start_run(dag_id)})
    return site.detail(site.wait_for_incident(dag_id, lambda found: found["analysis"] is not None))


def calls(site: Site, incident: dict[str, Any]) -> list[dict[str, Any]]:
    return list(site.get(f"/rca/api/v1/incidents/{incident['id']}/model-calls")["model_calls"])


def test_a_failure_is_analyzed_by_the_model_once(site: Site) -> None:
    with gemini(words) as service, site.connected(rca_gemini=service.connection):
        incident = analyzed(site, ANSWERED)
    assert incident["analysis"]["method"] == "gemini"
    assert incident["analysis"]["root_cause"]["text"] == "The tide database refused the connection."
    [call] = calls(site, incident)
    assert (call["model"], call["state"]) == ("gemini-2.5-flash", "answered")
    assert re.fullmatch(r"root_cause \d+ \([0-9a-f]{8}\)", call["prompt"])
    assert call["cost"] > 0
    assert len(service.bodies) == 1


def test_while_the_model_is_down_the_knowledge_base_answers(site: Site) -> None:
    with gemini(words, 403) as service, site.connected(rca_gemini=service.connection):
        incident = analyzed(site, DOWN)
        runs = {run["conf"]["incident_id"]: run for run in site.rca_runs()}
        run_id = runs[incident["id"]]["dag_run_id"]
        site.wait_for_runs({"rca_incident": run_id})
    assert site.run_state("rca_incident", run_id) == "success"
    assert incident["analysis"]["method"] == "knowledge_base"
    assert "Gemini answered 403" in incident["analysis"]["model_problem"]
    [call] = calls(site, incident)
    assert (call["state"], call["cost"]) == ("failed", 0)
