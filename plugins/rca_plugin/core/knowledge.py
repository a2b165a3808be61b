"""What the team knows about each category: what it means where, what to do first, what may be tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from rca_plugin.core.category import Category
from rca_plugin.core.phrase import Phrase

#: Every action a knowledge file may allow, and for which sources it can be carried out (empty: for all).
ACTIONS: Mapping[str, frozenset[str]] = {
    "airflow_clear": frozenset({"airflow"}),
    "airflow_clear_after_upstream_check": frozenset({"airflow"}),
    "airflow_clear_with_longer_timeout": frozenset({"airflow"}),
    "airflow_clear_in_other_pool": frozenset({"airflow"}),
    "databricks_repair_run": frozenset({"databricks"}),
    "databricks_run_now": frozenset({"databricks"}),
    "databricks_start_cluster": frozenset({"databricks"}),
    "databricks_restart_cluster": frozenset({"databricks"}),
    "databricks_use_on_demand": frozenset({"databricks"}),
    "databricks_use_fallback_node_type": frozenset({"databricks"}),
    "databricks_reinstall_libraries": frozenset({"databricks"}),
    "adf_rerun_from_failed_activity": frozenset({"adf", "azure_monitor"}),
    "adf_rerun_whole": frozenset({"adf", "azure_monitor"}),
    "http_playbook": frozenset(),
}


@dataclass(frozen=True)
class Action:
    """A repair this category allows. `backoff` is the wait before each attempt, in seconds."""

    name: str
    attempts: int
    backoff: tuple[int, ...]

    def fits(self, source: str) -> bool:
        """Whether it can be carried out for failures of this source."""
        sources = ACTIONS[self.name]
        return not sources or source in sources


@dataclass(frozen=True)
class Cause:
    """One likely cause.

    tell: how to tell it from the others.
    first: what to do first when the evidence speaks for it, None for what the category says anyway.
    when: the phrases in the evidence that speak for it.
    sources: where it can be the cause; empty for everywhere.
    """

    text: str
    tell: str
    first: str | None
    when: tuple[Phrase, ...]
    sources: frozenset[str]


@dataclass(frozen=True)
class Runbook:
    """Where the longer story is told: `whose pages: which page`, and its https address where that is stable."""

    title: str
    url: str | None


def is_https(url: object) -> bool:
    """Whether it is an address that a page may link to."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.netloc)


@dataclass(frozen=True)
class Guide:
    """What a category means in one place, and what to do there.

    means: one or two sentences. first: what to do, in this order. avoid: what makes it worse.
    """

    means: str
    first: tuple[str, ...]
    avoid: tuple[str, ...]
    runbooks: tuple[Runbook, ...]


@dataclass(frozen=True)
class Knowledge:
    """What is known about one category.

    title: what happened, as it goes on after "failed: ".
    headline: the same in 2 to 8 words, to stand before the error itself.
    telling: the kinds of evidence whose story helps with this category, the most helpful first.
    elsewhere: what holds on a source that has no guide of its own in `guides`.
    estimated_minutes: how long a person usually needs until it works again.
    """

    category: Category
    title: str
    headline: str
    actions: tuple[Action, ...]
    telling: tuple[str, ...]
    causes: tuple[Cause, ...]
    elsewhere: Guide
    guides: Mapping[str, Guide]
    estimated_minutes: int

    def guide(self, source: str) -> Guide:
        """What this category means on a source, and what to do there."""
        return self.guides.get(source, self.elsewhere)

    def causes_on(self, source: str) -> tuple[Cause, ...]:
        """The causes that a source can have, the likeliest first; all of them where none is said to fit."""
        fitting = tuple(cause for cause in self.causes if not cause.sources or source in cause.sources)
        return fitting or self.causes
