"""Alerts that say one thing: Prometheus rules, budgets, and any kind that we do not know."""

from __future__ import annotations

from typing import Any

from rca_plugin.core.category import Severity
from rca_plugin.core.sources.azure_monitor.alert import Alert
from rca_plugin.core.sources.azure_monitor.sighting import Sighting
from rca_plugin.core.sources.facts import Facts, folded
from rca_plugin.core.sources.fields import text_of

#: Money is not an outage: it is kept with what people look at by day.
BUDGET_CODE = "BUDGET_THRESHOLD_REACHED"
_SPENT = {"forecasted": "is forecast to pass", "actual": "has passed"}


def sighting(alert: Alert) -> Sighting:
    """The one thing that the alert says."""
    budget = folded(alert.context.get("alertdata"))
    if text_of(budget.get("budgetname")):
        return _budget(budget, Facts.of(alert.context["alertdata"].items()))
    if "expression" in alert.context and isinstance(alert.context.get("labels"), dict):
        return _prometheus(alert)
    said = alert.essentials.description or text_of(alert.context.get("detectionsummary"))
    return Sighting(message=f"{alert.rule}: {said}" if said else f"{alert.rule} fired")


def _prometheus(alert: Alert) -> Sighting:
    pairs = alert.context["labels"].items()
    notes = folded(alert.context.get("annotations"))
    expression = text_of(alert.context.get("expression"))
    said = text_of(notes.get("summary")) or text_of(notes.get("description")) or expression
    shown = (("expression", expression), ("measured", alert.context.get("expressionvalue")))
    facts = Facts.of(pairs)
    return Sighting(
        message=f"{alert.rule}: {said}",
        facts=facts,
        parts=tuple(f"{name}={value}" for name, value in sorted(facts.pairs)),
        detail=tuple(Facts.of((*shown, ("description", notes.get("description")))).lines()),
    )


def _budget(budget: dict[str, Any], facts: Facts) -> Sighting:
    name, threshold = text_of(budget.get("budgetname")), text_of(budget.get("notificationthresholdamount"))
    passed = _SPENT.get(text_of(budget.get("thresholdtype")).lower(), "has reached")
    return Sighting(
        message=f"Budget {name} {passed} {threshold or 'its threshold'}",
        resource=text_of(budget.get("scope")).rstrip("/").lower() or None,
        parts=("budgets", name),
        facts=facts,
        code=BUDGET_CODE,
        severity=Severity.LOW,
    )
