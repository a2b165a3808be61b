"""Incidents with repairs: one that waits, one for two people, one that a freeze stops, one only suggested, one over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx

from demo.local_airflow import REPOSITORY

if TYPE_CHECKING:
    from tests.web.site import Site

SECRET = "shared-with-databricks-only"
WORKSPACE = "7405619345"
HOSTILE = "load'\"><script>window.top.hacked = 1</script><img src=x onerror='window.top.hacked = 1'>"

ASKED, TWICE, SUGGESTED, FROZEN, TRIED, TWISTED = "nightly", "four", "suggested", "frozen", "tried", "twisted"
NAMES = (ASKED, TWICE, SUGGESTED, FROZEN, TRIED, TWISTED)

#: What is laid down about repairs where the pages are looked at.
POLICY = """
mode: approve
modes:
  - when: ['resource=~".*-suggested"']
    mode: suggest
  - when: ['category="connection_error"', 'environment="staging"']
    mode: auto
risks: {airflow_clear: low, databricks_repair_run: low, databricks_use_fallback_node_type: medium}
cooldown_minutes: 0
limits: {per_resource: {running: 9, started: 99}}
four_eyes:
  - when: ['resource=~".*-four"']
freezes:
  - name: Close of the year
    when: ['resource=~".*-frozen"']
    time_zone: Europe/Berlin
    starts_at: 2020-12-28 18:00
    ends_at: 2120-01-04 08:00
settings:
  databricks_use_fallback_node_type:
    - node_types: {Standard_D4ds_v5: [Standard_D4s_v5]}
"""

# The wait before an attempt is over, too: nobody who looks at pages waits for that.
_ASK = """
import sys
sys.path.insert(0, sys.argv[1])
from airflow.utils.session import create_session
from sqlalchemy import update
from rca_plugin.server.models import Remediation
from tests.server.repair_runs import asks
for run_id in sys.argv[2:]:
    asks(run_id)
    with create_session(scoped=False) as session:
        this = Remediation.run_id == run_id
        session.execute(update(Remediation).where(this).values(not_before=Remediation.planned_at))
"""


def resource(name: str) -> str:
    """How the incident of a cluster is called."""
    return f"{WORKSPACE}/clusters/1125-{name}"


def proposal(name: str, **changes: Any) -> dict[str, Any]:
    """What a worker would have found to do about a cluster."""
    return {
        "action": "databricks_use_fallback_node_type", "resource": f"cluster:{resource(name)}",
        "target": {"cluster_id": f"1125-{name}", "node_type": "Standard_D4s_v5"},
        "blast_radius": [f"cluster 1125-{name}: Standard_D4ds_v5 becomes Standard_D4s_v5", "run 8821 of job load"],
        **changes,
    }  # fmt: skip


def add_repairs(site: Site) -> None:
    """Let clusters have ended, and have it decided what is done about that."""
    for name in NAMES:
        _terminated(site, name)
    ids = {incident["resource"]: incident["id"] for incident in site.incidents()}
    special = {
        TRIED: {
            "action": "databricks_repair_run",
            "blast_radius": ["task ingest of run 8821", "task load of run 8821"],
        },
        TWISTED: {
            "action": "databricks_restart_cluster",
            "blast_radius": [HOSTILE] * 3,
            "resource": f"cluster:{HOSTILE}",
        },
    }
    numbers = {
        name: plan(site, ids[resource(name)], proposal(name, **special.get(name, {}))) for name in NAMES
    }
    _ask(site, *numbers.values())
    _ask(site, _tried(site, numbers[TRIED]))


def plan(site: Site, incident_id: int, *proposals: dict[str, Any]) -> int | None:
    """As the last step of the analysis does; answers the number of the repair."""
    body = {"proposals": list(proposals), "problems": []}
    planned = site.as_task("POST", f"/rca/api/v1/incidents/{incident_id}/remediations", body)
    number: int | None = planned["remediation_id"]
    return number


def _ask(site: Site, *numbers: int | None) -> None:
    """The first tasks of their runs ask, as the scheduler would have them do."""
    runs = [repair(site, number)["run_id"] for number in numbers if number is not None]
    site.airflow._python("-c", _ASK, str(REPOSITORY), *filter(None, runs), timeout=120)


def repair(site: Site, number: int) -> dict[str, Any]:
    """One repair, as the API shows it."""
    found: dict[str, Any] = site.get(f"/rca/api/v1/remediations/{number}")
    return found


def newest(site: Site, name: str) -> dict[str, Any]:
    """The newest repair of a cluster."""
    found: list[dict[str, Any]] = site.get(f"/rca/api/v1/incidents/{site.ids[resource(name)]}/remediations")[
        "remediations"
    ]
    return found[0]


def _tried(site: Site, number: int | None) -> int | None:
    """Approved, begun, and it failed; answers the next attempt."""
    path = f"/rca/api/v1/remediations/{number}"
    site.post(f"{path}/approval", {"approve": True})
    assert site.as_task("POST", f"{path}/begin", {})["granted"]
    url = "https://adb-7405619345.5.azuredatabricks.net/#job/1/run/8822"
    site.as_task("PUT", f"{path}/external", {"external_run_id": "8822", "external_url": url})
    text = "CLOUD_PROVIDER_RESOURCE_STOCKOUT: Standard_D4ds_v5 is still sold out"
    then = site.as_task("PUT", f"{path}/outcome", {"outcome": "failed", "text": text})
    assert then["then"] == "next_attempt", then
    following: int | None = then["remediation_id"]
    return following


def _terminated(site: Site, name: str) -> None:
    # One more of the same would be a storm.
    code = "DRIVER_UNREACHABLE" if name == TWISTED else "CLOUD_PROVIDER_RESOURCE_STOCKOUT"
    reason = {
        "code": code, "type": "CLOUD_FAILURE",
        "parameters": {"azure_error_code": "SkuNotAvailable", "azure_error_message": "Standard_D4ds_v5 is sold out"},
    }  # fmt: skip
    cluster = {
        "workspace_id": WORKSPACE, "cluster_id": f"1125-{name}", "cluster_name": name, "state": "TERMINATED",
        "terminated_time": int(time.time() * 1000), "termination_reason": reason,
    }  # fmt: skip
    answer = httpx.post(
        f"{site.url}/pluginsv2/rca/webhooks/databricks", json={"cluster": cluster}, auth=("databricks", SECRET),
        timeout=30,
    )  # fmt: skip
    answer.raise_for_status()
