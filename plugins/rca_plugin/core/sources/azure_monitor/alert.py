"""An alert of Azure Monitor, whichever schema its action group was set to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from rca_plugin.core.category import Severity
from rca_plugin.core.failure import Source, event_key
from rca_plugin.core.json_body import BodyError
from rca_plugin.core.sources.arm_id import ArmId
from rca_plugin.core.sources.azure_monitor.essentials import Essentials
from rca_plugin.core.sources.facts import Facts, folded
from rca_plugin.core.sources.fields import OWNER_CHARS, identifier, instant, same_post

#: What the flat form says of a pipeline beside the alert.
_FLAT = ("pipelinename", "runid", "pipelinerunid", "activityname", "errorcode", "errormessage", "factoryname")
_INSTANCE = "/providers/microsoft.alertsmanagement/alerts/"
_BODY: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


@dataclass(frozen=True)
class Alert:
    """One alert that fired, or is over.

    `context` is what its kind adds, by folded names; `known` are facts from around it, which hold for each of
    its rows. `post` names the event where the alert carries no time.
    """

    essentials: Essentials
    context: Mapping[str, Any]
    known: Facts
    post: tuple[str, str]

    @property
    def rule(self) -> str:
        """What people call it."""
        fallback = (self.essentials.alert_id or "").rpartition("/")[2]
        return self.essentials.rule or fallback or "without a name"

    @property
    def name(self) -> str | None:
        """The same for an alert that fires and then is over; another each time it fires anew.

        None where the alert has no id. Alerts on the activity log carry the id of their rule: what the
        alert started from tells those apart.
        """
        alert_id, origin = self.essentials.alert_id or "", self.essentials.origin_id
        if _INSTANCE not in alert_id.lower() and origin:
            return named("origin", origin)
        return named("id", alert_id.lower()) if alert_id else None

    @property
    def target(self) -> ArmId | None:
        return ArmId.of(self.essentials.target)

    @property
    def place(self) -> str:
        """The resource that it watches, else the rule that watches."""
        found = self.target
        return found.text if found else identifier(f"alert rules/{self.rule}")

    @property
    def severity(self) -> Severity | None:
        """What its rule was set to."""
        return self.essentials.severity_set

    @property
    def owner(self) -> str | None:
        """Who its custom properties say looks after it."""
        owner = self.known.folded().get("owner")
        return identifier(owner, OWNER_CHARS) if owner else None

    @property
    def resolved(self) -> bool:
        return (self.essentials.condition or "").lower() in {"resolved", "deactivated"}

    def key(self, *place: str | int) -> str:
        """The name of one event among those the alert tells of."""
        fired = self.essentials.fired_at
        when = (fired.isoformat(),) if fired else self.post
        return event_key(Source.AZURE_MONITOR, self.name or self.rule, *when, *place)

    def labels(self) -> list[tuple[str, str | None]]:
        return [
            ("alert_rule", self.essentials.rule),
            ("alert_id", self.essentials.alert_id),
            ("monitoring_service", self.essentials.service),
            ("resource_type", self.target.type if self.target else None),
            *(self.target.labels() if self.target else []),
        ]


def named(*identity: str) -> str:
    """The name of an alert, short enough for an index."""
    return event_key(Source.AZURE_MONITOR, "alert", *identity)


def read(body: object, received_at: datetime) -> Alert:
    """Read the common alert schema, one of its forerunners or the flat form of a Logic App.

    Raises pydantic.ValidationError or BodyError for what is no alert.
    """
    root = folded(_BODY.validate_python(body))
    data = folded(root.get("data")) or root
    context = _context(data)
    essentials = folded(data.get("essentials")) or _legacy(data)
    alert = Alert(
        essentials=Essentials.model_validate(_present(essentials)),
        context=context,
        known=_known(root, data, context, essentials),
        post=same_post(body, received_at),
    )
    if not (alert.essentials.rule or alert.essentials.alert_id):
        raise BodyError(
            "invalid_fields", "Not as documented: data.essentials.alertId, data.essentials.alertRule."
        )
    return alert


def _context(data: Mapping[str, Any]) -> dict[str, Any]:
    context = folded(data.get("alertcontext")) or folded(data.get("context")) or dict(data)
    found = folded(context.get("activitylog")) or context
    return {"searchresults": data.get("searchresults"), **found}


def _legacy(data: Mapping[str, Any]) -> dict[str, Any]:
    """The essentials of the schemas before the common one; `status` stands outside of their context."""
    context = folded(data.get("context"))
    log = folded(context.get("activitylog"))
    found = {**data, **log, **context, "status": data.get("status")}
    found.setdefault("timestamp", log.get("eventtimestamp"))
    found.setdefault("id", log.get("eventdataid"))
    if log:
        found.update(signaltype="Activity Log", name=found.get("name") or log.get("operationname"))
    return found


def _known(*parts: Mapping[str, Any]) -> Facts:
    root, data, context, essentials = parts
    groups = [part.get("properties") for part in (context, data, root)]
    errors = [folded(group).get("error") for group in groups]
    custom = [part.get("customproperties") for part in (data, root)]
    flat = {name: essentials[name] for name in _FLAT if name in essentials}
    if "pipelinename" in flat:
        flat.setdefault("errormessage", essentials.get("description"))
    pairs = (pair for group in (*groups, *errors, *custom, flat) for pair in _scalars(group))
    return Facts.of(pairs)


def _scalars(group: object) -> list[tuple[object, object]]:
    listed = group.items() if isinstance(group, Mapping) else ()
    return [(name, value) for name, value in listed if isinstance(value, (str, int, float))]


def _present(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value not in (None, "")}


def fired_or(alert: Alert, value: object) -> datetime | None:
    """The time of a row or an event, else when the alert fired."""
    return instant(value) or alert.essentials.fired_at
