import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.analysis import Analysis, analysis_from_json, analysis_to_json, analyze_from_knowledge
from rca_plugin.core.category import Category
from rca_plugin.core.classification import Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.evidence import Evidence, evidence_from_json, evidence_to_json
from rca_plugin.core.knowledge import load_knowledge
from rca_plugin.core.rule_files import load_rules

RULES = load_rules(data_folder())
KNOWLEDGE = load_knowledge(data_folder())

REFUSED = "psycopg2.OperationalError: could not connect to db.internal:5432 (Connection refused)"


def analysis(message: str, *evidence: Evidence, code: str | None = None, source: str = "airflow") -> Analysis:
    symptom = Symptom(source, code, message)
    return analyze_from_knowledge(symptom, classify(symptom, RULES), evidence, KNOWLEDGE, "sales/load_orders")


def fact(number: int, text: str, kind: str = "log") -> Evidence:
    return Evidence(f"E{number}", kind, "airflow task log", None, text)


def test_the_root_cause_is_the_error_itself_and_cites_where_it_stands() -> None:
    found = analysis(REFUSED, fact(1, "INFO - starting"), fact(2, f"[2024-01-01] ERROR - {REFUSED}\nbye"))
    expected = (
        "Could not connect: OperationalError: could not connect to db.internal:5432 (Connection refused)"
    )
    assert found.root_cause.text == expected
    assert found.root_cause.evidence == ("E2",)
    assert f"“{REFUSED}” (E2)" in found.summary
    assert found.affected_entity == "db.internal:5432"
    assert found.suggested_action == "airflow_clear"
    assert found.hypotheses[0].text.startswith("Nothing listens on that host and port")


def test_evidence_that_does_not_contain_the_line_is_not_cited_and_costs_confidence() -> None:
    seen, unseen = analysis(REFUSED, fact(1, REFUSED)), analysis(REFUSED, fact(1, "INFO - starting"))
    assert unseen.root_cause.evidence == ()
    assert all(hypothesis.evidence == () for hypothesis in unseen.hypotheses)
    assert "none of the collected evidence shows" in unseen.summary
    assert unseen.confidence < seen.confidence


def test_a_connection_pool_error_is_told_by_host_and_innermost_reason() -> None:
    message = (
        "requests.exceptions.ConnectionError: HTTPConnectionPool(host='api.example', port=80): Max retries exceeded "
        "with url: /v1 (Caused by NewConnectionError('<urllib3.connection.HTTPConnection object at 0x7f5b>: Failed to "
        "establish a new connection: [Errno 111] Connection refused'))"
    )
    text = analysis(message, fact(1, message)).root_cause.text
    assert (
        text
        == "Could not connect: api.example:80: Failed to establish a new connection: [Errno 111] Connection refused"
    )


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "ConnectionRefusedError: [Errno 111] Connection refused",
            "Could not connect: ConnectionRefusedError: [Errno 111] Connection refused",
        ),
        (
            "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) no such column: net_amount\n"
            "(Background on this error at: https://sqlalche.me/e/20/e3q8)",
            "A column or type is not as expected: no such column: net_amount",
        ),
        (
            "2026-11-23 20:12:14 CRITICAL Process terminated by signal. Likely out of memory error (OOM). For more "
            "information, see https://airflow.apache.org/docs/troubleshooting.html#process-terminated-by-signal.",
            "Ran out of memory: Process terminated by signal. Likely out of memory error (OOM).",
        ),
        (
            "2026-11-23T20:12:14.123456Z ERROR OSError: [Errno 28] No space left on device",
            "A disk or store is full: OSError: [Errno 28] No space left on device",
        ),
        ("Bash command failed.", "Not known: Bash command failed."),
    ],
)
def test_the_root_cause_reads_as_a_colleague_would_write_it(message: str, expected: str) -> None:
    found = analysis(message, fact(1, message))
    assert (found.root_cause.text, found.root_cause.evidence) == (expected, ("E1",))


def test_a_long_root_cause_keeps_what_happened_and_where() -> None:
    path = "/data/" + "deep/" * 40 + "orders.csv"
    text = analysis(f"FileNotFoundError: [Errno 2] No such file or directory: '{path}'").root_cause.text
    assert len(text) <= 160
    assert text.startswith("The file or data is not there: FileNotFoundError:")
    assert text.endswith("orders.csv'")


def test_a_sigkill_offers_another_reason_than_memory() -> None:
    message = "Process terminated by signal. Likely out of memory error (OOM)."
    found = analysis(message, fact(1, message))
    assert any("Something other than memory" in hypothesis.text for hypothesis in found.hypotheses)
    assert "check it first" in found.summary


def test_a_cluster_termination_is_told_by_code_reason_and_cluster() -> None:
    message = (
        "Cluster 0101-12-abc was terminated. Reason: DRIVER_UNREACHABLE (SERVICE_FAULT). "
        "Parameters: databricks_error_message:Driver did not answer."
    )
    found = analysis(message, fact(1, message), code="DRIVER_UNREACHABLE", source="databricks")
    assert (
        found.root_cause.text
        == "The Spark driver stopped answering: DRIVER_UNREACHABLE: Driver did not answer. (cluster 0101-12-abc)"
    )
    assert found.suggested_action == "databricks_restart_cluster"


def test_unknown_says_so() -> None:
    found = analysis("Bash command failed. The command returned a non-zero exit code 1.", fact(1, "nothing"))
    assert found.category is Category.UNKNOWN
    assert "we do not know why" in found.summary
    assert found.suggested_action is None
    assert any("read upward" in item for item in found.recommendations)


def test_no_text_at_all_is_said() -> None:
    found = analysis("")
    assert found.root_cause.text == "Not known: no error text was reported"
    assert found.affected_entity == "sales/load_orders"


def test_what_cannot_be_repeated_suggests_nothing() -> None:
    found = analysis(
        "TypeError: unsupported operand type(s)", fact(1, "TypeError: unsupported operand type(s)")
    )
    assert (found.category, found.suggested_action) == (Category.APPLICATION_BUG, None)


def test_a_recent_change_is_looked_at_first() -> None:
    found = analysis(REFUSED, fact(1, REFUSED), fact(2, "version 7 deployed", kind="change"))
    assert found.recommendations[0] == "Something changed shortly before: read E2 first."


@given(st.text(), st.text(), st.sampled_from(["airflow", "databricks", "adf"]))
def test_every_citation_exists_and_holds_what_is_quoted(message: str, other: str, source: str) -> None:
    facts = (fact(1, other), fact(2, message))
    found = analysis(message, *facts, source=source)
    assert len(found.root_cause.text) <= 160
    assert "\n" not in found.root_cause.text
    texts = {item.id: " ".join(item.text.split()) for item in facts}
    if found.root_cause.evidence:
        quote = found.summary.split("“", 1)[1].rsplit("”", 1)[0]
        assert all(quote in texts[cited] for cited in found.root_cause.evidence)


def test_survives_json() -> None:
    found = analysis(REFUSED, fact(1, REFUSED))
    assert analysis_from_json(json.loads(json.dumps(analysis_to_json(found)))) == found


def test_json_without_hypotheses_is_refused() -> None:
    data = analysis_to_json(analysis(REFUSED))
    with pytest.raises(ValueError, match="1 to 3 hypotheses"):
        analysis_from_json({**data, "hypotheses": []})
    with pytest.raises(ValueError, match="between 0 and 1"):
        analysis_from_json({**data, "confidence": 7})


def test_evidence_survives_json() -> None:
    item = Evidence("E1", "log", "airflow", datetime(2024, 5, 1, tzinfo=timezone.utc), "text")
    assert evidence_from_json(json.loads(json.dumps(evidence_to_json(item)))) == item
    assert evidence_from_json({**evidence_to_json(item), "observed_at": "2024-05-01T00:00:00Z"}) == item
    assert evidence_from_json({**evidence_to_json(item), "observed_at": None}).observed_at is None


def test_only_what_the_evidence_hints_at_cites_it() -> None:
    text = "ConnectionRefusedError: [Errno 111] Connection refused"
    evidence = [
        Evidence("E1", "error", "report", None, text),
        Evidence("E2", "run", "airflow", None, "Run x: failed"),
    ]
    symptom = Symptom("airflow", None, text)
    found = analyze_from_knowledge(symptom, classify(symptom, RULES), evidence, KNOWLEDGE, "sales/load")
    assert [hypothesis.evidence for hypothesis in found.hypotheses] == [("E1",), (), ()]
