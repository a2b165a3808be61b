"""Whether the failed task is likely to use a connection, a variable or a pool."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property

from airflow.models.dagcode import DagCode
from sqlalchemy import select

from rca_plugin.core.dag_difference import tasks_of
from rca_plugin.server.evidence.audit_entry import Edit
from rca_plugin.server.evidence.rendered import rendered_fields
from rca_plugin.server.evidence.subject import Subject

_DEFAULT = "_default"
_SHORTEST = 3


@dataclass(frozen=True)
class Usage:
    """Looks for names in what is known of a task."""

    subject: Subject

    def how(self, edit: Edit) -> str | None:
        """Why the task is likely to use it, the best reason there is; None if nothing says so."""
        if edit.thing == "pool":
            return "the task runs in it" if self.subject.ti and edit.name == self.subject.ti.pool else None
        if edit.name is None:
            return None
        if _named(edit.name, self._error):
            return "the error names it"
        if _named(str(edit.fields.get("host") or ""), self._error):
            return "the error names its host"
        if _named(edit.name, self._fields):
            return "the task's fields name it"
        if edit.name.endswith(_DEFAULT) and _named(edit.name.removesuffix(_DEFAULT), self._module):
            return "it is the default of the task's operator"
        return "the DAG's file names it" if _named(edit.name, self._source) else None

    @cached_property
    def _error(self) -> str:
        return f"{self.subject.failure.message}\n{self.subject.failure.detail}"

    @cached_property
    def _task(self) -> dict[str, object]:
        return tasks_of(self.subject.dag_data).get(self.subject.task.task_id or "", {})

    @cached_property
    def _fields(self) -> str:
        # Also of the conf: it may say which connection to use.
        conf = self.subject.run.conf if self.subject.run else None
        return json.dumps([rendered_fields(self.subject), self._task, conf], default=str)

    @cached_property
    def _module(self) -> str:
        return str(self._task.get("_task_module") or "").replace("_", ".")

    @cached_property
    def _source(self) -> str:
        code = select(DagCode.source_code).where(DagCode.dag_version_id == self.subject.version_id)
        return self.subject.session.scalar(code) or ""


def _named(name: str, text: str) -> bool:
    """Whether a text has the name as a word of its own."""
    if len(name) < _SHORTEST or name not in text:
        return False
    return bool(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text))
