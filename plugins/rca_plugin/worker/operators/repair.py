"""The steps of a repair. What it came to is on the server, so any of them can be run again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from rca_plugin.config import settings
from rca_plugin.core.delivery import Destination
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.state import ENDED, RemediationState
from rca_plugin.worker.client import ServerError
from rca_plugin.worker.deliveries import deliver
from rca_plugin.worker.operators.incident import IncidentOperator
from rca_plugin.worker.remediation_client import RemediationClient
from rca_plugin.worker.repairs.attempt import earlier_than, moment, order_of
from rca_plugin.worker.repairs.choice import REPAIRS, proposals_for
from rca_plugin.worker.repairs.repair import FAILED, RefusedError, UnclearError
from rca_plugin.worker.repairs.starting import start_once
from rca_plugin.worker.triggers.follow import FollowTrigger

log = logging.getLogger(__name__)

_ANSWER_SECONDS = 60.0
_LEAST_TO_ANSWER = timedelta(seconds=1)


class PlanRepairOperator(IncidentOperator):
    """Look at what could be done about an incident, and have it decided what is. Nothing is done here."""

    def execute(self, context: Context) -> str:
        """Answer the verdict."""
        number = int(self.incident_id)
        with RemediationClient(subject=self.task_id, timeout=_ANSWER_SECONDS) as client:
            options = client.repair_options(number)
            if not options["options"]:
                raise AirflowSkipException(options["why_not"])
            proposals, problems = proposals_for(client.incident(number), options["options"])
            planned = client.plan_repair(number, proposals, problems)
            _tell(client, number)
        for problem in problems:
            self.log.info("Not proposed: %s", problem)
        for rule in planned["decision"]["rules"]:
            self.log.info("%s %s: %s", "+" if rule["allows"] else "-", rule["name"], rule["why"])
        return str(planned["decision"]["verdict"])


class _RemediationStep:
    """What works on one repair.

    :param remediation_id: the number of the repair (templated).
    """

    remediation_id: int | str
    task_id: str

    @cached_property
    def _client(self) -> RemediationClient:
        return RemediationClient(subject=self.task_id, timeout=_ANSWER_SECONDS)

    @property
    def _number(self) -> int:
        return int(self.remediation_id)


class RemediationOperator(_RemediationStep, BaseOperator):
    """A step that works on one repair.

    :param remediation_id: the number of the repair (templated).
    """

    template_fields: Sequence[str] = ("remediation_id",)

    def __init__(self, *, remediation_id: int | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.remediation_id = remediation_id


class ApproveRepairOperator(_RemediationStep, ApprovalOperator):
    """Ask people whether the repair may be done, where policy wants it. No answer in time is a no.

    :param remediation_id: the number of the repair (templated).
    :param approval: which approval this is, from 1: passed at once where fewer are needed, or this one was given.
    """

    template_fields: Sequence[str] = ("remediation_id",)

    def __init__(self, *, remediation_id: int | str, approval: int = 1, **kwargs: Any) -> None:
        # A limit for the execution would be taken for one for the answer.
        kwargs["execution_timeout"] = None
        super().__init__(subject="A repair", defaults=self.REJECT, **kwargs)
        self.remediation_id = remediation_id
        self.approval = approval

    def execute(self, context: Context) -> Any:
        """Wait for the answer; answer what it was, None where nobody has to be asked."""
        found = self._client.remediation(self._number)
        if RemediationState(found["state"]) in ENDED:
            raise AirflowSkipException(f"The repair is {found['state']}: {found['outcome'] or ''}")
        if found["rejected"]:
            # Airflow 3.3 forgets the answer where a task asks again, after its process ended on the way.
            raise AirflowSkipException("It was rejected before")
        given, needed = len(found["approvals"]), found["approvals_needed"]
        if needed < self.approval or given >= self.approval:
            self.log.info("Approval %d: %d needed, %d given", self.approval, needed, given)
            return None
        self.subject, self.body = found["subject"], found["body"]
        self.response_timeout = max(_LEAST_TO_ANSWER, _left(found["expires_at"]))
        return super().execute(context)


class ActOperator(RemediationOperator):
    """Begin the repair, at most once, however often this runs.

    Skipped where the server does not let it begin. Where nothing came of it, it says so in its result.
    """

    def execute(self, context: Context) -> dict[str, str] | None:
        """Answer what came of it already; None where it is to be followed."""
        not_before = moment(self._client.remediation(self._number)["not_before"])
        if datetime.now(timezone.utc) < not_before:
            self.log.info("Approved before its time: it waits until %s", not_before)
            self.defer(trigger=DateTimeTrigger(moment=not_before), method_name="waited")
        return self._act()

    def waited(self, context: Context, event: object) -> dict[str, str] | None:
        """The same, once the wait is over."""
        return self._act()

    def _act(self) -> dict[str, str] | None:
        begun = self._client.begin(self._number)
        if not begun["granted"]:
            raise AirflowSkipException(f"Not begun: {begun['reason']}")
        if begun["external_run_id"] or begun["action"] not in REPAIRS:
            return None
        remediation = {**self._client.remediation(self._number), "intent_at": begun["intent_at"]}
        order = order_of(remediation, earlier_than(self._client, remediation))
        try:
            started = start_once(REPAIRS[begun["action"]], order, begun_before=begun["begun_before"])
        except RefusedError as error:
            self.log.warning("Not begun: %s", error)
            return {"outcome": "failed", "text": f"nothing was begun: {error}"}
        except UnclearError as error:
            self.log.warning("Nobody knows whether it was begun: %s", error)
            return {"outcome": "unknown", "text": f"nobody knows whether it was begun: {error}"}
        self.log.info("Begun: %s %s", started.external_run_id, started.external_url or "")
        self._client.record_external(self._number, started)
        return None


class VerifyOperator(RemediationOperator):
    """Follow what was begun until it is over, without a worker. Skipped where there is nothing to follow."""

    def execute(self, context: Context) -> None:
        """Wait for its end."""
        if acted := context["ti"].xcom_pull(task_ids="act"):
            raise AirflowSkipException(acted["text"])
        begun = moment(self._client.remediation(self._number)["intent_at"])
        until = begun.timestamp() + settings().repair_timeout * 3600
        self.defer(trigger=FollowTrigger(self._number, until), method_name="followed")

    def followed(self, context: Context, event: dict[str, str]) -> dict[str, str]:
        """Answer what came of it."""
        self.log.info("%s: %s", event["outcome"], event["text"])
        return event


class ConcludeOperator(RemediationOperator):
    """Say on the incident what came of the repair, whatever happened on the way."""

    def execute(self, context: Context) -> str:
        """Answer what follows."""
        outcome = self._outcome(context)
        fresh = self._next() if outcome["outcome"] == FAILED else []
        then = self._client.conclude(self._number, outcome["outcome"], outcome["text"], fresh)["then"]
        self.log.info("%s (%s): %s", outcome["outcome"], outcome["text"], then)
        _tell(self._client, self._client.remediation(self._number)["incident_id"])
        return str(then)

    def _next(self) -> list[Proposal]:
        """What could be tried next: since it failed, things are not as they were when it was planned."""
        number = self._client.remediation(self._number)["incident_id"]
        options = self._client.repair_options(number)["options"]
        return proposals_for(self._client.incident(number), options)[0]

    def _outcome(self, context: Context) -> dict[str, str]:
        for task_id in ("verify", "act"):
            if found := context["ti"].xcom_pull(task_ids=task_id):
                return dict(found)
        state = RemediationState(self._client.remediation(self._number)["state"])
        if state is RemediationState.RUNNING:
            return {"outcome": "unknown", "text": "it was begun, and could not be followed to its end"}
        return {"outcome": "not_begun", "text": ""}


def _tell(client: RemediationClient, incident_id: int) -> None:
    """People are waited for, or called: they hear of it at once where that is possible, else from housekeeping."""
    for destination in (Destination.MESSAGE, Destination.TICKET):
        try:
            deliver(client, incident_id, destination)
        except ServerError as error:
            log.warning("The %s is brought up to date later: %s", destination.value, error)


def _left(expires_at: str) -> timedelta:
    return moment(expires_at) - datetime.now(timezone.utc)
