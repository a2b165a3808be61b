"""The steps of one analysis. Each reads what the step before left on the incident, so any can be run again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

from airflow.sdk import BaseOperator, Context

from rca_plugin.config import settings
from rca_plugin.core.analysis import analysis_to_json
from rca_plugin.core.classification import classify
from rca_plugin.rules_in_force import rules_in_force
from rca_plugin.worker.client import RcaClient, ServerError
from rca_plugin.worker.failure_case import FailureCase, failure_of, symptom_of
from rca_plugin.worker.outside import facts_about
from rca_plugin.worker.second_opinion import Model, analyze

_POLL_SECONDS = 2.0
# The server collects evidence for half a minute, and may be in the middle of something then.
_ANSWER_SECONDS = 60.0


class IncidentOperator(BaseOperator):
    """A step that works on one incident.

    :param incident_id: the number in RCA-42 (templated).
    """

    template_fields: Sequence[str] = ("incident_id",)

    def __init__(self, *, incident_id: int | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.incident_id = incident_id

    @cached_property
    def _client(self) -> RcaClient:
        return RcaClient(subject=self.task_id, timeout=_ANSWER_SECONDS)

    def _incident(self) -> dict[str, Any]:
        return self._client.incident(int(self.incident_id))


class CollectEvidenceOperator(IncidentOperator):
    """Have the evidence collected once Airflow has settled the failed try; after a while, without what is missing.

    What failed in Databricks or Data Factory is asked about there, which may take a while longer.
    """

    def execute(self, context: Context) -> int:
        """Answer how many facts were collected."""
        evidence = self._settled_evidence()
        # Second, so that nothing that happens outside keeps Airflow's own evidence from being there.
        if outside := facts_about(failure_of(self._incident()), evidence):
            number = int(self.incident_id)
            evidence = self._client.collect_evidence(number, wait=False, facts=outside)
        for fact in evidence:
            self.log.info(
                "%s %s from %s, %d characters", fact["id"], fact["kind"], fact["source"], len(fact["text"])
            )
        return len(evidence)

    def _settled_evidence(self) -> list[dict[str, Any]]:
        deadline = time.monotonic() + settings().evidence_timeout
        while time.monotonic() < deadline:
            try:
                return self._client.collect_evidence(int(self.incident_id), wait=True)
            except ServerError as error:
                if error.code != "not_settled":
                    raise
                self.log.info("Waiting: %s", error)
            time.sleep(_POLL_SECONDS)
        self.log.warning("Airflow has not settled the failure in time: going on with what is there")
        return self._client.collect_evidence(int(self.incident_id), wait=False)


class ClassifyOperator(IncidentOperator):
    """Say what kind of failure it is, from the report and the evidence."""

    def execute(self, context: Context) -> str:
        """Answer the category."""
        incident = self._incident()
        found = classify(symptom_of(incident), rules_in_force())
        self.log.info("%s by rule %s (%.2f): %s", found.category, found.rule, found.confidence, found.matched)
        self._client.record_classification(int(self.incident_id), asdict(found))
        return found.category.value


class AnalyzeOperator(IncidentOperator):
    """Say what caused the failure and what to do, every claim with its evidence."""

    def execute(self, context: Context) -> str:
        """Answer the root cause in one line."""
        # First: where there is one, its library is loaded while the server is asked.
        model = Model.of_settings()
        analysis = analyze(self._client, FailureCase(self._incident()), model)
        self.log.info("Analyzed by %s: %s", analysis.method.replace("_", " "), analysis.root_cause.text)
        if analysis.model_problem:
            self.log.warning("Not by the model: %s", analysis.model_problem)
        self._client.record_analysis(int(self.incident_id), analysis_to_json(analysis))
        return analysis.root_cause.text
