"""Where the work ran: whose guide holds there, and the names that its commands need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rca_plugin.core.cause import target_of
from rca_plugin.core.evidence import Evidence

#: What may stand in braces in a knowledge file. Where the name is not known, the blank stands there in capitals.
BLANKS = frozenset(
    {"dag", "task", "host", "port", "factory", "pipeline", "activity", "pipeline_run_id"}
    | {"resource_group", "cluster_id", "job_id", "run_id"}
)
# `%{…}` is how curl names what it writes out.
_BLANK = re.compile(r"(?<!%)\{([a-z_]{1,30})\}")
#: People copy commands into a shell: nothing that means something there may come from a report.
_PLAIN = re.compile(r"\A[\w][\w.-]{0,127}\Z", re.ASCII)
_PORT = re.compile(r":(\d{2,5})\b|\bport[ =]{1,3}(\d{2,5})\b")
#: What the operators and activities that start something in Databricks say when that failed.
_IN_DATABRICKS = re.compile(
    r"(?i)\bdatabricks (?:job|run|execution)\b|\bcluster [\w-]{4,60} was terminated\b"
)
_HOST_NAME = re.compile(r"(?i)\bhost ?name[ :=]{1,3}[\"']?([\w.-]{1,128})")
#: Evidence that tells how something went, and not only what it is made of or what is missing.
_TELLING = frozenset({"run", "run_output", "cluster_events", "termination", "pipeline", "activity"})
_WENT_WRONG = re.compile(
    r"(?i)failed|failure|error|exception|timed ?out|lost\b|killed|not_responding|unreachable"
)


def misplaced_blanks(text: str) -> list[str]:
    """The blanks in a text that nothing fills, or that stand outside of `code`: a sentence would have a hole."""
    outside = _BLANK.findall(" ".join(text.split("`")[::2]))
    return outside + [name for name in _BLANK.findall(text) if name not in BLANKS]


@dataclass(frozen=True)
class Place:
    """Where the work ran.

    platform: the source whose guide holds: a task of Airflow may only have started what failed in Databricks.
    names: what is known of it, by the blank it fills.
    """

    platform: str
    names: Mapping[str, str]

    @classmethod
    def of(cls, source: str, resource: str, error: str, evidence: Sequence[Evidence]) -> Place:
        """Find out from the report and the evidence."""
        found = {**_target(error), **dict(_labels(evidence)), **_parts(source, resource)}
        names = {name: text for name, text in found.items() if name in BLANKS and _PLAIN.match(text)}
        return cls(_platform(source, error, evidence), names)

    def fill(self, text: str) -> str:
        """The text with the names in place of its blanks."""
        return _BLANK.sub(lambda blank: self.names.get(blank[1], blank[1].upper()), text)


def _platform(source: str, error: str, evidence: Sequence[Evidence]) -> str:
    """The innermost system that the error or the evidence shows going wrong, else the one that reported it."""
    told = [item for item in evidence if item.kind in _TELLING and _WENT_WRONG.search(item.text)]
    if any(_of_databricks(item) for item in told) or _IN_DATABRICKS.search(error):
        return "databricks"
    return "adf" if any(_of_data_factory(item) for item in told) else source


def _of_databricks(item: Evidence) -> bool:
    return item.source.startswith("databricks") or item.kind == "cluster_events"


def _of_data_factory(item: Evidence) -> bool:
    return item.source.startswith("data factory") or item.kind in ("pipeline", "activity")


def _parts(source: str, resource: str) -> dict[str, str]:
    parts = resource.split("/")
    if source == "airflow":
        return dict(zip(("dag", "task"), parts, strict=False))
    if source == "adf":
        return dict(zip(("factory", "pipeline", "activity"), parts, strict=False))
    return {}


def _labels(evidence: Sequence[Evidence]) -> Iterator[tuple[str, str]]:
    for item in evidence:
        if item.kind == "labels":
            for line in item.text.splitlines():
                name, _, text = line.partition(": ")
                yield name.strip(), text.strip()


def _target(error: str) -> dict[str, str]:
    named, port = _HOST_NAME.search(error), _PORT.search(error)
    host = named[1] if named else target_of(error)
    if host is None:
        return {}
    return {"host": host, "port": (port[1] or port[2]) if port else ""}
