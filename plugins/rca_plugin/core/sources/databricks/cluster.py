"""A Databricks cluster that ended or got into trouble, as the Clusters API, its events or an alert's row tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from rca_plugin.core.category import Severity
from rca_plugin.core.failure import Failure, Source, event_key
from rca_plugin.core.sources.databricks.job_run import UNKNOWN
from rca_plugin.core.sources.databricks.termination import Termination
from rca_plugin.core.sources.facts import Facts, folded, lifted
from rca_plugin.core.sources.fields import Code, Instant, Link, Name, Text, happened, labels, path, text_of

_ALIVE = frozenset({"RUNNING", "RESIZING", "PENDING"})
_PARTS = ("details", "terminationreason", "reason")


def _any_of(*names: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(*names))


class Cluster(BaseModel):
    """What happened to a cluster. Names are read without case and underscores."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    workspace_id: Name = _any_of("workspaceid", "orgid")
    workspace_name: Name = _any_of("workspace", "workspacename")
    cluster_id: Name = _any_of("clusterid")
    name: Name = _any_of("clustername")
    state: Name = _any_of("state", "clusterstate")
    code: Code = _any_of("terminationcode", "code", "reason", "errorcode")
    kind: Name = _any_of("terminationtype", "type")
    message: Text = Field(
        default="", validation_alias=AliasChoices("failuretext", "statemessage", "errormessage", "message")
    )
    parameters: dict[str, Any] = Field(default_factory=dict)
    event: Code = _any_of("kindofevent")
    at: Instant = _any_of("terminatedtime", "terminationtime", "timestamp", "timegenerated")
    owner: Name = _any_of("creatorusername")
    url: Link = _any_of("url")

    @model_validator(mode="before")
    @classmethod
    def _spelled_alike(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        said = folded(value)
        if said.keys() & {"details", "timestamp"} and isinstance(said.get("type"), str):
            said["kindofevent"] = said.pop("type")
        for part in _PARTS:
            said = lifted(said, part)
            if isinstance(said.get(part), Mapping):
                del said[part]
        if not isinstance(said.get("parameters"), dict):
            said.pop("parameters", None)
        return {name: content for name, content in said.items() if content not in (None, "")}

    @property
    def resource(self) -> str:
        return path(self.workspace_id or self.workspace_name or UNKNOWN, "clusters", self.cluster_id)

    @property
    def termination(self) -> Termination:
        return Termination(self.code, self.kind, self.text)

    @property
    def text(self) -> str:
        """The error text: the message, else what the parameters of the reason say."""
        said = folded(self.parameters)
        found = (
            said.get(name) for name in ("databrickserrormessage", "azureerrormessage", "awserrormessage")
        )
        return self.message or next((text for text in map(text_of, found) if text), "")

    @property
    def failed(self) -> bool:
        """Whether it is down and should not be, or reports an event that the rules know as trouble."""
        if self.event and not self.code:
            return Termination(self.event).means_a_failure
        state = (self.state or "").upper()
        if state in _ALIVE or (state == "RESTARTING" and not self.code):
            return False
        return not self.termination.normal

    @property
    def says_something(self) -> bool:
        """Whether there is more than the name of a cluster."""
        return bool(self.state or self.code or self.event or self.text)

    def key(self) -> str | None:
        """The event's name: a cluster ends once at one time. None where nobody says when."""
        if self.cluster_id is None or self.at is None:
            return None
        event = None if self.code else self.event
        return event_key(
            Source.DATABRICKS, "cluster", self.cluster_id, self.at.isoformat("T", "milliseconds"), event
        )

    @property
    def sentence(self) -> str:
        """What is said where there is no error text: the same words each time it happens."""
        what = f"Cluster {self.name or self.cluster_id}"
        if self.code:
            return f"{what} was terminated: {self.code}"
        return f"{what} reports {self.event}" if self.event else f"{what} was terminated"

    def failure(
        self,
        received_at: datetime,
        key: str,
        *,
        detail: str = "",
        severity: Severity | None = None,
        alert: str | None = None,
        url: str | None = None,
        more: Iterable[tuple[str, str | None]] = (),
    ) -> Failure:
        """The failure of this cluster, under this key."""
        said = f"{self.sentence}: {self.text}" if self.text else self.sentence
        return Failure(
            source=Source.DATABRICKS,
            event_key=key,
            resource=self.resource,
            occurred_at=happened(self.at, received_at),
            message=said,
            alert=alert,
            code=self.code or self.event,
            detail=detail or "\n".join(Facts.of(self.parameters.items()).lines()),
            severity=severity,
            labels=labels(self.labels(), more),
            url=self.url or url,
        )

    def labels(self) -> list[tuple[str, str | None]]:
        return [
            ("cluster_id", self.cluster_id),
            ("cluster_name", self.name),
            ("workspace_id", self.workspace_id),
            ("workspace", self.workspace_name),
            ("termination_code", self.code),
            ("termination_type", self.kind),
            ("cluster_state", self.state),
        ]
