"""The note that the knowledge base writes: what must be in it, and what must not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.analysis import Analysis
from rca_plugin.core.category import Category, Severity
from rca_plugin.core.classification import Classification, Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.knowledge_files import load_knowledge
from rca_plugin.core.note import analyze_from_knowledge
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.text import folded

RULES = load_rules(data_folder())
KNOWLEDGE = load_knowledge(data_folder())

REFUSED = "psycopg2.OperationalError: could not connect to db.internal:5432 (Connection refused)"
HEAP = "java.lang.OutOfMemoryError: Java heap space"
KILLED = "Process terminated by signal. Likely out of memory error (OOM)."
CHANGE = "Connection orders_db was edited by ada 12 minutes before the failure"
SOURCES = {"run_output": "databricks run 7"}
RESOURCES = {"adf": "adf-prod/copy_orders/CopyOrders", "databricks": "7405/881/bronze"}


def note(message: str, *facts: tuple[str, str], source: str = "airflow", code: str | None = None) -> Analysis:
    evidence = [
        Evidence(f"E{n}", kind, SOURCES.get(kind, "test"), None, text)
        for n, (kind, text) in enumerate(facts, 1)
    ]
    logs = [text for kind, text in facts if kind in ("log", "note")]
    symptom = Symptom(source, code, "\n".join([*logs, message]))
    resource = RESOURCES.get(source, "sales/load_orders")
    return analyze_from_knowledge(symptom, classify(symptom, RULES), evidence, KNOWLEDGE, resource)


def everything(found: Analysis) -> str:
    hypotheses = [f"{item.text} {item.distinguish}" for item in found.hypotheses]
    return "\n".join([found.summary, *hypotheses, *found.recommendations, *found.avoid, *found.not_known])


def sentences(text: str) -> int:
    """How many sentences a text has, whatever it quotes."""
    return len(re.findall(r"[.!?](?=\s|$)", re.sub(r"“[^”]*”", "“”", text)))


# What failed, and which line says so


def test_the_root_cause_is_the_error_itself_and_cites_where_it_stands() -> None:
    found = note(REFUSED, ("log", "INFO - starting"), ("log", f"[2024-01-01] ERROR - {REFUSED}\nbye"))
    expected = (
        "Could not connect: OperationalError: could not connect to db.internal:5432 (Connection refused)"
    )
    assert found.root_cause.text == expected
    assert found.root_cause.evidence == ("E2",)
    assert f"“{REFUSED}” (E2)" in found.summary
    assert found.affected_entity == "db.internal:5432"
    assert found.suggested_action == "airflow_clear"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "ConnectionRefusedError: [Errno 111] Connection refused",
            "Could not connect: ConnectionRefusedError: [Errno 111] Connection refused",
        ),
        (
            "requests.exceptions.ConnectionError: HTTPConnectionPool(host='api.example', port=80): Max retries "
            "exceeded with url: /v1 (Caused by NewConnectionError('<urllib3.connection.HTTPConnection object at "
            "0x7f5b>: Failed to establish a new connection: [Errno 111] Connection refused'))",
            "Could not connect: api.example:80: Failed to establish a new connection: [Errno 111] Connection refused",
        ),
        (
            "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) no such column: net_amount\n"
            "(Background on this error at: https://sqlalche.me/e/20/e3q8)",
            "A column or type is not as expected: no such column: net_amount",
        ),
        (
            f"2026-11-23 20:12:14 CRITICAL {KILLED} For more information, see "
            "https://airflow.apache.org/docs/troubleshooting.html#process-terminated-by-signal.",
            f"Ran out of memory: {KILLED}",
        ),
        (
            "2026-11-23T20:12:14.123456Z ERROR OSError: [Errno 28] No space left on device",
            "A disk or store is full: OSError: [Errno 28] No space left on device",
        ),
        (
            "Task did not emit heartbeat within time limit (300 seconds) and will be terminated. See "
            "https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/tasks.html#task-heartbeat",
            "The process or its machine disappeared: Task did not emit heartbeat within time limit (300 seconds) "
            "and will be terminated.",
        ),
        ("Bash command failed.", "Not known: Bash command failed."),
        ("", "Not known: no error text was reported"),
    ],
)
def test_the_root_cause_reads_as_a_colleague_would_write_it(message: str, expected: str) -> None:
    assert note(message, ("error", message)).root_cause.text == expected


def test_a_long_root_cause_keeps_what_happened_and_where() -> None:
    path = "/data/" + "deep/" * 40 + "orders.csv"
    text = note(f"FileNotFoundError: [Errno 2] No such file or directory: '{path}'").root_cause.text
    assert len(text) <= 160
    assert text.startswith("The file or data is not there: FileNotFoundError:")
    assert text.endswith("orders.csv'")


def test_a_cluster_termination_is_told_by_code_reason_and_cluster() -> None:
    message = (
        "Cluster 0101-12-abc was terminated. Reason: DRIVER_UNREACHABLE (SERVICE_FAULT). "
        "Parameters: databricks_error_message:Driver did not answer."
    )
    found = note(message, ("error", message), code="DRIVER_UNREACHABLE", source="databricks")
    assert (
        found.root_cause.text
        == "The Spark driver stopped answering: DRIVER_UNREACHABLE: Driver did not answer. (cluster 0101-12-abc)"
    )
    assert found.suggested_action == "databricks_restart_cluster"
    assert found.affected_entity == "0101-12-abc"


@pytest.mark.parametrize(
    ("error", "entity"),
    [
        ('could not translate host name "orders-db" to address: Name or service not known', "orders-db"),
        ("Failed to create on demand HDI cluster. Cluster name is 'adf1'.", "sales/load_orders"),
        ("SparkException: Job aborted: ShuffleMapStage 14 (save at Loader.scala:88)", "sales/load_orders"),
    ],
)  # fmt: skip
def test_the_affected_entity_is_one(error: str, entity: str) -> None:
    assert note(error, ("error", error)).affected_entity == entity


# What it means where it ran


@pytest.mark.parametrize(
    ("source", "must", "must_not"),
    [
        ("airflow", "a program that it started", "driver's log"),
        ("databricks", "The heap of the Spark driver or of an executor", "kernel"),
        ("adf", "integration runtime", "toPandas"),
    ],
)
def test_running_out_of_memory_means_something_else_on_each_source(
    source: str, must: str, must_not: str
) -> None:
    text = everything(note(HEAP, ("error", HEAP), source=source))
    assert must in text
    assert must_not not in text


def test_what_only_started_in_airflow_is_told_as_what_it_is() -> None:
    message = f"AirflowException: Databricks job failed with state FAILED. Message: {HEAP}"
    bare = note(message, ("error", message))
    with_run = note(
        f"RuntimeError: job 7 did not end well: {HEAP}",
        ("error", f"RuntimeError: job 7 did not end well: {HEAP}"),
        ("run_output", f"FAILED\n{HEAP} at collect at Report.scala"),
    )
    for found in (bare, with_run):
        assert "The heap of the Spark driver or of an executor" in found.summary
        assert found.suggested_action in (None, "airflow_clear")
    assert "The driver holds too much" in with_run.hypotheses[0].text
    assert with_run.hypotheses[0].evidence == ("E2",)


def test_an_activity_that_failed_in_data_factory_is_told_as_one() -> None:
    message = "AzureDataFactoryPipelineRunException: Pipeline run 7 has failed: it timed out"
    activity = "Activity Copy (Copy) of pipeline load: failed\nerrorCode: 2200\nOperation timed out"
    found = note(message, ("error", message), ("activity", activity))
    assert "the timeout in the activity's policy" in found.summary


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("run_output", "RUNNING, started by ada"),
        ("cluster", "spark.task.maxFailures: 4\nspark.sql.files.ignoreCorruptFiles: failed"),
        ("cluster_events", "03:00 TERMINATING JOB_FINISHED"),
        ("missing", "Databricks could not be asked: connection failed"),
    ],
)
def test_a_run_that_went_well_elsewhere_does_not_move_the_blame(kind: str, text: str) -> None:
    found = note(REFUSED, ("traceback", REFUSED), (kind, text))
    assert "The worker could not open a connection" in found.summary


def test_commands_are_ready_to_paste() -> None:
    steps = " ".join(note(REFUSED, ("error", REFUSED)).recommendations)
    assert "`nc -vz db.internal 5432`" in steps
    labels = ("labels", "cluster_id: 0921-101523-adopt812\nrun_id: 4711")
    lost = "Could not reach driver of cluster"
    steps = " ".join(note(lost, ("error", lost), labels, source="databricks").recommendations)
    assert "`databricks clusters events 0921-101523-adopt812`" in steps


@pytest.mark.parametrize("name", ["x; rm -rf /", "$(reboot)", "-oops", "`id`", "a b", "x\ny"])
def test_no_command_takes_over_what_a_shell_would_run(name: str) -> None:
    lost = "Could not reach driver of cluster"
    found = note(lost, ("error", lost), ("labels", f"cluster_id: {name}"), source="databricks")
    assert "events CLUSTER_ID`" in " ".join(found.recommendations) or name == "x\ny"
    assert all(name not in step for step in found.recommendations)


# Which explanation the evidence speaks for


def test_the_explanation_that_the_evidence_speaks_for_comes_first_and_quotes_it() -> None:
    found = note(REFUSED, ("error", REFUSED), ("run", "Run x: failed"))
    first, other = found.hypotheses
    assert first.text.startswith("Nothing listens on that host and port")
    assert "This speaks for it: “" in first.text
    assert "refused" in first.text
    assert first.evidence == ("E1",)
    assert "Most speaks for this: Nothing listens on that host and port" in found.summary
    assert (other.evidence, "speaks for it" in other.text) == ((), False)


def test_other_evidence_can_speak_for_one_too() -> None:
    slow = "TimeoutError: timed out"
    found = note(
        slow, ("error", slow), ("trend", "Its run time grew from 12 to 55 minutes over the last 10 runs")
    )
    hypothesis = next(item for item in found.hypotheses if item.text.startswith("There was more work"))
    assert "grew from 12 to 55 minutes" in hypothesis.text
    assert hypothesis.evidence == ("E2",)
    assert "The trend: “Its run time grew from 12 to 55 minutes over the last 10 runs” (E2)." in found.summary


def test_a_run_that_took_much_longer_than_usual_had_more_to_do() -> None:
    limit = "AirflowTaskTimeout: Timeout, PID: 7"
    trend = "It ran for 55 minutes, 4.6 times the median of its last 20 successes, 12 minutes."
    found = note(limit, ("error", limit), ("trend", trend))
    assert found.hypotheses[1].text.startswith("There was more work than usual.")
    assert found.hypotheses[1].evidence == ("E2",)


def test_a_log_line_far_from_the_error_speaks_for_nothing() -> None:
    log = "INFO - connecting to localhost\nINFO - token refreshed, expired one dropped\n" + "INFO - ok\n" * 30
    found = note(REFUSED, ("log", f"{log}Traceback (most recent call last):\n{REFUSED}"))
    assert "localhost" not in " ".join(item.text for item in found.hypotheses)


def test_a_sigkill_offers_another_reason_than_memory_and_says_that_it_is_weak() -> None:
    found = note(KILLED, ("error", KILLED))
    assert any("Something other than memory" in hypothesis.text for hypothesis in found.hypotheses)
    assert "The evidence for this is weak" in found.summary
    assert "without it, treat this as a lost worker" in found.recommendations[0]


# What stands around it


def test_a_change_is_the_first_suspect_and_is_named() -> None:
    found = note(REFUSED, ("error", REFUSED), ("change", f"{CHANGE}\nhost: db-old -> db.internal"))
    assert f"The first suspect is what changed: “{CHANGE}” (E2)." in found.summary
    assert f"“{CHANGE}”" in found.hypotheses[0].text
    assert found.hypotheses[0].evidence == ("E2",)
    assert f"“{CHANGE}” (E2)" in found.recommendations[0]
    assert found.hypotheses[1].text.startswith("Nothing listens")
    assert "db-old" not in everything(found)


def test_a_change_that_nothing_ties_to_the_task_comes_after_one_that_something_does() -> None:
    untied = "Variable x was edited by ada 5 minutes before the failure: nothing says that this task uses it"
    found = note(REFUSED, ("error", REFUSED), ("change", untied), ("change", CHANGE))
    assert f"what changed: “{CHANGE}” (E3), with 1 more." in found.summary


def test_what_failed_upstream_is_where_to_start() -> None:
    upstream = "extract: success\nprices: upstream_failed at 03:00:09"
    found = note(REFUSED, ("error", REFUSED), ("upstream", upstream))
    assert "“prices: upstream_failed at 03:00:09” (E2)" in found.summary
    assert found.recommendations[0].startswith("Start with what went wrong before: “prices:")


@pytest.mark.parametrize(
    "upstream",
    [
        "extract: success",
        "No upstream task failed",
        "0 of 3 upstream tasks failed",
        "1 of 2 upstream tasks succeeded; b did not.\nb: skipped",
    ],
)
def test_an_upstream_that_is_well_is_not_blamed(upstream: str) -> None:
    assert "went wrong" not in everything(note(REFUSED, ("error", REFUSED), ("upstream", upstream)))


def test_how_the_last_one_like_it_was_resolved_is_advice() -> None:
    similar = (
        "RCA-21 (1 hour ago, connection_error, orders_daily/publish): still open\n"
        "RCA-17 (2 days ago, connection_error, orders_daily/load): resolved after 42 min: the password was renewed\n"
        "RCA-3 (9 days ago, connection_error, orders_daily/load): resolved after 5 min: it succeeded again"
    )
    [advice] = [
        step
        for step in note(REFUSED, ("error", REFUSED), ("similar", similar)).recommendations
        if "RCA-" in step
    ]
    assert "RCA-17 (2 days ago), “resolved after 42 min: the password was renewed” (E2)" in advice
    still_open = similar.splitlines()[0]
    [advice] = [
        step
        for step in note(REFUSED, ("error", REFUSED), ("similar", still_open)).recommendations
        if "RCA-" in step
    ]
    assert "Compare it with: RCA-21 (1 hour ago), “still open” (E2)." in advice


def test_what_other_incidents_were_about_does_not_explain_this_one() -> None:
    similar = (
        "RCA-1 (2 days ago, connection_error, a/b): resolved after 1 min: localhost was in the connection"
    )
    found = note(REFUSED, ("error", REFUSED), ("similar", similar))
    assert "localhost" not in " ".join(item.text for item in found.hypotheses)


@pytest.mark.parametrize(
    ("tries", "says"),
    [
        ("Try 1: failed, started x, on w1\nTry 2: failed, started y, on w2", "Both tries failed on 2 hosts (E2)."),
        ("Try 1: up_for_retry, x\nTry 2: up_for_retry, y\nTry 3: failed, z", "All 3 tries failed (E2)."),
        ("Try 11: failed, x, on w1\nTry 12: failed, y, on w1", "The last 2 tries failed (E2)."),
        ("Try 1: failed, x\nTry 2: success, y", "Try 2 has succeeded since (E2)."),
        (
            "Try 1: failed, started x, on w1 as process 7, last heartbeat y\n"
            "Try 2: failed, started y, on w2 as process 9, retry policy: try again, on time",
            "Both tries failed on 2 hosts (E2).",
        ),
    ],
)  # fmt: skip
def test_the_tries_are_told_where_they_tell_something(tries: str, says: str) -> None:
    assert says in note(REFUSED, ("error", REFUSED), ("tries", tries)).summary


def test_one_failed_try_is_no_news() -> None:
    assert "tries failed" not in note(REFUSED, ("error", REFUSED), ("tries", "Try 1: failed, x")).summary


def test_the_pool_is_told_where_it_matters_only() -> None:
    pool = ("pool", "default_pool: 128 of 128 slots in use, 45 queued")
    full = "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached"
    assert "128 of 128" in note(full, ("error", full), pool).summary
    assert "128 of 128" not in note("KeyError: 'x'", ("error", "KeyError: 'x'"), pool).summary


# What is not known


def test_what_is_missing_is_said() -> None:
    missing = "The driver's log could not be had: 403 from the workspace.\nThe cluster is gone"
    found = note(REFUSED, ("error", REFUSED), ("missing", missing))
    assert found.not_known[:2] == (
        "The driver's log could not be had: 403 from the workspace (E2).",
        "The cluster is gone (E2).",
    )
    assert "There is no log" not in found.summary


@pytest.mark.parametrize("kind", ["log", "missing"])
def test_a_killed_process_without_a_log_is_told_by_what_the_scheduler_noted(kind: str) -> None:
    noted = "Task did not emit heartbeat within time limit (300 seconds) and will be terminated."
    found = note("", ("note", noted), (kind, "Airflow has no log of this try."))
    assert found.category is Category.WORKER_LOST
    assert f"“{noted}” (E1)" in found.summary
    assert "There is no log (E2), so this rests on what others reported about it." in found.summary
    assert found.not_known[0] == "Airflow has no log of this try (E2)."
    # Whatever ended it, no heartbeat came: that speaks for none of the reasons.
    assert not any(hypothesis.evidence for hypothesis in found.hypotheses)
    assert any("nothing that was collected speaks for one of them" in gap for gap in found.not_known)


def test_evidence_that_does_not_contain_the_line_is_not_cited_and_costs_confidence() -> None:
    seen, unseen = note(REFUSED, ("error", REFUSED)), note(REFUSED, ("log", "INFO - starting"))
    assert unseen.root_cause.evidence == ()
    assert all(hypothesis.evidence == () for hypothesis in unseen.hypotheses)
    assert "none of the collected evidence shows" in unseen.summary
    assert unseen.confidence < seen.confidence
    assert any("nothing that was collected contains it" in gap for gap in unseen.not_known)


def test_unknown_says_what_is_known_and_where_to_look_and_guesses_nothing() -> None:
    message = "Bash command failed. The command returned a non-zero exit code 1."
    found = note(message, ("error", message))
    assert found.category is Category.UNKNOWN
    assert "the reason is not known" in found.summary
    assert f"“{message}” (E1)" in found.summary
    assert found.suggested_action is None
    assert any("read upward to the first error" in step for step in found.recommendations)
    assert "weak" not in found.summary


def test_without_any_text_it_says_so() -> None:
    found = note("")
    assert "No error text was reported." in found.summary
    assert found.affected_entity == "sales/load_orders"
    assert "The error: no text was reported." in found.not_known


def test_too_little_to_go_on_is_no_diagnosis() -> None:
    found = note("job ended with exit code 137 maybe", ("log", "x"))
    assert found.category is Category.UNKNOWN
    assert found.confidence < 0.3
    assert found.suggested_action is None
    assert "it may be this: the process or machine running it disappeared." in found.summary
    assert found.not_known[0] == "What kind of failure it is: too little was collected to say."


@pytest.mark.parametrize(
    ("message", "facts", "quote"),
    [
        ("", [("tries", "Try 1: failed, x\nTry 2: success, ran 3.0 s, on w1")], "Try 2: success, ran 3.0 s, on w1"),
        ("run 7 ended", [("run_output", "state: TERMINATED\nresult: SUCCESS")], "result: SUCCESS"),
        ("Reason: USER_REQUEST (SUCCESS).", [("cluster_events", "USER_REQUEST by ada")], "USER_REQUEST by ada"),
        ("copy_orders", [("pipeline", "copy_orders: Succeeded")], "copy_orders: Succeeded"),
    ],
)  # fmt: skip
def test_where_nothing_failed_it_names_no_cause(
    message: str, facts: list[tuple[str, str]], quote: str
) -> None:
    found = note(message, *facts, source="databricks")
    assert found.category is Category.UNKNOWN
    assert found.confidence <= 0.1
    assert "Nothing in the evidence shows a failure" in found.summary
    assert f"“{quote}” (E1)" in found.summary
    assert found.suggested_action is None


@pytest.mark.parametrize("message", [REFUSED, KILLED, "Error", "disk failed", "No space left on device"])
def test_a_report_of_an_error_is_never_taken_for_none(message: str) -> None:
    found = note(message, ("tries", "Try 1: success, x"), ("run_output", "SUCCESS"))
    assert "Nothing in the evidence shows a failure" not in found.summary


# The form


def test_what_cannot_be_repeated_suggests_nothing() -> None:
    found = note(
        "TypeError: unsupported operand type(s)", ("error", "TypeError: unsupported operand type(s)")
    )
    assert (found.category, found.suggested_action) == (Category.APPLICATION_BUG, None)


def test_what_to_avoid_is_kept_apart_from_what_to_do() -> None:
    found = note(REFUSED, ("error", REFUSED))
    assert found.avoid
    assert all(sentence.startswith("Do not ") for sentence in found.avoid)
    assert not any("Do not" in step for step in found.recommendations)
    assert all(runbook.url for runbook in found.runbooks)


AROUND = [
    ("change", CHANGE),
    ("change", "DAG version 3 was deployed"),
    ("upstream", "extract: failed"),
    ("pool", "default_pool: full"),
    ("history", "Failed 3 of the last 10 runs"),
    ("trend", "Growing"),
    ("tries", "Try 1: failed, x\nTry 2: failed, y"),
    ("similar", "RCA-1 (1 day ago, dns, a/b): resolved after 5 min: fixed"),
    *[("missing", f"Part {n} is missing") for n in range(9)],
    ("log", "Airflow has no log of this try."),
]


@pytest.mark.parametrize("category", list(Category))
@pytest.mark.parametrize("source", ["airflow", "adf", "databricks", "azure_monitor", "generic", "synapse"])
def test_no_note_is_longer_than_can_be_read_at_night(category: Category, source: str) -> None:
    seen = [("error", "It broke"), *AROUND]
    evidence = [Evidence(f"E{n}", kind, "test", None, text) for n, (kind, text) in enumerate(seen, 1)]
    for facts in (evidence, evidence[:1], evidence[1:], []):
        found = analyze_from_knowledge(
            Symptom(source, None, "It broke"),
            Classification(category, "a rule", "It broke", 0.5, Severity.HIGH, remediable=True),
            facts, KNOWLEDGE, "a/b",
        )  # fmt: skip
        assert 2 <= sentences(found.summary) <= 5
        assert 1 <= len(found.hypotheses) <= 3
        assert 1 <= len(found.recommendations) <= 6
        assert len(found.not_known) <= 5
        assert len(found.runbooks) <= 3
        prose = re.sub(r"`[^`]*`", "", everything(found))
        assert not re.search(r"\{[a-z_]+\}|\b(?:HOST|PORT|CLUSTER_ID|RUN_ID)\b", prose)


TEXTS = st.one_of(st.text(), st.sampled_from([REFUSED, HEAP, KILLED, CHANGE, "extract: failed “x” (E1)"]))
KINDS = st.sampled_from(
    ["log", "change", "upstream", "similar", "missing", "pool", "labels", "cluster_events"]
)


@given(TEXTS, TEXTS, st.sampled_from(["airflow", "databricks", "adf"]), KINDS)
def test_every_citation_exists_and_holds_what_is_quoted(
    message: str, other: str, source: str, kind: str
) -> None:
    facts = [(kind, other), ("error", message)]
    found = note(message, *facts, source=source)
    assert len(found.root_cause.text) <= 160
    assert "\n" not in found.root_cause.text
    texts = {f"E{n}": folded(text) for n, (_, text) in enumerate(facts, 1)}
    for item in found.hypotheses:
        if item.evidence and "“" in item.text:
            quote = item.text.split("“", 1)[1].rsplit("”", 1)[0]
            assert all(quote in texts[cited] for cited in item.evidence)
    for cited in found.root_cause.evidence:
        assert any(quote in texts[cited] for quote in quotes_of(found.summary))


def quotes_of(text: str) -> list[str]:
    """What may stand in quotes: from any that opens to any that closes, for a quote may hold some itself."""
    opened = [at + 1 for at, letter in enumerate(text) if letter == "“"]
    closed = [at for at, letter in enumerate(text) if letter == "”"]
    return [text[a:b] for a in opened for b in closed if a < b]


@given(st.text(alphabet="“”`{}<>' \nabcE1()", max_size=200))
def test_hostile_text_breaks_nothing(text: str) -> None:
    for kind in ("change", "upstream", "similar", "missing", "pool", "tries", "labels", "run_output", "note"):
        note(text, (kind, text))


BY_HAND = "TaskInstance's state was manually set to `failed`."


@pytest.mark.parametrize(
    ("message", "log", "nothing"),
    [
        ("", f"WARNING - {REFUSED}, trying again", True),
        (BY_HAND, "State of this instance has been externally set to failed. Terminating instance.", True),
        (f"{BY_HAND}\n{HEAP}", "bye", False),
        (REFUSED, "bye", False),
    ],
)
def test_what_a_log_complains_of_is_no_failure_once_it_is_settled(
    message: str, log: str, nothing: bool
) -> None:
    facts = [("log", log), ("tries", "Try 1: success, ran 3.0 s, on w1"), ("error", message)]
    found = note(message, *facts[: 3 if message else 2])
    assert ("Nothing in the evidence shows a failure" in found.summary) is nothing


def test_what_a_report_repeats_of_a_chain_is_not_its_cause() -> None:
    chain = (
        f"Traceback (most recent call last):\n{REFUSED}\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\nbank.UploadError: [Errno 13] Permission denied\n"
    )
    assert REFUSED in note(f"{chain}UploadError: [Errno 13] Permission denied", ("log", chain)).summary


def test_the_decisive_line_says_more_than_its_code() -> None:
    output = "termination code: LIBRARY_INSTALLATION_ERROR\nNo matching distribution found for acme==9"
    found = note(output, ("run_output", output), source="databricks")
    assert "acme==9" in found.root_cause.text


def test_what_nobody_can_see_is_not_quoted() -> None:
    found = note("It bro\u200bke \u202enow\u202c", ("error", "It bro\u200bke \u202enow\u202c"))
    assert found.root_cause.text == "Not known: It broke now"
    assert found.root_cause.evidence == ("E1",)
