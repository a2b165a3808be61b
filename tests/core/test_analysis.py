import json
from datetime import datetime, timezone

import pytest

from rca_plugin.core.analysis import Analysis, Claim, Hypothesis, analysis_from_json, analysis_to_json
from rca_plugin.core.category import Category, Severity
from rca_plugin.core.evidence import Evidence, evidence_from_json, evidence_to_json
from rca_plugin.core.knowledge import Runbook

FOUND = Analysis(
    summary="sales/load failed: it could not connect.",
    root_cause=Claim("Could not connect: refused", ("E1",)),
    hypotheses=(Hypothesis("Nothing listens.", ("E1",), "The refusal comes at once."),),
    recommendations=("Ask whether it was restarted.",),
    avoid=("Do not clear hundreds at once.",),
    not_known=("Airflow has no log of this try (E2).",),
    runbooks=(Runbook("Airflow documentation: Managing Connections", "https://airflow.apache.org/x"),),
    category=Category.CONNECTION_ERROR,
    severity=Severity.HIGH,
    confidence=0.6,
    affected_entity="db:5432",
    suggested_action="airflow_clear",
    estimated_minutes=30,
)


def test_survives_json() -> None:
    assert analysis_from_json(json.loads(json.dumps(analysis_to_json(FOUND)))) == FOUND


def test_one_stored_before_it_had_more_fields_is_still_read() -> None:
    stored = analysis_to_json(FOUND)
    for field in ("avoid", "not_known", "runbooks"):
        del stored[field]
    read = analysis_from_json(stored)
    assert (read.avoid, read.not_known, read.runbooks) == ((), (), ())
    assert read.recommendations == FOUND.recommendations


def test_a_runbook_that_is_no_https_address_loses_it() -> None:
    runbook = {"title": "Vendor: Page", "url": "javascript:alert(1)"}
    read = analysis_from_json({**analysis_to_json(FOUND), "runbooks": [runbook]})
    assert read.runbooks == (Runbook("Vendor: Page", None),)


def test_json_without_hypotheses_is_refused() -> None:
    data = analysis_to_json(FOUND)
    with pytest.raises(ValueError, match="1 to 3 hypotheses"):
        analysis_from_json({**data, "hypotheses": []})
    with pytest.raises(ValueError, match="between 0 and 1"):
        analysis_from_json({**data, "confidence": 7})


def test_evidence_survives_json() -> None:
    item = Evidence("E1", "log", "airflow", datetime(2024, 5, 1, tzinfo=timezone.utc), "text")
    assert evidence_from_json(json.loads(json.dumps(evidence_to_json(item)))) == item
    assert evidence_from_json({**evidence_to_json(item), "observed_at": "2024-05-01T00:00:00Z"}) == item
    assert evidence_from_json({**evidence_to_json(item), "observed_at": None}).observed_at is None
