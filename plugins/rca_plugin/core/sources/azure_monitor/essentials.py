"""What every alert of Azure Monitor says of itself, whatever its kind."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from rca_plugin.core.category import Severity
from rca_plugin.core.sources.fields import Id, Instant, Link, Name, Text

_SEVERITIES = {
    "0": Severity.CRITICAL,
    "1": Severity.HIGH,
    "2": Severity.MEDIUM,
    "3": Severity.LOW,
    "4": Severity.LOW,
}


def _first_target(value: object) -> object:
    """Each instance of an alert has one target; the schema has a list of them."""
    found = value if isinstance(value, list) else [value]
    return next((target for target in found if isinstance(target, str) and target), None)


def _any_of(*names: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(*names))


class Essentials(BaseModel):
    """The essentials, under their names in the common schema and in those before it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    alert_id: Id = _any_of("alertid", "id")
    origin_id: Id = _any_of("originalertid")
    rule: Name = _any_of("alertrule", "alertrulename", "name")
    severity: Name = _any_of("severity")
    condition: Name = _any_of("monitorcondition", "status")
    service: Name = _any_of("monitoringservice")
    signal: Name = _any_of("signaltype")
    target: Annotated[Id, BeforeValidator(_first_target)] = _any_of("alerttargetids", "resourceid")
    fired_at: Instant = _any_of("fireddatetime", "timestamp", "searchintervalendtimeutc")
    resolved_at: Instant = _any_of("resolveddatetime")
    description: Text = Field(default="", validation_alias=AliasChoices("description"))
    link: Link = _any_of("investigationlink", "portallink", "linktosearchresults")

    @property
    def severity_set(self) -> Severity | None:
        """What the rule was set to. Alerts on the activity log cannot be set: they always say Sev4."""
        if (self.signal or "").lower() == "activity log":
            return None
        return _SEVERITIES.get((self.severity or "").lower().removeprefix("sev"))
