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
from rca_plugin.core.category import Category, Severity
from rca_plugin.core.classification import Classification, Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.evidence import Evidence, evidence_from_json
from rca_plugin.core.knowledge_files import load_knowledge
from rca_plugin.core.note import analyze_from_knowledge
from rca_plugin.rules_in_force import rules_in_force
from rca_plugin.worker.client import RcaClient, ServerError
from rca_plugin.worker.outside import facts_about

_POLL_SECONDS = 2.0
# The server collects evidence for half a minute, and may be in the middle of something then.
_ANSWER_SECONDS = 60.0
_LOGS = ("log", "note")
#: What says why; the others say how it stood around it, "missing" only what could not be had.
_ERRORS_OUTSIDE = ("termination", "run_output", "activity")


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
        incident = self._incident()
        symptom = symptom_of(incident)
        analysis = analyze_from_knowledge(
            symptom,
            _classification_of(incident, symptom),
            _evidence_of(incident),
            load_knowledge(data_folder()),
            incident["resource"],
        )
        self.log.info("Analyzed by the %s: %s", analysis.method.replace("_", " "), analysis.root_cause.text)
        self._client.record_analysis(int(self.incident_id), analysis_to_json(analysis))
        return analysis.root_cause.text


def failure_of(incident: dict[str, Any]) -> dict[str, Any]:
    """The newest failure of an incident that was no try to be repeated."""
    return next(failure for failure in incident["failures"] if failure["final"])


def symptom_of(incident: dict[str, Any]) -> Symptom:
    """What is known of the error: the log first, then the report, whose error line is last, then what the service
    said that was asked about it: a report from there may only say that something failed.
    """
    failure = failure_of(incident)
    logs, outside = _texts(incident, _LOGS), _texts(incident, _ERRORS_OUTSIDE)
    text = "\n".join([*logs, failure["detail"], failure["message"], *outside])
    return Symptom(incident["source"], failure["code"], text)


def _texts(incident: dict[str, Any], kinds: tuple[str, ...]) -> list[str]:
    return [fact["text"] for fact in incident["evidence"] if fact["kind"] in kinds]


def _classification_of(incident: dict[str, Any], symptom: Symptom) -> Classification:
    found = classify(symptom, rules_in_force())
    if found.category.value == incident["category"]:
        return found
    # Somebody recorded another category since: the analysis follows what is on the incident.
    return Classification(
        category=Category(incident["category"]),
        rule=incident["rule"],
        matched="",
        confidence=incident["confidence"],
        severity=Severity(incident["severity"]),
        remediable=False,
    )


def _evidence_of(incident: dict[str, Any]) -> list[Evidence]:
    return [evidence_from_json(fact) for fact in incident["evidence"]]
