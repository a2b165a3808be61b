"""Reruns in Data Factory: by the real hook, over real TLS, begun at most once whatever goes wrong there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rca_plugin.worker.repairs import adf as repairs
from rca_plugin.worker.repairs.choice import REPAIRS, proposals_for
from rca_plugin.worker.repairs.repair import Order, RefusedError, Started, UnclearError
from rca_plugin.worker.repairs.starting import start_once
from tests.fakes.adf import FACTORY, PIPELINE, RUN, Azure, pipeline_run
from tests.worker.repairing import OF_PIPELINE, incident, order

Start = Callable[..., Azure]
FROM_FAILURE, WHOLE = "adf_rerun_from_failed_activity", "adf_rerun_whole"
TROUBLES = [401, 403, 404, 429, 500, 503, "lost", "reset", "stall", "truncated", "invalid", "wrong"]
LASTING = [403, 429, 500, "reset", "wrong"]
CALLS = ["pipeline_run", "create_run"]


@pytest.fixture(autouse=True)
def not_busy_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repairs, "_BUSY_SECONDS", 0.02)


def proposed(action: str = FROM_FAILURE, **labels: str) -> Any:
    return proposals_for(incident("adf", {**OF_PIPELINE, **labels}), [{"action": action, "settings": {}}])


def tried(ordered: Order, *, action: str = FROM_FAILURE, begun_before: bool = False) -> Started | str:
    try:
        return start_once(REPAIRS[action], ordered, begun_before=begun_before)
    except RefusedError:
        return "refused"
    except UnclearError:
        return "unclear"


@pytest.mark.parametrize(
    ("action", "touched", "also"),
    [(FROM_FAILURE, ["Copy Ships", "Report"], {"startFromFailure": "true"}),
     (WHOLE, ["Look Up", "Copy Ships", "Report"], {})],
)  # fmt: skip
def test_what_is_proposed_is_begun_once_and_found_again(
    azure: Start, action: str, touched: list[str], also: dict[str, str]
) -> None:
    service = azure()
    proposals, problems = proposed(action)
    assert problems == []
    assert proposals[0].resource == f"pipeline:{FACTORY}/{PIPELINE}"
    assert proposals[0].blast_radius == tuple(f"activity {name} of pipeline {PIPELINE}" for name in touched)
    assert service.begun == []
    ordered = order(proposals[0])
    first = tried(ordered, action=action)
    assert isinstance(first, Started)
    assert first.external_url is not None
    assert service.begun == [{"referencePipelineRunId": RUN, "isRecovery": "true", **also}]
    assert tried(ordered, action=action, begun_before=True) == first
    assert len(service.begun) == 1


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("call", CALLS)
def test_what_passes_ends_in_one_run_or_in_none(azure: Start, call: str, trouble: Any) -> None:
    service = azure(**({"*": ["stall"]} if trouble == "stall" else {}))
    service.troubles.clear()
    ordered = order(proposed()[0][0])
    service.troubles[call] = [trouble, None]
    outcome = tried(ordered)
    assert len(service.begun) <= 1
    if call == "create_run" and trouble in (401, 403, 404):
        assert outcome == "refused"
        assert service.begun == []
    elif call == "create_run" and trouble == "lost":
        # Nobody knows that it was not begun, and it would be begun twice if it was.
        assert outcome == "unclear"
    else:
        assert isinstance(outcome, Started)
        assert len(service.begun) == 1


@pytest.mark.parametrize("trouble", LASTING)
@pytest.mark.parametrize("call", CALLS)
def test_what_does_not_pass_has_an_end(azure: Start, call: str, trouble: Any) -> None:
    service = azure()
    ordered = order(proposed()[0][0])
    service.troubles[call] = [trouble]
    if trouble != 403:
        # Nor does it say what became of it.
        service.troubles["pipeline_runs"] = [trouble]
    outcome = tried(ordered)
    assert len(service.begun) <= 1
    if outcome == "refused":
        assert service.begun == []
    # The next try of the task.
    service.troubles.clear()
    again = tried(ordered, begun_before=True)
    assert len(service.begun) <= 1
    assert isinstance(again, Started) == (len(service.begun) == 1)


def test_what_was_begun_and_is_not_to_be_found_is_not_begun_again(azure: Start) -> None:
    service = azure()
    ordered = order(proposed()[0][0])
    assert tried(ordered, begun_before=True) == "unclear"
    assert service.begun == []


def test_a_run_that_somebody_started_meanwhile_is_not_taken_for_ours(azure: Start) -> None:
    service = azure()
    ordered = order(proposed()[0][0])
    service.runs[0]["isLatest"] = False
    service.runs.append(pipeline_run("theirs", "Failed", 5, runGroupId=RUN))
    assert tried(ordered) == "refused"
    assert tried(ordered, begun_before=True) == "unclear"
    assert service.begun == []


def test_the_next_attempt_goes_on_from_the_one_before(azure: Start) -> None:
    service = azure()
    ordered = order(proposed()[0][0])
    first = tried(ordered)
    assert isinstance(first, Started)
    assert proposed()[0] == []
    service.finish(first.external_run_id, "Failed")
    # As it was planned, and as it is looked up now.
    for following in (ordered.target, proposed()[0][0].target):
        second = tried(Order(8, following, "token-008", ordered.since, (first.external_run_id,)))
        assert isinstance(second, Started)
        assert service.begun.pop()["referencePipelineRunId"] == first.external_run_id
        service.runs.pop()
        service.runs[-1]["isLatest"] = True


@pytest.mark.parametrize(
    ("status", "state"), [("InProgress", "running"), ("Queued", "running"), ("Canceling", "running"),
                          ("Succeeded", "succeeded"), ("Failed", "failed"), ("Cancelled", "failed")],
)  # fmt: skip
def test_the_truth_is_how_the_run_ends(azure: Start, status: str, state: str) -> None:
    service = azure()
    ordered = order(proposed()[0][0])
    begun = tried(ordered)
    assert isinstance(begun, Started)
    service.finish(begun.external_run_id, status)
    found = REPAIRS[FROM_FAILURE].look(ordered, begun.external_run_id)
    assert found.state == state
    assert status in found.text


@pytest.mark.parametrize(
    ("labels", "change", "why"),
    [
        ({"pipeline_run_id": "../x"}, {}, "names no pipeline run"),
        ({"pipeline_run_id": "run-before-2"}, {}, "is Succeeded"),
        ({}, {"status": "InProgress"}, "is InProgress"),
        ({"subscription": "another"}, {}, "[rca] adf_conn_id"),
        ({"pipeline_run_id": "nowhere"}, {}, "404"),
    ],
)
def test_what_a_report_names_is_only_run_again_where_data_factory_says_that_it_failed(
    azure: Start, labels: dict[str, str], change: dict[str, Any], why: str
) -> None:
    service = azure()
    service.runs[0].update(change)
    proposals, problems = proposed(**labels)
    assert proposals == []
    assert why in problems[0]
    assert service.begun == []
