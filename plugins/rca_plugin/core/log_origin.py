"""Who logged a line, and how loud."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LEVEL = re.compile(
    r"^(?:\[?\d{4}-\d\d-\d\d[T ][^\]\s]{5,40}\]?,? )?(?:\{([^}:\n]{1,80})[^}\n]{0,20}\} )?"
    r"\[?(DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\b"
)
#: Modules of Airflow and its providers that log, as information, what a program or a container printed.
_RELAYS = frozenset(
    {"subprocess.py", "logging_mixin.py", "process_utils.py", "pod_manager.py", "docker.py", "ssh.py", "winrm.py"}
    | {"spark_submit.py", "hive.py", "beam.py", "dbt.py", "ecs.py", "batch_client.py", "task_log_fetcher.py"}
)  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """The file that logged a line and the level it did so at; empty where the line does not say."""

    file: str
    level: str

    @property
    def is_error(self) -> bool:
        """Whether it was logged as an error."""
        return self.level in {"ERROR", "CRITICAL", "FATAL"}

    @property
    def is_harmless(self) -> bool:
        """Whether whoever logged it went on after it."""
        return bool(self.level) and not self.is_error

    @property
    def tells_the_course(self) -> bool:
        """Whether it says what was being done. What a program printed is logged the same way, but may be its error."""
        return self.level in {"DEBUG", "INFO"} and bool(self.file) and self.file not in _RELAYS


#: What a line has that goes on with the one before it.
UNSTAMPED = Origin("", "")


def origin_of(line: str) -> Origin:
    """Who logged a line of Airflow's or a plain log."""
    found = _LEVEL.match(line)
    return Origin(found.group(1) or "", found.group(2)) if found else UNSTAMPED
