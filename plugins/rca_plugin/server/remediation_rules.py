"""What is laid down about repairs in this deployment: the policy, and what is known of each category."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from rca_plugin.config import ConfigError, remediation_file
from rca_plugin.core.category import Category
from rca_plugin.core.data import data_folder
from rca_plugin.core.knowledge import Knowledge
from rca_plugin.core.knowledge_files import load_knowledge
from rca_plugin.core.remediation.policy import Policy
from rca_plugin.core.remediation.policy_file import load_policy
from rca_plugin.core.yaml_file import RuleError


def policy() -> Policy:
    """The policy in force: the file is read again once it changes.

    Raises ConfigError for a file that is wrong or missing: then nothing is repaired.
    """
    file = remediation_file()
    try:
        return _read(file, file.stat().st_mtime_ns)
    except (RuleError, OSError) as error:
        raise ConfigError(f"[rca] remediation_file: {error}") from error


@cache
def knowledge() -> dict[Category, Knowledge]:
    """What is known of each category."""
    return load_knowledge(data_folder())


@lru_cache(maxsize=2)
def _read(file: Path, _changed: int) -> Policy:
    return load_policy(file)
