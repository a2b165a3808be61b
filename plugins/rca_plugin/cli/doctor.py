"""`rca doctor`: check the installation from where it runs; each finding says what to do.

Run it where the API server runs and, with --worker, where a worker runs: a worker of Airflow 3 has no database.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from rca_plugin.cli.finding import Finding
from rca_plugin.cli.gemini_checks import gemini, gemini_connection
from rca_plugin.cli.repair_checks import repair_policy, repairs
from rca_plugin.cli.slack_checks import digests, routing
from rca_plugin.config import ConfigError, api_base_url, own_rules, service_secret, settings
from rca_plugin.core.data import data_folder
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.yaml_file import RuleError


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser("doctor", help="check the installation, each finding with its fix")
    parser.add_argument(
        "--worker", action="store_true", help="only what a worker needs, without the database"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 if anything is to be mended."""
    checks = WORKER_CHECKS if args.worker else (*WORKER_CHECKS, *SERVER_CHECKS)
    findings = [finding for check in checks for finding in _checked(check)]
    for finding in findings:
        print(finding)
    wrong = sum(bool(finding.fix) for finding in findings)
    print(f"\n{len(findings)} checks, {wrong} to mend" if wrong else f"\n{len(findings)} checks, all fine")
    return 1 if wrong else 0


def _checked(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    name = check.__name__.strip("_").replace("_", " ")
    try:
        yield from check()
    except Exception as error:
        yield Finding(name, f"could not be checked: {type(error).__name__}: {error}", "mend that first")


def _options() -> Iterator[Finding]:
    try:
        settings()
    except ConfigError as error:
        yield Finding("options", str(error), "set an allowed value; docs/options.md has the table")
    else:
        yield Finding("options", "all values are allowed")


def _service_secret() -> Iterator[Finding]:
    try:
        service_secret()
    except ConfigError as error:
        yield Finding("service secret", "there is none", str(error))
        return
    origin = "[rca] service_secret" if settings().service_secret else "[api] secret_key"
    yield Finding("service secret", f"from {origin}")


def _plugin() -> Iterator[Finding]:
    from airflow import settings as airflow_settings

    import rca_plugin

    loaded_from = Path(rca_plugin.__file__).parent
    in_folder = Path(airflow_settings.PLUGINS_FOLDER or "", "rca_plugin")
    if in_folder.is_dir() and in_folder.resolve() != loaded_from.resolve():
        yield Finding("plugin", f"present twice: {loaded_from} and {in_folder}", "remove one of the two")
    elif in_folder.is_dir() and not _is_fenced(in_folder.parent):
        yield Finding(
            "plugin",
            "every file of it is executed as a plugin",
            f"copy plugins/.airflowignore to {in_folder.parent}",
        )
    else:
        yield Finding("plugin", f"loaded once, from {loaded_from}")


def _is_fenced(plugins_folder: Path) -> bool:
    ignore = plugins_folder / ".airflowignore"
    return ignore.is_file() and "!rca_plugin/plugin.py" in ignore.read_text().split()


def _tables() -> Iterator[Finding]:
    from airflow.configuration import conf
    from airflow.utils.session import create_session

    from rca_plugin.server.db_manager import RcaDBManager

    ours = f"{RcaDBManager.__module__}.{RcaDBManager.__qualname__}"
    if ours not in (conf.get("database", "external_db_managers", fallback="") or ""):
        fix = f"set [database] external_db_managers = {ours}"
        yield Finding("tables", "airflow db migrate does not know them", fix)
    with create_session(scoped=False) as session:
        current = RcaDBManager(session).check_migration()
    if current:
        yield Finding("tables", "migrated")
    else:
        yield Finding("tables", "missing or not migrated", "run: airflow db migrate")


def _dags() -> Iterator[Finding]:
    from airflow.utils.session import create_session

    from rca_plugin.server.health import health

    with create_session(scoped=False) as session:
        state = health(session)
    for problem in state.problems:
        yield Finding("dags", problem, problem.partition(": ")[2])
    if not state.problems:
        yield Finding("dags", "loaded and not paused")
    if state.waiting_incidents:
        yield Finding(
            "hand-off", f"{state.waiting_incidents} incidents wait for their analysis", "see dags, above"
        )


def _audit() -> Iterator[Finding]:
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from rca_plugin.server.audit import first_broken_entry
    from rca_plugin.server.models import Incident

    with create_session(scoped=False) as session:
        newest = list(session.scalars(select(Incident.id).order_by(Incident.id.desc()).limit(50)))
        broken = [i for i in newest if first_broken_entry(session, i) is not None]
    if broken:
        names = ", ".join(f"RCA-{i}" for i in broken)
        yield Finding(
            "audit", f"changed after the fact: {names}", "find out who writes to the table rca_audit"
        )
    else:
        yield Finding("audit", f"the newest {len(newest)} incidents are sound")


def _reachability() -> Iterator[Finding]:
    from rca_plugin.worker.client import RcaClient, ServerError

    url = api_base_url()
    try:
        with RcaClient(subject="doctor", timeout=10) as client:
            client.health()
    except ServerError as error:
        yield Finding("API server", f"{url}: {error}", _reachability_fix(error))
    else:
        yield Finding("API server", f"{url} answers, and knows our service token")


def _reachability_fix(error: Any) -> str:
    if error.code == "unreachable":
        return "start the API server, or set [rca] api_url to where workers reach it"
    if error.status == 401:
        return "set [rca] service_secret to the same value on the API server and on all workers, and restart them"
    return "[rca] api_url must be the address of an API server that loads this plugin"


def _rules() -> Iterator[Finding]:
    try:
        count = len(load_rules(data_folder(), *own_rules()).rules)
    except RuleError as error:
        yield Finding("rules", str(error), "until then only the plugin's own rules hold")
    else:
        yield Finding("rules", f"{count} read")


def _deliveries() -> Iterator[Finding]:
    from airflow.utils.session import create_session

    from rca_plugin.core.incident import incident_label
    from rca_plugin.server import deliveries

    with create_session(scoped=False) as session:
        stuck = [(row.destination, row.incident_id, row.problem) for row in deliveries.stuck(session)]
    for destination, incident_id, problem in stuck:
        yield Finding(
            f"to the {destination}",
            f"{incident_label(incident_id)} and maybe more wait: {problem}",
            "mend what it says; housekeeping then delivers",
        )
    if not stuck:
        yield Finding("deliveries", "none is stuck")


Check: TypeAlias = Callable[[], Iterator[Finding]]
WORKER_CHECKS: tuple[Check, ...] = (
    _options, _service_secret, _rules, repair_policy, _plugin, _reachability, gemini_connection, routing,
)  # fmt: skip
SERVER_CHECKS: tuple[Check, ...] = (_tables, _dags, _audit, gemini, _deliveries, digests, repairs)
