"""What `rca doctor` says of repairs. That they are off, or stopped by a person, is no fault."""

from __future__ import annotations

from collections.abc import Iterator

from rca_plugin.cli.finding import Finding
from rca_plugin.config import remediation_file, settings
from rca_plugin.core.remediation.policy import Policy
from rca_plugin.core.remediation.policy_file import load_policy
from rca_plugin.core.remediation.state import Mode
from rca_plugin.core.yaml_file import RuleError


def repair_policy() -> Iterator[Finding]:
    """Whether the file that says how far repairs may go can be used."""
    try:
        policy = load_policy(remediation_file())
    except RuleError as error:
        yield Finding("repairs", str(error), "until then nothing is repaired")
        return
    modes = {policy.mode, *(entry.mode for entry in policy.modes)}
    said = ", ".join(str(mode) for mode in Mode if mode in modes)
    yield Finding("repairs", f"{remediation_file().name} read: {said}")


def repairs() -> Iterator[Finding]:
    """On the server: whether repairs are on, and whether there is what carries them out."""
    from airflow.utils.session import create_session

    from rca_plugin.server import remediation_switch, triggerer
    from rca_plugin.server.rca_dag import REPAIR_DAG_ID, HandoffError, check_dag

    with create_session(scoped=False) as session:
        why_off = remediation_switch.why_off(remediation_switch.read(session))
        yield Finding("repairs", why_off or "switched on")
        if not _can_happen():
            return
        try:
            check_dag(session, REPAIR_DAG_ID)
        except HandoffError as error:
            problem, _, fix = str(error).partition(": ")
            yield Finding("repairs", problem, f"{fix}; until then nothing is repaired")
        else:
            yield Finding("repairs", f"DAG {REPAIR_DAG_ID} is loaded and not paused")
        yield _triggerer(triggerer.is_alive(session))


def _can_happen() -> bool:
    """Whether anything is more than suggested."""
    try:
        policy: Policy | None = load_policy(remediation_file())
    except RuleError:
        policy = None
    if policy is None or not settings().remediation:
        return False
    return any(mode in (Mode.APPROVE, Mode.AUTO) for mode in (policy.mode, *(e.mode for e in policy.modes)))


def _triggerer(alive: bool) -> Finding:
    if alive:
        return Finding("repairs", "a triggerer is alive")
    # What a repair started goes on by itself; only nobody looks what becomes of it.
    return Finding(
        "repairs",
        "no triggerer is alive: nobody follows what a repair has started",
        "start: airflow triggerer",
    )
