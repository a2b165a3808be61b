"""The fakes answer, and we ask, as the vendors' own documents say."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from rca_plugin.worker.integrations import adf
from rca_plugin.worker.integrations.inquiry import facts_within
from rca_plugin.worker.repairs.choice import REPAIRS, proposals_for
from tests.fakes.adf import CHILD_RUN, FAILED_AT, PIPELINE, RUN, RUNTIME, Azure, activity_run
from tests.fakes.databricks import RUN as JOB_RUN
from tests.fakes.databricks import TASK_RUN, TOKEN, Workspace
from tests.worker.repairing import FALLBACKS, OF_RUN, incident, order, with_job

# The hook itself reads its version in a way that Airflow 3.3 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
_ADF = "azure/specification/datafactory/resource-manager/Microsoft.DataFactory/stable/2018-06-01/datafactory.json"
_JOBS = "databricks/jobs.prism.json"
_RUNS = "#/paths/~1api~12.2~1jobs~1runs~1"
_ANSWER = "/get/responses/200/content/application~1json/schema"


def check(shared: Path, document: str, place: str, answer: Any) -> None:
    def read(uri: str) -> Resource[Any]:
        return Resource(json.loads(Path(uri.removeprefix("file://")).read_text()), DRAFT4)

    whole = f"{(shared / 'specs' / document).as_uri()}{place}"
    registry: Registry[Any] = Registry(retrieve=read)  # type: ignore[call-arg]
    found = list(Draft4Validator({"$ref": whole}, registry=registry).iter_errors(answer))
    assert not found, "\n".join(f"{error.json_path}: {error.message[:200]}" for error in found)


@pytest.mark.parametrize(
    ("answer", "definition"),
    [
        (lambda azure: azure.pipeline_run(RUN, None), "PipelineRun"),
        (lambda azure: azure.runtime(RUNTIME, None), "IntegrationRuntimeStatusResponse"),
    ],
)
def test_the_fake_of_data_factory_answers_as_documented(
    azure: Callable[..., Azure], shared: Path, answer: Callable[[Azure], tuple[int, Any]], definition: str
) -> None:
    status, said = answer(azure())
    assert status == 200
    check(shared, _ADF, f"#/definitions/{definition}", said)


def test_lists_and_queries_of_data_factory_are_as_documented(
    azure: Callable[..., Azure], shared: Path
) -> None:
    service = azure()
    child = activity_run("Child", "failed", kind="ExecutePipeline", output={"pipelineRunId": CHILD_RUN})
    service.activities[RUN].append(child)
    about = adf.Subject(FAILED_AT, pipeline=PIPELINE, run_id=RUN)
    assert facts_within(30, "Data Factory", partial(adf.collect, about=about))
    of_run, of_child, before = service.queries
    for query in service.queries:
        check(shared, _ADF, "#/definitions/RunFilterParameters", query)
    for query in (of_run, of_child):
        check(shared, _ADF, "#/definitions/ActivityRunsQueryResponse", service.activity_runs(RUN, query)[1])
    check(shared, _ADF, "#/definitions/PipelineRunsQueryResponse", service.pipeline_runs("", before)[1])


@pytest.mark.parametrize(("call", "run_id"), [("get", JOB_RUN), ("get-output", TASK_RUN)])
def test_the_fake_of_databricks_answers_as_documented(
    workspace: Callable[..., Workspace], shared: Path, call: str, run_id: int
) -> None:
    service = workspace()
    # The document is from before there were results for what was not started.
    service.runs[JOB_RUN]["tasks"].pop()
    answer = httpx.get(
        f"http://127.0.0.1:{service.port}/api/2.2/jobs/runs/{call}",
        params={"run_id": run_id},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    check(shared, _JOBS, f"{_RUNS}{call}{_ANSWER}", answer.raise_for_status().json())


@pytest.mark.parametrize("call", ["repair", "run-now"])
def test_databricks_is_told_to_run_again_as_documented(
    workspace: Callable[..., Workspace], shared: Path, call: str
) -> None:
    service = workspace()
    # The document is from before there were results for what was not started.
    service.runs[JOB_RUN]["tasks"].pop()
    service.runs[JOB_RUN]["job_parameters"] = [{"name": "berth", "default": "1", "value": "7"}]
    action = "databricks_repair_run" if call == "repair" else "databricks_run_now"
    for latest in (None, 5001):
        told = proposals_for(incident("databricks", OF_RUN), [{"action": action, "settings": {}}])[0][0]
        REPAIRS[action].start(order(told))
        path = f"runs~1{call}" if call == "repair" else call
        schema = f"#/paths/~1api~12.2~1jobs~1{path}/post/"
        body = next(
            query
            for query in reversed(service.queries)
            if {"rerun_tasks", "idempotency_token"} & query.keys()
        )
        check(shared, _JOBS, f"{schema}requestBody/content/application~1json/schema", body)
        answer = service.repair(body) if call == "repair" else service.run_now(body)
        if call == "run-now":
            check(shared, _JOBS, f"{schema}responses/200/content/application~1json/schema", answer[1])
        assert body.get("latest_repair_id") == (latest if call == "repair" else None)
        service.finish("FAILED")
    history = service.run({"run_id": JOB_RUN, "include_history": "true"})[1]
    check(shared, _JOBS, f"{_RUNS}get{_ANSWER}", history)


def test_the_definition_of_a_job_is_changed_as_documented(
    workspace: Callable[..., Workspace], shared: Path
) -> None:
    service = with_job(workspace())
    action = "databricks_use_fallback_node_type"
    told = proposals_for(incident("databricks", OF_RUN), [{"action": action, "settings": FALLBACKS}])[0][0]
    REPAIRS[action].start(order(told))
    body = next(query for query in service.queries if "new_settings" in query)
    # What the document requires of a cluster is broken: each letter of a word.
    del body["new_settings"]["job_clusters"][0]["new_cluster"]
    update = "#/paths/~1api~12.2~1jobs~1update/post/requestBody/content/application~1json/schema"
    check(shared, _JOBS, update, body)


def test_a_rerun_in_data_factory_is_answered_as_documented(azure: Callable[..., Azure], shared: Path) -> None:
    service = azure()
    entities = _ADF.replace("datafactory.json", "entityTypes/Pipeline.json")
    check(shared, entities, "#/definitions/Pipeline", service.pipeline(PIPELINE, None)[1]["properties"])
    service.asked = f"referencePipelineRunId={RUN}&isRecovery=true"
    check(shared, _ADF, "#/definitions/CreateRunResponse", service.create_run(PIPELINE, None)[1])
    rerun = next(run for run in service.runs if run["runId"] == "rerun-1")
    service.finish("rerun-1", "Succeeded")
    check(shared, _ADF, "#/definitions/PipelineRun", rerun)
    group = service.pipeline_runs(
        "", {"filters": [{"operand": "RunGroupId", "operator": "In", "values": [RUN]}],
             "lastUpdatedAfter": "2026-01-01T00:00:00+00:00", "lastUpdatedBefore": "2099-01-01T00:00:00+00:00"},
    )  # fmt: skip
    check(shared, _ADF, "#/definitions/PipelineRunsQueryResponse", group[1])
    assert [run["runId"] for run in group[1]["value"]] == [RUN, "rerun-1"]
