"""What each action does, in words for people."""

from __future__ import annotations

from collections.abc import Mapping

#: As it goes on after "Repair: ".
ACTION_WORDS: Mapping[str, str] = {
    "airflow_clear": "run the failed tasks, and what depends on them, again",
    "airflow_clear_after_upstream_check": "run the failed tasks again, once what they wait for is there",
    "airflow_clear_with_longer_timeout": "run the failed tasks again, with more time",
    "airflow_clear_in_other_pool": "run the failed tasks again, in another pool or queue",
    "databricks_repair_run": "run the failed tasks of the job run again",
    "databricks_run_now": "start the job once more",
    "databricks_start_cluster": "start the cluster",
    "databricks_restart_cluster": "restart the cluster, which ends everything that runs on it",
    "databricks_use_on_demand": "change the cluster from spot to on-demand machines, and start it",
    "databricks_use_fallback_node_type": "change the cluster to another node type, and start it",
    "databricks_reinstall_libraries": "install the libraries of the cluster again",
    "adf_rerun_from_failed_activity": "run the pipeline again from the failed activity on",
    "adf_rerun_whole": "run the whole pipeline again, also what has succeeded",
    "http_playbook": "call the playbook",
}
