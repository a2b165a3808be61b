"""A run of Azure Data Factory, whoever tells of it: an alert's row and the factory itself name it alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from rca_plugin.core.category import Severity
from rca_plugin.core.failure import Failure, Source, event_key
from rca_plugin.core.sources.arm_id import ArmId
from rca_plugin.core.sources.facts import folded, lifted
from rca_plugin.core.sources.fields import (
    Code,
    Id,
    Instant,
    Link,
    Name,
    Owner,
    Text,
    happened,
    labels,
    link,
    path,
)

#: A canceled run was stopped by somebody; the others have not ended.
_NOT_FAILED = frozenset({"succeeded", "success", "cancelled", "canceled", "cancelling", "canceling"}) | {
    "inprogress", "in progress", "queued", "running", "started"
}  # fmt: skip
_SUCCEEDED = frozenset({"succeeded", "success"})
_UNKNOWN = "-"
_ERROR_PARTS = frozenset({"errorcode", "message", "errormessage", "failuretype"})


def _any_of(*names: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(*names))


def _text(*names: str) -> Any:
    return Field(default="", validation_alias=AliasChoices(*names))


class AdfRun(BaseModel):
    """A pipeline run, or an activity run within one. Names are read without case and underscores."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    factory_name: Name = _any_of("factory", "factoryname", "datafactory", "datafactoryname")
    pipeline: Name = _any_of("pipeline", "pipelinename")
    run_id: Name = _any_of("pipelinerunid", "runid")
    activity: Name = _any_of("activity", "activityname")
    activity_run_id: Name = _any_of("activityrunid")
    activity_type: Name = _any_of("activitytype")
    code: Code = _any_of("errorcode", "code")
    message: Text = _text("errormessage", "message", "detailedmessage", "error")
    failure_type: Name = _any_of("failuretype")
    status: Name = _any_of("status")
    started: Instant = _any_of("starttime", "start", "runstart", "activityrunstart")
    ended: Instant = _any_of("endtime", "end", "runend", "activityrunend", "timegenerated")
    trigger: Name = _any_of("triggername", "trigger")
    subscription: Name = _any_of("subscription", "subscriptionid")
    resource_group: Name = _any_of("resourcegroup", "resourcegroupname")
    resource_id: Id = _any_of("resourceid", "id")
    owner: Owner = _any_of("owner")
    url: Link = _any_of("url")
    parameters: Text = _text("parameters")

    @model_validator(mode="before")
    @classmethod
    def _spelled_alike(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        said = lifted(value, "properties")
        error, invoked_by = said.get("error"), folded(said.get("invokedby"))
        if isinstance(error, Mapping):
            del said["error"]
            said.update((name, part) for name, part in folded(error).items() if name in _ERROR_PARTS and part)
        said.setdefault("trigger", invoked_by.get("name"))
        return {name: content for name, content in said.items() if content not in (None, "")}

    @property
    def arm_id(self) -> ArmId | None:
        return ArmId.of(self.resource_id)

    @property
    def factory(self) -> str:
        """In lower case, as names of factories are compared; `-` when nobody said it."""
        found = self.arm_id.part("factories") if self.arm_id else None
        return (self.factory_name or found or _UNKNOWN).lower()

    @property
    def names_its_factory(self) -> bool:
        return self.factory != _UNKNOWN

    @property
    def resource(self) -> str:
        return path(self.factory, self.pipeline, self.activity)

    @property
    def failed(self) -> bool:
        return (self.status or "failed").lower() not in _NOT_FAILED

    @property
    def succeeded(self) -> bool:
        return (self.status or "").lower() in _SUCCEEDED

    @property
    def key(self) -> str | None:
        """The event's name; None when nothing identifies it."""
        if self.activity_run_id:
            return event_key(Source.ADF, self.run_id, self.activity_run_id)
        if self.run_id is None:
            return None
        if self.activity or self.code:
            # An activity of a loop runs many times in one pipeline run: only its error tells those apart.
            return event_key(Source.ADF, self.run_id, self.activity, self.code, self.message)
        return event_key(Source.ADF, self.run_id)

    @property
    def sentence(self) -> str:
        """What is said where there is no error text: the same words each time it happens."""
        thing = f"Trigger {self.trigger}" if self.trigger else "A pipeline"
        what = f"Pipeline {self.pipeline}" if self.pipeline else f"{thing} of factory {self.factory}"
        if self.activity:
            what = f"Activity {self.activity}" + (f" of pipeline {self.pipeline}" if self.pipeline else "")
        why = f" with error {self.code}" if self.code else ""
        return f"{what} failed{why}" + (f" ({self.failure_type})" if self.failure_type else "")

    def failure(
        self,
        received_at: datetime,
        key: str,
        *,
        message: str = "",
        detail: str = "",
        severity: Severity | None = None,
        alert: str | None = None,
        url: str | None = None,
        more: Iterable[tuple[str, str | None]] = (),
    ) -> Failure:
        """The failure of this run. `key` is used where the run does not name itself."""
        return Failure(
            source=Source.ADF,
            event_key=self.key or key,
            resource=self.resource,
            occurred_at=happened(self.ended or self.started, received_at),
            message=self.message or message or self.sentence,
            run=self.run_id,
            alert=alert,
            code=self.code,
            detail=detail or self._detail(),
            owner=self.owner,
            severity=severity,
            labels=labels(self._labels(), more),
            url=self.url or self._monitoring_url() or url,
        )

    def _detail(self) -> str:
        return f"parameters: {self.parameters}" if self.parameters else ""

    def _labels(self) -> list[tuple[str, str | None]]:
        return [
            ("factory", self.factory if self.names_its_factory else None),
            ("pipeline", self.pipeline),
            ("pipeline_run_id", self.run_id),
            ("activity", self.activity),
            ("activity_run_id", self.activity_run_id),
            ("activity_type", self.activity_type),
            ("failure_type", self.failure_type),
            ("trigger", self.trigger),
            ("subscription", self.subscription),
            ("resource_group", self.resource_group),
            *(self.arm_id.labels() if self.arm_id else []),
        ]

    def _monitoring_url(self) -> str | None:
        if not (self.subscription and self.resource_group and self.run_id and self.factory_name):
            return None
        factory = (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.DataFactory/factories/{self.factory_name}"
        )
        return link(
            f"https://adf.azure.com/en/monitoring/pipelineruns/{quote(self.run_id, safe='')}"
            f"?factory={quote(factory, safe='')}"
        )
