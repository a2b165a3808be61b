"""The rules that hold in this deployment: the plugin's, and what the user added."""

from __future__ import annotations

import logging

from rca_plugin.config import own_rules
from rca_plugin.core.data import data_folder
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.rules import Rules
from rca_plugin.core.yaml_file import RuleError

log = logging.getLogger(__name__)


def rules_in_force() -> Rules:
    """Read them. A mistake in the user's own loses no failure: then the plugin's hold alone, and the log says why."""
    try:
        return load_rules(data_folder(), *own_rules())
    except RuleError as error:
        if not own_rules():
            raise
        log.error("[rca] rules_folder is not used: %s", error)
        return load_rules(data_folder())
