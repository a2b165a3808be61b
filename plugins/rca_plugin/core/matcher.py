"""Which incidents a silence means: conditions on facts, with the semantics and the text form of Alertmanager."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import re2

#: The facts of every incident. A fact that is not there is the empty text. Besides these, each label of the
#: failure is a fact of its name (`cluster_id`, `factory`, `pipeline`, `workspace_id`, `job_name`, `alert_rule`, ...).
FACTS: dict[str, str] = {
    "source": "where it was seen: airflow, adf, databricks, azure_monitor or generic",
    "environment": "the deployment, as [rca] environment names it",
    "resource": "what failed, such as orders_daily/load",
    "dag_id": "the DAG; empty for what failed outside of Airflow",
    "task_id": "the task; empty for a DAG run and outside of Airflow",
    "run_id": "the run of the latest failure",
    "owner": "the owner of the task",
    "category": "the category, such as connection_error",
    "severity": "Critical, High, Medium or Low",
    "priority": "P1, P2, P3 or P4",
    "operator": "the operator of the task",
    "code": "the error code or exception class of the latest failure",
    "message": "the error text of the latest failure",
}
OPERATORS = ("=", "!=", "=~", "!~")
MAX_MATCHERS = 20
MAX_VALUE_CHARS = 500
_MAX_TEXT_CHARS = 20_000

_NAME = r"[^\s{}!=~,\\\"'`]{1,100}"
_QUOTED = r'"(?P<quoted>(?:[^"\\]|\\.)*)"'
_MATCHER = re.compile(
    rf'\s*(?P<name>{_NAME})\s*(?P<op>=~|!~|!=|=)\s*(?:{_QUOTED}|(?P<bare>[^",]*))\s*(?:,|$)', re.DOTALL
)
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def _options() -> re2.Options:
    options = re2.Options()
    # An error text has several lines: `.*timeout.*` means all of it, as in Prometheus 3.
    options.dot_nl = True
    options.max_mem = 1 << 20
    options.log_errors = False
    return options


@dataclass(frozen=True)
class Matcher:
    """One condition on one fact. Regular expressions (`=~`, `!~`) have to match the whole of it.

    Raises ValueError for an unknown operator, a value that is too long and an expression that is not one.
    """

    name: str
    op: str
    value: str

    def __post_init__(self) -> None:
        if not re.fullmatch(_NAME, self.name):
            raise ValueError(f"matchers: {self.name[:100]!r} is not the name of a fact")
        if self.op not in OPERATORS:
            raise ValueError(f"matchers: {self.name}: the operator must be one of {', '.join(OPERATORS)}")
        if len(self.value) > MAX_VALUE_CHARS:
            raise ValueError(f"matchers: {self.name}: the value is longer than {MAX_VALUE_CHARS} characters")
        if self.op in ("=~", "!~"):
            assert self._pattern

    def matches(self, facts: Mapping[str, str]) -> bool:
        """Whether the facts meet this condition."""
        fact = facts.get(self.name, "")
        if self.op in ("=", "!="):
            return (fact == self.value) is (self.op == "=")
        # As bytes, because re2 refuses text with a lone surrogate.
        found = self._pattern.fullmatch(fact.encode("utf-8", "replace")) is not None
        return found is (self.op == "=~")

    @cached_property
    def _pattern(self) -> Any:
        # Not `re`: it can be made to backtrack for minutes, and this runs while failures are taken in.
        try:
            return re2.compile(self.value, _options())
        except (re2.error, UnicodeEncodeError) as error:
            why = error.args[0]
            shown = why.decode(errors="replace") if isinstance(why, bytes) else "not valid text"
            raise ValueError(
                f"matchers: {self.name}: this is not a regular expression (RE2): {shown}"
            ) from None

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.op}"{escaped}"'


@dataclass(frozen=True)
class Matchers:
    """Conditions that must all be met, at least one of them by something that is there.

    Raises ValueError for none, for more than 20, and when an incident without any fact would match too.
    """

    all: tuple[Matcher, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.all) <= MAX_MATCHERS:
            raise ValueError(f"matchers: there must be 1 to {MAX_MATCHERS}")
        if self.match({}):
            raise ValueError(
                "matchers: at least one must not match the empty text, or all incidents would match"
            )

    def match(self, facts: Mapping[str, str]) -> bool:
        """Whether the facts meet all conditions."""
        return all(matcher.matches(facts) for matcher in self.all)

    @classmethod
    def from_text(cls, lines: Iterable[str]) -> Matchers:
        r"""Read lines such as `source="airflow", dag_id=~"etl_.*"`, with or without braces and quotes.

        Raises ValueError, which shows what could not be read.
        """
        return cls(tuple(matcher for line in lines for matcher in _parsed(line)))

    def to_text(self) -> list[str]:
        """One line for each condition."""
        return [str(matcher) for matcher in self.all]

    @classmethod
    def from_json(cls, values: Iterable[Mapping[str, str]]) -> Matchers:
        """Read what `to_json` wrote.

        Raises ValueError, also for what is not that at all.
        """
        try:
            return cls(tuple(Matcher(value["name"], value["op"], value["value"]) for value in values))
        except (KeyError, TypeError):
            raise ValueError("matchers: each needs a name, an op and a value") from None

    def to_json(self) -> list[dict[str, str]]:
        """The conditions as JSON."""
        return [{"name": m.name, "op": m.op, "value": m.value} for m in self.all]


def _parsed(line: str) -> Iterable[Matcher]:
    text = line.strip()
    if len(text) > _MAX_TEXT_CHARS:
        raise ValueError("matchers: the text is too long")
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    position = 0
    while position < len(text):
        found = _MATCHER.match(text, position)
        if found is None:
            raise ValueError(f'matchers: cannot read {text[position:][:100]!r}; write name="value"')
        yield Matcher(found["name"], found["op"], _value(found))
        position = found.end()


def _value(found: re.Match[str]) -> str:
    if found["quoted"] is None:
        return str(found["bare"]).strip()
    # Other escapes stay: in `\d+` the backslash belongs to the expression.
    return re.sub(r"\\[\\\"n]", lambda escape: _ESCAPES[escape[0]], str(found["quoted"]))
