"""Which repair an action is, and what could be done about an incident."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from rca_plugin.bounded_call import within
from rca_plugin.config import settings
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.worker.repairs.adf import Rerun
from rca_plugin.worker.repairs.databricks_libraries import ReinstallLibraries
from rca_plugin.worker.repairs.databricks_machines import UseFallbackNodeType, UseOnDemand
from rca_plugin.worker.repairs.databricks_power import RestartCluster, StartCluster
from rca_plugin.worker.repairs.databricks_run import RepairRun, RunNow
from rca_plugin.worker.repairs.playbook import Playbook
from rca_plugin.worker.repairs.repair import NothingToProposeError, Repair, said

log = logging.getLogger(__name__)

#: All but those of Airflow itself, which the server carries out: it alone has the tables.
REPAIRS: Mapping[str, Repair] = {
    "databricks_repair_run": RepairRun(),
    "databricks_run_now": RunNow(),
    "databricks_start_cluster": StartCluster(),
    "databricks_restart_cluster": RestartCluster(),
    "databricks_use_on_demand": UseOnDemand(),
    "databricks_use_fallback_node_type": UseFallbackNodeType(),
    "databricks_reinstall_libraries": ReinstallLibraries(),
    "adf_rerun_from_failed_activity": Rerun("adf_rerun_from_failed_activity", from_failure=True),
    "adf_rerun_whole": Rerun("adf_rerun_whole", from_failure=False),
    "http_playbook": Playbook(),
}


def proposals_for(
    incident: Mapping[str, Any], options: Iterable[Mapping[str, Any]]
) -> tuple[list[Proposal], list[str]]:
    """What could be done, in the order of the options, and why the others could not. Nothing is done.

    `incident` and `options` are as the server gives them. Raises nothing.
    """
    proposals, problems = [], []
    for option in options:
        action = option["action"]
        if action not in REPAIRS:
            continue
        try:
            # In a thread that is left behind: neither requests nor azure-core bounds how long an answer may trickle.
            found = within(
                settings().outside_timeout, partial(REPAIRS[action].propose, incident, option["settings"])
            )
            proposals.append(Proposal.from_json(found.to_json()))
        except NothingToProposeError as error:
            problems.append(f"{action}: {said(error)}")
        except Exception as error:  # one that cannot be looked at leaves the others
            log.warning("No proposal for %s: %s", action, said(error))
            problems.append(f"{action}: {said(f'{type(error).__name__}: {error}')}")
    return proposals, problems
