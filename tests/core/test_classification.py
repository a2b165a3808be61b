import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.hostile import HOSTILE
from rca_plugin.core.category import NOT_REMEDIABLE, Category
from rca_plugin.core.classification import Classification, Symptom, classify, is_normal_termination
from rca_plugin.core.data import data_folder
from rca_plugin.core.error_codes import codes_in, exceptions_in
from rca_plugin.core.error_text import error_line, passages_of
from rca_plugin.core.rule_files import load_rules

RULES = load_rules(data_folder())


def of(message: str, code: str | None = None, source: str = "airflow") -> Classification:
    return classify(Symptom(source, code, message), RULES)


def category(message: str, code: str | None = None, source: str = "airflow") -> str:
    return of(message, code, source).category.value


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ("connection_error", "psycopg2.OperationalError: could not connect to server: Connection refused"),
        ("dns", "socket.gaierror: [Errno -2] Name or service not known"),
        ("network_transient", "ConnectionResetError: [Errno 104] Connection reset by peer"),
        ("timeout", "airflow.exceptions.AirflowTaskTimeout: Timeout, PID: 77"),
        ("sensor_timeout", "airflow.exceptions.AirflowSensorTimeout: Sensor has timed out"),
        ("sensor_timeout", "Snap. Time is OUT. DAG id: sales"),
        ("worker_lost", "Task did not emit heartbeat within time limit (300 seconds) and will be terminated."),
        ("worker_lost", "Detected zombie job: {'full_filepath': '/dags/a.py'}"),
        ("worker_lost", "Task exited with signal Negsignal.SIGKILL"),
        ("worker_lost", "t finished with state failed, but the task instance's state attribute is queued."),
        ("out_of_memory", "State: Terminated Reason: OOMKilled Exit Code: 137"),
        ("out_of_memory", "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array"),
        ("api_error", "requests.exceptions.HTTPError: 503 Server Error: Service Unavailable for url: https://x/"),
        ("api_error", "httpx.HTTPStatusError: Client error '429 Too Many Requests' for url 'https://x.example/'"),
        ("auth_permission", "requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: https://x.example/"),
        ("auth_permission", "ClientError: An error occurred (AccessDenied) when calling the PutObject operation"),
        ("auth_permission", "ORA-01017: invalid username/password; logon denied"),
        ("auth_permission", "AADSTS7000222: The provided client secret keys are expired."),
        ("missing_data", "FileNotFoundError: [Errno 2] No such file or directory: '/data/in.csv'"),
        ("missing_data", "ClientError: An error occurred (NoSuchKey) when calling the GetObject operation"),
        ("missing_data", "psycopg2.errors.UndefinedTable: relation \"stage.orders\" does not exist"),
        ("schema_validation", "psycopg2.errors.UndefinedColumn: column \"amount\" does not exist"),
        ("data_quality", "sqlalchemy.exc.IntegrityError: (psycopg2.errors.UniqueViolation) duplicate key value"),
        ("concurrency_conflict", "sqlite3.OperationalError: database is locked"),
        ("concurrency_conflict", "pymysql.err.OperationalError: (1213, 'Deadlock found when trying to get lock')"),
        ("pool_exhaustion", "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, timeout 30"),
        ("pool_exhaustion", "psycopg2.OperationalError: FATAL:  sorry, too many clients already"),
        ("application_bug", "jinja2.exceptions.UndefinedError: 'dict object' has no attribute 'ds'"),
        ("application_bug", "airflow.exceptions.DuplicateTaskIdFound: Task id 'load' has already been added"),
        ("configuration_error", "airflow.exceptions.AirflowNotFoundException: The conn_id `warehouse` isn't defined"),
        ("configuration_error", "ORA-12154: TNS:could not resolve the connect identifier specified"),
        ("dependency_failure", "ModuleNotFoundError: No module named 'pyodbc'"),
        ("dependency_failure", "Failed to pull image \"registry.example/etl:7\": ErrImagePull"),
        ("storage_full", "OSError: [Errno 28] No space left on device"),
        ("cluster_stockout", "0/12 nodes are available: 12 Insufficient cpu."),
        ("spot_preemption", "The node was lost because the spot instance was reclaimed by the provider"),
        ("quota_exceeded", "google.api_core.exceptions.Forbidden: 403 Quota exceeded: too many concurrent queries"),
        ("timeout", "psycopg2.errors.QueryCanceled: canceling statement due to statement timeout"),
    ],
)  # fmt: skip
def test_what_the_world_says(expected: str, message: str) -> None:
    assert category(message) == expected


@pytest.mark.parametrize(
    ("code", "source", "expected"),
    [
        ("CLOUD_PROVIDER_RESOURCE_STOCKOUT", "databricks", "cluster_stockout"),
        ("DRIVER_UNREACHABLE", "databricks", "driver_unresponsive"),
        ("BOOTSTRAP_TIMEOUT", "databricks", "bootstrap_timeout"),
        ("SPOT_INSTANCE_TERMINATION", "databricks", "spot_preemption"),
        ("UNAUTHORIZED_ERROR", "databricks", "auth_permission"),
        ("SOMETHING_NEW_DUE_TO_MISCONFIG", "databricks", "configuration_error"),
        ("DIVIDE_BY_ZERO", "databricks", "data_quality"),
        ("UserErrorSourceBlobNotExists", "adf", "missing_data"),
        ("DF-Executor-OutOfMemoryError", "adf", "out_of_memory"),
        ("2105", "adf", "configuration_error"),
        ("2105", "airflow", "unknown"),
        ("java.lang.OutOfMemoryError", "databricks", "out_of_memory"),
    ],
)
def test_a_code_is_enough(code: str, source: str, expected: str) -> None:
    assert category("It failed.", code, source) == expected


def test_every_termination_code_of_the_same_family_is_told_from_its_misconfigured_twin() -> None:
    assert of("", "NETWORK_CHECK_STORAGE_FAILURE", "databricks").remediable
    assert not of("", "NETWORK_CHECK_STORAGE_FAILURE_DUE_TO_MISCONFIG", "databricks").remediable


@pytest.mark.parametrize(
    "message",
    [
        "",
        "   \n\n",
        "Bash command failed. The command returned a non-zero exit code 1.",
        "Task exited with return code 1",
        "room_id=7 zoom_level=3 classroom full",
        "airflow.exceptions.AirflowException: Something went wrong",
        "The task process ended without reporting an error",
        "Connecting to warehouse with timeout=30",
        "The cached entry was evicted",
        "Cluster 7 is already running",
        "12 health checks failed before, now all pass",
    ],
)
def test_unknown_rather_than_a_guess(message: str) -> None:
    found = of(message)
    assert found.category is Category.UNKNOWN
    assert (found.rule, found.confidence, found.remediable) == (None, 0.0, False)


KILLED = (
    "2026-11-23 20:12:14 CRITICAL Process terminated by signal. Likely out of memory error (OOM). For more "
    "information, see https://airflow.apache.org/docs/apache-airflow/stable/troubleshooting.html#signal."
)
SURVIVED = """2026-11-23 20:11:02 WARNING Could not load the cache
Traceback (most recent call last):
  File "/dags/load.py", line 7, in load
TypeError: unsupported operand type(s)
2026-11-23 20:11:03 INFO Going on without it
"""


@pytest.mark.parametrize(
    "message",
    [
        KILLED,
        f"{KILLED} signal=-9 signal_name=SIGKILL",
        SURVIVED + KILLED,
        f"{KILLED}\nThe task process ended without reporting an error",
    ],
)
def test_what_airflow_itself_only_guesses_is_trusted_little(message: str) -> None:
    found = of(message)
    assert (found.category, found.remediable) == (Category.OUT_OF_MEMORY, False)
    assert 0.4 <= found.confidence <= 0.6
    assert found.matched.startswith("Process terminated by signal.")


def test_the_error_line_of_a_killed_process_is_how_it_ended() -> None:
    text = f"{SURVIVED}{KILLED}\nThe task process ended without reporting an error"
    assert error_line(text).startswith("Process terminated by signal.")


@pytest.mark.parametrize(
    "message",
    [
        "Task exited with return code -9",
        "Process terminated by signal. signal=-9",
        "SIGKILL",
        "2026-11-23 20:12:14 ERROR Process terminated by signal. For more information, see https://x.example.",
    ],
)
def test_a_kill_without_a_reason_is_a_lost_worker(message: str) -> None:
    assert category(message) == "worker_lost"


def test_a_line_with_a_time_ends_the_message_of_the_exception_before_it() -> None:
    text = "ValueError: bad\n2026-11-23 20:12:14 INFO Connection refused, as always at this hour"
    assert category(text) != "connection_error"


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ("timeout", "Error: command timeout"),
        ("worker_lost", "Pod etl-7 was evicted"),
        ("data_quality", "airflow.exceptions.AirflowException: Test failed.\nPass value:5\nTolerance:None"),
        ("data_quality", "ORA-00001: unique constraint (SALES.ORDERS_PK) violated"),
        (
            "cluster_stockout",
            "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: no victims found",
        ),
        ("cluster_stockout", "We currently do not have sufficient m5.large capacity in the zone you requested"),
        ("data_quality", "xml.etree.ElementTree.ParseError: not well-formed (invalid token): line 1, column 5"),
        ("connection_error", "Connection to 10.0.0.7 timed out after 30 seconds"),
    ],
)  # fmt: skip
def test_a_phrase_says_enough_to_mean_only_this(expected: str, message: str) -> None:
    assert category(message) == expected


STAMP = "[2026-03-01T04:00:0{second}.000+0000] "


def log(*lines: str) -> str:
    return "\n".join(STAMP.format(second=at) + line for at, line in enumerate(lines))


def test_what_a_hook_says_it_does_is_no_evidence_once_something_failed() -> None:
    course = "{s3.py:40} INFO - Connection refused by 3 of 4 mirrors in the list"
    failed = "{taskinstance.py:900} ERROR - Task failed with exception\nairflow.exceptions.AirflowException: It broke"
    assert category(log(course, failed)) == "unknown"
    assert category(course) == "connection_error"


def test_what_a_program_printed_says_more_than_that_it_failed() -> None:
    printed = "{subprocess.py:93} INFO - pg_dump: error: connection to server failed: Connection refused"
    failed = (
        "{taskinstance.py:900} ERROR - Task failed\nairflow.exceptions.AirflowException: Bash command failed."
    )
    assert category(log(printed, failed)) == "connection_error"


def test_the_next_line_of_the_log_is_no_part_of_an_exceptions_message() -> None:
    caught = "ERROR - paramiko.ssh_exception.SSHException: Error reading SSH protocol banner"
    retried = "{ssh.py:360} INFO - Failed to connect. Sleeping before retry attempt 1"
    raised = (
        "ERROR - airflow.exceptions.AirflowException: SSH operator error: Error reading SSH protocol banner"
    )
    assert category(log(caught, retried, raised)) == "network_transient"


def test_a_program_that_logs_every_line_of_its_message_has_it_read_in_full() -> None:
    said = log(
        "{subprocess.py:93} INFO - ledger.errors.LoadError: could not load the ledger",
        "{subprocess.py:93} INFO - duplicate key value violates unique constraint",
    )
    assert [passage.loss for passage in passages_of(said)] == [0, 0]


def test_an_error_says_more_than_a_warning_before_it() -> None:
    warned = "2026-03-01 04:00:00 WARN permission denied by the first mirror, trying another"
    failed = "2026-03-01 04:00:09 ERROR connection reset by peer"
    assert category(f"{warned}\n{failed}", source="generic") == "network_transient"


@pytest.mark.parametrize("name", ["[etl].[AccessDenied]", '"etl"."AccessDenied"', "`etl`.`AccessDenied`"])
def test_what_a_table_is_called_is_no_evidence(name: str) -> None:
    assert category(f"Query timed out after 300 s while reading {name}", source="generic") == "timeout"


@pytest.mark.parametrize("counted", ["throttlingErrors=0", '"connection_resets_failed": 0', "retries: 0"])
def test_what_happened_zero_times_is_no_evidence(counted: str) -> None:
    assert category(f"Copied 12 files, {counted}. It ended badly.", source="generic") == "unknown"


def test_what_was_got_over_is_no_evidence() -> None:
    assert category("3 files read (connection reset by peer, recovered). It ended badly.") == "unknown"
    assert category("3 files read (connection reset by peer). It ended badly.") == "network_transient"


def test_a_code_of_zero_is_a_code() -> None:
    assert codes_in(passages_of("error_code=0")[0].telling)


def test_the_code_before_the_first_message_that_data_factory_nests_is_its_own() -> None:
    text = "ErrorCode=ColumnNameNotFoundInSource,'Type=a.Exception,Message=It cannot be found,'"
    assert category(text, "2200", "adf") == "schema_validation"


def test_advice_that_every_failed_connection_gives_is_no_firewall() -> None:
    text = (
        "ErrorCode=SqlFailedToConnect,'Type=a.DeliveryException,Message=Cannot connect to SQL Database. Check the "
        "linked service configuration is correct, and make sure the SQL Database firewall allows the integration "
        "runtime to access.,Source=x,''Type=System.Data.SqlClient.SqlException,Message={},Source=.Net,'"
    )
    assert category(text.format("Login failed for user 'etl'."), "2200", "adf") == "auth_permission"
    refused = of(text.format("The client is not allowed to access the server."), "2200", "adf")
    assert (refused.category.value, refused.remediable) == ("connection_error", False)


@pytest.mark.parametrize(
    ("expected", "cause"),
    [("connection_error", "connect: connection refused"), ("dns", "lookup db: no such host")],
)
def test_what_broke_a_grpc_connection_says_more_than_its_state(expected: str, cause: str) -> None:
    text = f'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: {cause}"'
    assert category(text, source="generic") == expected
    assert category("rpc error: code = Unavailable desc = nothing else", source="generic") == "api_error"


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ("auth_permission", "Failed to get an answer: AADSTS50076: you must use another factor."),
        ("api_error", "Failed to get an answer: AADSTS90033: a transient error has occurred."),
        ("out_of_memory", "Code: 241.\nDB::Exception: It was too much."),
        ("missing_data", "Code: 60. DB::Exception: Nothing of that name."),
        ("network_transient", "('08S01', '[08S01] TCP Provider: Error code 0x68 (104) (SQLExecDirectW)')"),
        ("api_error", "The requested URL returned error: 502"),
        ("auth_permission", "Response status code does not indicate success: 403 (It may not)."),
        ("dependency_failure", "java.lang.NoSuchMethodError: com.example.Lib.call()V"),
        ("configuration_error", "AnalysisException: [DELTA_UNSUPPORTED_FEATURES_FOR_WRITE] It is too new"),
        ("network_transient", "smtplib.SMTPServerDisconnected: Connection unexpectedly closed"),
        ("worker_lost", "java.lang.IllegalStateException: Cannot call methods on a stopped SparkContext."),
        ("unknown", "state: INTERNAL_ERROR, message: Workload failed, see run output for details"),
        ("cluster_stockout", "0/5 nodes are available: 5 Insufficient memory."),
    ],
)  # fmt: skip
def test_families_of_errors_are_known(expected: str, message: str) -> None:
    assert category(message, source="generic") == expected


def test_the_guess_of_any_supervisor_is_trusted_little() -> None:
    assert of("Worker (pid:77) was sent SIGKILL! Perhaps out of memory?").confidence <= 0.55


def test_a_condition_that_was_not_met_is_no_conflict_unless_it_is_one_of_http() -> None:
    skipped = "Activity 'B' was skipped: dependency condition 'Succeeded' on activity 'A' not met"
    assert category(skipped, source="adf") == "dependency_failure"
    header = "The condition specified using HTTP conditional header(s) is not met."
    assert category(header, source="generic") == "concurrency_conflict"


def test_a_401_inside_a_connection_error_is_about_access() -> None:
    found = of("ConnectionError: request failed: 401 Client Error: Unauthorized for url: https://x.example/")
    assert found.category is Category.AUTH_PERMISSION
    assert not found.remediable


def test_a_dns_failure_inside_a_connection_error_is_about_the_name() -> None:
    assert category(
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.example', port=443): Max retries exceeded "
        "with url: / (Caused by NameResolutionError(\"Failed to resolve 'api.example'\"))"
    ) == "dns"  # fmt: skip


def test_a_duplicate_key_is_not_a_database_outage() -> None:
    found = of("pymysql.err.IntegrityError: (1062, \"Duplicate entry '7' for key 'PRIMARY'\")")
    assert (found.category, found.remediable) == (Category.DATA_QUALITY, False)


PYTHON_CHAIN = """Traceback (most recent call last):
  File "/app/db.py", line 10, in connect
    return driver.connect(host)
{inner}

{link}

Traceback (most recent call last):
  File "/app/main.py", line 3, in load
    raise ValueError("could not load orders")
ValueError: could not load orders
"""


@pytest.mark.parametrize(
    "link",
    [
        "The above exception was the direct cause of the following exception:",
        "During handling of the above exception, another exception occurred:",
    ],
)
def test_the_innermost_python_exception_wins_over_its_wrapper(link: str) -> None:
    text = PYTHON_CHAIN.format(inner="ConnectionRefusedError: [Errno 111] Connection refused", link=link)
    assert category(text) == "connection_error"
    assert error_line(text) == "ConnectionRefusedError: [Errno 111] Connection refused"


def test_a_lookup_that_missed_its_cache_does_not_hide_the_real_failure() -> None:
    text = """Traceback (most recent call last):
  File "/app/pool.py", line 4, in get
    return cache[host]
KeyError: 'db.internal'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/pool.py", line 6, in get
    raise ConnectionRefusedError(111, 'x')
ConnectionRefusedError: [Errno 111] Connection refused
"""
    assert category(text) == "connection_error"


def test_the_last_java_cause_wins() -> None:
    text = """org.apache.spark.SparkException: Job aborted due to stage failure
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2844)
Caused by: java.lang.RuntimeException: task failed
\tat com.example.Job.run(Job.java:7)
Caused by: java.io.FileNotFoundException: /raw/orders.csv
\tat java.io.FileInputStream.open0(Native Method)
\t... 12 more
"""
    assert category(text, source="databricks") == "missing_data"
    assert "FileNotFoundException" in error_line(text)


def test_a_nested_message_wins_over_the_code_that_only_wraps_it() -> None:
    text = (
        "ErrorCode=UserErrorFailedBlobFSOperation,Message=BlobFS operation failed for: A task was canceled."
    )
    assert category(text, "UserErrorFailedBlobFSOperation", "adf") == "timeout"


ADF = (
    "ErrorCode=SqlOperationFailed,'Type=Microsoft.DataTransfer.Common.Shared.HybridDeliveryException,Message=A "
    "database operation failed. Cannot connect to the server,Source=Microsoft.DataTransfer.ClientLibrary,"
    "''Type=System.Data.SqlClient.SqlException,Message={inner},Source=.Net SqlClient Data Provider,{number}Class=14,'"
)


@pytest.mark.parametrize(
    ("expected", "inner", "number"),
    [
        ("auth_permission", "Login failed for user 'etl'.", "SqlErrorNumber=18456,"),
        (
            "concurrency_conflict",
            "Transaction (Process ID 7) was deadlocked on lock resources.",
            "SqlErrorNumber=1205,",
        ),
        ("data_quality", "Violation of PRIMARY KEY constraint 'PK'. Cannot insert duplicate key.", ""),
    ],
)
def test_the_innermost_message_that_data_factory_nests_wins(expected: str, inner: str, number: str) -> None:
    found = of(ADF.format(inner=inner, number=number), "2200", "adf")
    assert found.category.value == expected
    assert found.matched.startswith("Type=System.Data.SqlClient.SqlException")


def test_a_code_that_only_the_wrapper_says_weighs_as_much_as_the_wrapper() -> None:
    text = (
        "ErrorCode=UserErrorFileNotFound,'Type=a.HybridDeliveryException,Message=Cannot read,Source=x,"
        "''Type=System.Data.SqlClient.SqlException,Message=Login failed for user 'etl'.,SqlErrorNumber=18456,'"
    )
    assert category(text, "UserErrorFileNotFound", "adf") == "auth_permission"
    assert category("Cannot read", "UserErrorFileNotFound", "adf") == "missing_data"


def test_the_innermost_exception_of_dot_net_wins() -> None:
    text = (
        "System.AggregateException: One or more errors occurred. ---> System.Net.Http.HttpRequestException: An error "
        "occurred while sending the request. ---> System.Net.Sockets.SocketException: No such host is known"
    )
    assert category(text, source="generic") == "dns"


def test_what_went_wrong_in_an_exception_group_is_in_the_group() -> None:
    text = """TypeError: caught and dealt with
2026-11-23 20:11:03 INFO Going on
  + Exception Group Traceback (most recent call last):
  |   File "/dags/load.py", line 7, in load
  |     raise ExceptionGroup("loading failed", errors)
  | ExceptionGroup: loading failed (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/dags/load.py", line 3, in fetch
    |     open(path)
    | FileNotFoundError: [Errno 2] No such file or directory: 'orders.csv'
    +------------------------------------
"""
    assert category(text) == "missing_data"


def test_case_and_underscores_of_a_name_do_not_count() -> None:
    for code in ("ResourceNotFound", "RESOURCE_NOT_FOUND", "resourcenotfound"):
        assert category("", code, "generic") == "missing_data"


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ("missing_data", "LedgerSnapshotNotFound"),
        ("dependency_failure", "LedgerDriverNotFoundException"),
        ("schema_validation", "LedgerColumnNotFoundException"),
        ("auth_permission", "LEDGER_ACCESS_DENIED"),
        ("api_error", "LedgerThrottlingException"),
        ("quota_exceeded", "LEDGER_QUOTA_EXCEEDED"),
        ("timeout", "LedgerTimeoutException"),
        ("configuration_error", "LEDGER_TIMEOUT_INVALID"),
        ("unknown", "LedgerOddity"),
    ],
)
def test_a_name_nobody_listed_is_understood_by_its_parts(expected: str, name: str) -> None:
    assert category("It failed.", name, "adf") == expected


def test_an_exact_state_weighs_more_than_the_parts_of_a_name() -> None:
    text = "[SOME_NEW_SCHEMA_MISMATCH] Division of something by something. SQLSTATE: 22012"
    assert category(text, "SOME_NEW_SCHEMA_MISMATCH", "databricks") == "data_quality"


def test_of_two_phrases_the_one_that_says_more_counts() -> None:
    assert category("Could not reach the server") == "connection_error"
    assert (
        category("Could not reach driver of cluster 7 for 120 seconds.", source="databricks")
        == "driver_unresponsive"
    )


def test_a_class_without_a_telling_name_is_known_by_what_it_is() -> None:
    assert category("zipfile.BadZipFile: orders.zip") == "data_quality"
    assert category("psycopg2.errors.UndefinedFunction: x") == "application_bug"
    assert category("made.up.BadZipper: orders.zip") == "unknown"


def test_file_names_and_source_lines_of_a_traceback_are_no_evidence() -> None:
    text = """Traceback (most recent call last):
  File "/airflow/utils/timeout.py", line 69, in connection_refused
    raise AirflowTaskTimeout("permission denied")
MyOwnOddity
"""
    assert category(text) == "unknown"


PANDAS = """Traceback (most recent call last):
  File "/lib/pandas/core/indexes/base.py", line 3653, in get_loc
    return self._engine.get_loc(casted_key)
KeyError: 'amount'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/dags/orders.py", line 10, in total
    return orders["amount"].sum()
KeyError: 'amount'
"""
NO_COMMAND = """Traceback (most recent call last):
  File "/lib/python3.11/subprocess.py", line 1950, in _execute_child
    raise child_exception_type(errno_num, err_msg, err_filename)
FileNotFoundError: [Errno 2] No such file or directory: 'dbt'
"""


def test_where_it_was_raised_may_tell_what_an_exception_means() -> None:
    assert category(PANDAS) == "schema_validation"
    assert category(PANDAS.replace("pandas", "orders").replace("_engine", "_orders")) == "application_bug"
    assert category(NO_COMMAND) == "dependency_failure"
    assert category(NO_COMMAND.replace("_execute_child", "read")) == "missing_data"


def test_an_exception_right_after_a_frame_without_source_is_read() -> None:
    text = 'Traceback (most recent call last):\n  File "/dags/a.py", line 7, in load\nMemoryError: cannot allocate\n'
    assert category(text) == "out_of_memory"


def test_close_rivals_lower_the_confidence() -> None:
    alone = of("Connection refused")
    torn = of("Connection refused\nPermission denied by broken pipe, connection reset by peer")
    assert torn.confidence < alone.confidence


def test_a_rule_cannot_make_the_never_remediable_remediable() -> None:
    for rule in RULES.rules:
        for code in rule.codes:
            found = of("", code.strip("*"), "databricks")
            assert not (found.remediable and found.category in NOT_REMEDIABLE)


def test_normal_terminations_are_no_failures() -> None:
    def normal(code: str | None, message: str = "") -> bool:
        return is_normal_termination(Symptom("databricks", code, message), RULES)

    assert normal("INACTIVITY")
    assert normal("USER_REQUEST", "Cluster terminated. Reason: USER_REQUEST")
    assert normal("JOB_FINISHED")
    assert not normal("DRIVER_UNREACHABLE")
    assert not normal(None, "")


def test_a_log_line_cannot_declare_a_failure_normal() -> None:
    message = "Reason: JOB_FINISHED. state=USER_REQUEST code=SUCCESS"
    assert not is_normal_termination(Symptom("databricks", None, message), RULES)


@given(st.sampled_from(["airflow", "adf", "databricks", "?"]), st.none() | st.text(), st.text())
def test_never_raises_on_any_text(source: str, code: str | None, message: str) -> None:
    found = classify(Symptom(source, code, message), RULES)
    assert 0.0 <= found.confidence <= 1.0
    assert found.category is Category.UNKNOWN or found.rule


WORDS = [
    "Error:",
    "ValueError: x\n",
    "Caused by: ",
    "exit code ",
    "(",
    "[",
    "'",
    "A_B",
    "aB",
    "Errno ",
    "\t",
    "connection to ",
    "0",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_of_a_hostile_text_no_more_is_read_than_of_any_long_log(name: str) -> None:
    text = (HOSTILE[name] * (1_000_000 // len(HOSTILE[name]) + 1))[:1_000_000]
    passages = passages_of(text)
    assert sum(len(passage.line) for passage in passages) <= 33_000
    for passage in passages[:50]:
        assert len(codes_in(passage.line)) <= 40 * 40
        assert len(list(exceptions_in(passage.line, lambda name: True))) <= 3 * 40


@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_hostile_text_costs_no_more(name: str) -> None:
    def seconds(length: int) -> float:
        text = (HOSTILE[name] * (length // len(HOSTILE[name]) + 1))[:length]
        started = time.process_time()
        of(text)
        return time.process_time() - started

    assert min(seconds(2_000_000) for _ in range(2)) < 10 * min(seconds(500_000) for _ in range(2)) + 0.25


@given(st.lists(st.sampled_from(WORDS), max_size=60).map("".join), st.integers(1, 3_000))
def test_hostile_repetition_stays_fast(piece: str, times: int) -> None:
    text = (piece * times)[:200_000]
    started = time.process_time()
    of(text, text[:500])
    assert time.process_time() - started < 2.0


def test_the_end_of_a_huge_log_is_read() -> None:
    assert category("all fine\n" * 200_000 + "OSError: [Errno 28] No space left on device") == "storage_full"
