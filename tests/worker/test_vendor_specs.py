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
from tests.fakes.adf import CHILD_RUN, FAILED_AT, PIPELINE, RUN, RUNTIME, Azure, activity_run
from tests.fakes.databricks import RUN as JOB_RUN
from tests.fakes.databricks import TASK_RUN, TOKEN, Workspace

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
