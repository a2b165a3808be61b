"""Whether an answer is found again by the same failure, and by no other."""

from __future__ import annotations

from datetime import datetime, timezone

from rca_plugin.core.evidence import Evidence
from rca_plugin.core.model_key import model_key

DAYS = (
    {"day": "2026-02-03", "clock": "03:15:02.123", "try": "1", "pid": "4411", "pod": "load-7d9f8b6c5d-x2k4j"},
    {"day": "2026-02-04", "clock": "03:16:40.991", "try": "2", "pid": "19", "pod": "load-5b8d7f9c6c-q8m2t"},
)


def failure(
    day: dict[str, str], error: str = "psycopg2.OperationalError: could not connect to db.internal:5432"
) -> list[Evidence]:
    at = datetime.fromisoformat(f"{day['day']}T04:00:00").replace(tzinfo=timezone.utc)
    run = f"scheduled__{day['day']}T03:00:00+00:00"
    log = (
        f"[{day['day']}T{day['clock']}+0000] {{taskinstance.py:1157}} INFO - Starting attempt {day['try']} of 3\n"
        f"… {int(day['pid']) + 7} lines left out …\n"
        f"[{day['day']}T{day['clock']}+0000] INFO - Run {run} on {day['pod']}, pid {day['pid']}\n"
        f"[{day['day']}T{day['clock']}+0000] ERROR - {error}"
    )
    return [
        Evidence("E1", "error", "airflow", at, error),
        Evidence("E2", "log", f"airflow task log, try {day['try']}", at, log),
        Evidence(
            "E3", "run", "airflow dag run", at, f"Run {run} of DAG sales: failed, conf {{'n': {day['pid']}}}"
        ),
        Evidence(
            "E4", "tries", "airflow task instance", None, f"Try {day['try']}: failed, ran {day['pid']}.2 s"
        ),
        Evidence("E5", "history", "airflow dag runs", at, f"{day['pid']} of the last 20 runs failed"),
        Evidence("E6", "similar", "past incidents", None, f"RCA-{day['pid']} (sales/load, now): open"),
        Evidence("E7", "pool", "airflow pool, now", at, f"Pool default: 128 slots, now {day['try']} running"),
    ]


def key(evidence: list[Evidence], fingerprint: str = "f", model: str = "m", prompt: str = "p") -> str:
    return model_key(fingerprint, model, prompt, evidence)


def test_the_same_failure_a_day_later_has_the_same_key() -> None:
    first, second = map(failure, DAYS)
    assert key(first) == key(second)
    assert len(key(first)) == 64


def test_another_error_has_another() -> None:
    one = failure(DAYS[0])
    other = failure(DAYS[0], "psycopg2.OperationalError: could not connect to db.internal:5433")
    assert key(one) != key(other)


def test_a_change_before_it_makes_it_another_failure() -> None:
    one = failure(DAYS[0])
    change = Evidence("E8", "change", "airflow connection", None, "Connection orders_db was edited by ada")
    assert key(one) != key([*one, change])


def test_another_model_prompt_or_fingerprint_is_another_question() -> None:
    one = failure(DAYS[0])
    assert len({key(one), key(one, "g"), key(one, model="n"), key(one, prompt="q")}) == 4


def test_texts_of_evidence_do_not_run_into_each_other() -> None:
    def facts(*texts: str) -> list[Evidence]:
        return [Evidence(f"E{n}", "log", "s", None, text) for n, text in enumerate(texts, 1)]

    assert key(facts("ab", "c")) != key(facts("a", "bc"))
