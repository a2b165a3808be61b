"""Tickets in Jira: what is created, what follows the incident, what is left to people, and what goes wrong."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from rca_plugin.config import settings
from rca_plugin.core.ticket.record import PROPERTY
from rca_plugin.worker.integrations import jira_body, jira_site
from rca_plugin.worker.integrations.jira import Jira
from rca_plugin.worker.integrations.jira_ticket import UNSEEN_SECONDS
from rca_plugin.worker.operators.delivery import OpenTicketOperator
from rca_plugin.worker.recipient import DeliveryError, NotSetUpError
from tests.fakes.jira import Site, basic, jira
from tests.secrets_of_each_kind import planted
from tests.worker.test_blob import Server

LABEL = "rca-0123456789ab-7"
ROUTES = """
tickets:
  - when: ['owner="payments"']
    project: PAY
    labels: [airflow]
    components: [Pipelines]
    assignees: {payments: acc-1, "*": acc-2}
    fields: {customfield_1: "cost of $cost_center", customfield_2: "$nothing"}
"""
ANALYSIS: dict[str, Any] = {
    "summary": "The database refused all connections.", "root_cause": {"text": "It is down", "evidence": ["E2"]},
    "hypotheses": [{"text": "It was restarted.", "evidence": [], "distinguish": "Its log says so."}],
    "recommendations": ["Look at the database."], "avoid": [], "not_known": [], "confidence": 0.8,
    "method": "knowledge_base",
}  # fmt: skip


def an_incident(**changes: Any) -> dict[str, Any]:
    """As the API gives it."""
    return {
        "id": 7, "label": "RCA-7", "fingerprint": "0123456789abcdef", "kind": "failure", "status": "open",
        "source": "airflow", "environment": "production", "resource": "orders/load", "owner": "payments",
        "title": "OperationalError", "category": "connection_error", "severity": "High", "priority": "P2",
        "confidence": 0.9, "failure_count": 1, "first_failure_at": "2026-11-23T23:59:59.5Z",
        "last_failure_at": "2026-11-24T08:15:00Z", "resolve_due_at": "2026-11-24T07:59:59Z",
        "failures": [{
            "dag_id": "orders", "run_id": "scheduled__2026", "task_id": "load", "map_index": -1, "try_number": 2,
            "message": "Connection refused", "labels": {"cost_center": "4711"}, "url": "https://evil.example/log",
        }],
        "evidence": [
            {"id": "E1", "kind": "log", "source": "airflow task log", "observed_at": None, "text": "unrelated"},
            {"id": "E2", "kind": "log", "source": "airflow task log", "observed_at": None, "text": "größer → refused"},
        ],
        "analysis": ANALYSIS, "analysis_problem": None,
        **changes,
    }  # fmt: skip


Start = Callable[..., Site]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Start]:
    """Start a site and make it the one of this process."""
    (tmp_path / "routing.yaml").write_text(ROUTES)
    monkeypatch.setenv("AIRFLOW__RCA__ROUTING_FILE", str(tmp_path / "routing.yaml"))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/")
    # A stall is not waited for as long; an answer of a machine with too much to do is.
    monkeypatch.setattr(jira_site, "CALL_SECONDS", (5.0, 0.5))
    settings.cache_clear()
    with ExitStack() as stack:

        def started(cloud: bool = True, **more: Any) -> Site:
            site = stack.enter_context(jira(cloud=cloud, **more))
            monkeypatch.setenv("AIRFLOW_CONN_JIRA_DEFAULT", site.connection())
            return site

        yield started


def deliver(incident: dict[str, Any], reference: str | None = None) -> str:
    return Jira.connect().deliver(incident, reference, time.monotonic() + 30)


both = pytest.mark.parametrize("cloud", [True, False], ids=["cloud", "data center"])


# What is created


def test_a_ticket_in_the_cloud_has_all_that_the_route_and_the_incident_say(start: Start) -> None:
    site = start()
    assert deliver(an_incident()) == f"{site.url}/browse/PAY-1"
    fields = dict(site.issue().fields)
    description = json.dumps(fields.pop("description"), ensure_ascii=False)
    assert fields == {
        "project": {"key": "PAY"}, "issuetype": {"name": "Bug"}, "summary": "[RCA-7] orders/load: It is down",
        "priority": {"name": "High"}, "assignee": {"accountId": "acc-1"}, "duedate": "2026-11-24",
        "labels": [LABEL, "airflow"], "components": [{"name": "Pipelines"}], "customfield_1": "cost of 4711",
    }  # fmt: skip
    for said in ("It is down", "größer → refused", "Look at the database.", "the knowledge base, 80% sure"):
        assert said in description
    for url in ("pluginsv2/rca/incidents/7", "dags/orders/runs/scheduled__2026/tasks/load?try_number=2"):
        assert f'"href": "https://airflow.example/{url}"' in description
    assert "unrelated" not in description
    assert "evil.example" not in description
    assert site.proofs == {basic()}


def test_a_ticket_in_data_center_is_written_in_its_own_way(start: Start) -> None:
    site = start(cloud=False)
    deliver(an_incident())
    fields = site.issue().fields
    assert fields["assignee"] == {"name": "acc-1"}
    assert fields["description"].startswith(
        "[RCA&#45;7|https://airflow.example/pluginsv2/rca/incidents/7] · [Run|"
    )
    assert "h3. Root cause\n\nIt is down\n\n" in fields["description"]
    assert "{noformat}\ngrößer → refused\n{noformat}" in fields["description"]


def test_data_center_takes_a_personal_access_token(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    site = start(cloud=False)
    monkeypatch.setenv("AIRFLOW_CONN_JIRA_DEFAULT", site.connection(login=""))
    deliver(an_incident())
    assert site.proofs == {"Bearer jira-token-of-these-tests"}


@both
def test_what_no_screen_of_the_project_has_is_left_out(start: Start, cloud: bool) -> None:
    site = start(cloud, lacks={"priority", "duedate"})
    reference = deliver(an_incident())
    assert "summary" in site.issue().fields
    assert "priority" not in site.issue().fields
    deliver(an_incident(title="other", analysis=None), reference)
    assert site.issue().fields["summary"] == "[RCA-7] orders/load: other"


def test_a_field_of_the_route_that_is_refused_is_named(start: Start) -> None:
    start(lacks={"customfield_1"})
    with pytest.raises(
        DeliveryError, match="Jira refused a new ticket: customfield_1: Field 'customfield_1' cannot"
    ):
        deliver(an_incident())


# What follows the incident, and what is left to people


@both
def test_nothing_is_written_where_nothing_is_new(start: Start, cloud: bool) -> None:
    site = start(cloud)
    reference = deliver(an_incident())
    site.calls.clear()
    assert deliver(an_incident(), reference) == reference
    assert site.calls == ["look"]


@both
def test_what_was_decided_here_is_put_right_whoever_changed_it_there(start: Start, cloud: bool) -> None:
    site = start(cloud)
    reference = deliver(an_incident())
    site.issue().fields["priority"] = {"name": "Low"}
    site.issue().status = "Done"
    deliver(an_incident(), reference)
    assert (site.issue().fields["priority"], site.issue().status) == ({"name": "Low"}, "Done")
    deliver(
        an_incident(
            assignee="ada", tickets=[{"overruled": dict.fromkeys(("assignee", "priority", "status"))}]
        ),
        reference,
    )
    assert (site.issue().fields["priority"], site.issue().status) == ({"name": "High"}, "To Do")
    # Nobody knows who ada is in Jira.
    assert "acc-1" in str(site.issue().fields["assignee"])


@both
def test_what_changed_is_brought_up_to_date(start: Start, cloud: bool) -> None:
    site = start(cloud)
    reference = deliver(an_incident(analysis=None))
    before = site.issue().fields["description"]
    deliver(an_incident(priority="P1", resolve_due_at="2026-11-25T00:00:00Z"), reference)
    fields = site.issue().fields
    assert fields["summary"] == "[RCA-7] orders/load: It is down"
    assert fields["description"] != before
    assert (fields["priority"], fields["duedate"]) == ({"name": "Highest"}, "2026-11-25")


@both
@pytest.mark.parametrize("changed", ["summary", "description", "priority", "assignee", "duedate"])
def test_what_somebody_changed_there_stays(start: Start, cloud: bool, changed: str) -> None:
    site = start(cloud)
    reference = deliver(an_incident(analysis=None))
    theirs = {
        "summary": "Mine", "priority": {"name": "Trivial"}, "assignee": None, "duedate": "2027-01-01",
        "description": {"type": "doc", "version": 1, "content": []} if cloud else "Mine",
    }[changed]  # fmt: skip
    site.issue().fields[changed] = theirs
    newer = an_incident(priority="P1", owner="payments", resolve_due_at="2026-11-30T00:00:00Z")
    for _ in range(2):
        deliver(newer, reference)
    fields = site.issue().fields
    assert fields[changed] == theirs
    assert fields["summary"] == ("Mine" if changed == "summary" else "[RCA-7] orders/load: It is down")


@both
@pytest.mark.parametrize(
    ("status", "there", "then"),
    [
        ("open", "To Do", "To Do"),
        ("acknowledged", "To Do", "In Progress"),
        ("acknowledged", "Done", "In Progress"),
        ("resolved", "To Do", "Done"),
        ("closed", "In Progress", "Done"),
        ("resolved", "Done", "Done"),
        ("suppressed", "In Progress", "In Progress"),
    ],
)
def test_the_status_follows_by_its_category(
    start: Start, cloud: bool, status: str, there: str, then: str
) -> None:
    site = start(cloud)
    reference = deliver(an_incident())
    site.issue().status = there
    deliver(an_incident(status=status), reference)
    assert site.issue().status == then


def test_a_ticket_is_opened_again_with_its_incident(start: Start) -> None:
    site = start()
    reference = deliver(an_incident())
    for status, expected in (("resolved", "Done"), ("open", "To Do"), ("closed", "Done")):
        deliver(an_incident(status=status), reference)
        assert site.issue().status == expected


def test_a_status_that_people_chose_stays_while_the_incident_does_not_change(start: Start) -> None:
    site = start()
    reference = deliver(an_incident())
    site.issue().status = "Done"
    deliver(an_incident(priority="P1"), reference)
    assert site.issue().status == "Done"


def test_the_transition_that_the_route_names_is_taken(start: Start, tmp_path: Path) -> None:
    site = start(transitions=[("Reject", "Rejected", {}), ("Resolve", "Done", {})])
    (tmp_path / "routing.yaml").write_text(ROUTES + "    transitions: {done: resolve}\n")
    deliver(an_incident(status="resolved"), deliver(an_incident()))
    assert site.issue().status == "Done"


def test_required_fields_of_a_transition_are_named_and_keep_nothing_else_back(start: Start) -> None:
    site = start(
        transitions=[("Finish", "Done", {"customfield_9": {"required": True, "name": "Root cause"}})]
    )
    reference = deliver(an_incident())
    with pytest.raises(
        DeliveryError, match=r"PAY-1 cannot be moved by transition 'Finish', which needs Root cause"
    ):
        deliver(an_incident(status="resolved", priority="P1"), reference)
    assert site.issue().fields["priority"] == {"name": "Highest"}


def test_a_resolution_that_is_required_is_given(start: Start) -> None:
    allowed = {"required": True, "allowedValues": [{"name": "Won't Do"}, {"name": "Done"}]}
    site = start(transitions=[("Finish", "Done", {"resolution": allowed})])
    deliver(an_incident(status="resolved"), deliver(an_incident()))
    assert site.issue().status == "Done"


def test_a_workflow_without_a_way_is_reported(start: Start) -> None:
    start(transitions=[])
    reference = deliver(an_incident())
    with pytest.raises(
        DeliveryError, match=r"PAY-1 is in status 'To Do', and no transition .* of category done"
    ):
        deliver(an_incident(status="resolved"), reference)
    assert deliver(an_incident(status="acknowledged"), reference) == reference


@both
def test_a_recurrence_is_a_comment_at_most_one_an_hour(start: Start, cloud: bool) -> None:
    site = start(cloud)
    reference = deliver(an_incident())
    for count in (2, 2, 3):
        deliver(an_incident(failure_count=count), reference)
    (comment,) = site.issue().comments
    assert "It failed again: 2 times by now" in unescape(json.dumps(comment["body"]))
    comment["created"] = f"{datetime.now(timezone.utc) - timedelta(minutes=61):%Y-%m-%dT%H:%M:%S.000+0000}"
    for count in (4, 4):
        deliver(an_incident(failure_count=count), reference)
    assert len(site.issue().comments) == 2


@both
def test_a_comment_that_was_made_is_known_by_what_it_says(start: Start, cloud: bool) -> None:
    site = start(cloud)
    reference = deliver(an_incident())
    deliver(an_incident(failure_count=2), reference)
    site.issue().properties[PROPERTY]["failures"] = 1
    site.issue().comments[0]["created"] = "2026-01-01T00:00:00.000+0000"
    deliver(an_incident(failure_count=2), reference)
    assert len(site.issue().comments) == 1


def a_repair(number: int, **changes: Any) -> dict[str, Any]:
    """As the API gives it, of an incident."""
    return {
        "id": number, "attempt": 1, "action": "airflow_clear", "state": "failed", "mode": "approve", "risk": "low",
        "resource": "orders/load", "blast_radius": ["orders, run-1: load"], "outcome": "it failed again",
        "approvals_needed": 1, "approvals": [{"name": "ada", "at": "2026-11-24T08:20:00Z"}],
        "planned_at": "2026-11-24T08:16:00Z", "expires_at": "2026-11-24T09:16:00Z", "started_at": None,
        "finished_at": None, "external_url": None, "followed_by": "escalated",
        **changes,
    }  # fmt: skip


@both
def test_a_repair_that_did_not_help_is_one_comment_that_calls_people(start: Start, cloud: bool) -> None:
    site = start(cloud)
    reference = deliver(an_incident())
    for _ in range(2):
        deliver(an_incident(priority="P1", remediations=[a_repair(3)]), reference)
    (comment,) = site.issue().comments
    said = unescape(json.dumps(comment["body"]))
    assert "The repair is over, and RCA-7 (P1) is not: it is for people now." in said
    assert "approved by ada. It failed again." in said
    assert "It touches 1: orders, run-1: load." in said
    # An answer that was lost: the comment itself says that it was made.
    site.issue().properties[PROPERTY]["repair"] = None
    deliver(an_incident(priority="P1", remediations=[a_repair(3)]), reference)
    assert len(site.issue().comments) == 1
    deliver(an_incident(priority="P1", remediations=[a_repair(4), a_repair(3)]), reference)
    assert len(site.issue().comments) == 2
    description = unescape(json.dumps(site.issue().fields["description"], ensure_ascii=False))
    assert "It did not help: run the failed tasks" in description


@both
@pytest.mark.parametrize(
    "changes",
    [{"followed_by": "next_attempt"}, {"followed_by": None, "state": "running"}, {"followed_by": "ended"}],
)
def test_while_something_is_tried_nobody_is_called(
    start: Start, cloud: bool, changes: dict[str, Any]
) -> None:
    site = start(cloud)
    reference = deliver(an_incident())
    deliver(an_incident(remediations=[a_repair(3, **changes)]), reference)
    deliver(an_incident(remediations=[a_repair(3)], status="resolved"), reference)
    assert site.issue().comments == []


@both
@pytest.mark.parametrize(
    ("until", "counts"),
    [(timedelta(hours=-1), False), (timedelta(hours=1), True), (None, True)],
    ids=["theirs is newer", "ours is newer", "ours whenever"],
)
def test_of_two_changes_the_one_that_counts_stays(
    start: Start, cloud: bool, until: timedelta | None, counts: bool
) -> None:
    site = start(cloud)
    reference = deliver(an_incident(status="acknowledged"))
    now, person = datetime.now(timezone.utc), "accountId" if cloud else "name"
    site.change(now, priority={"name": "Low"})
    site.change(now, assignee={person: "acc-3"})
    site.change(now, status="Done")
    decided = until and (now + until).isoformat()
    overruled = dict.fromkeys(("assignee", "priority", "status"), decided)
    for _ in range(2):
        deliver(
            an_incident(status="acknowledged", priority="P1", tickets=[{"overruled": overruled}]), reference
        )
    fields = site.issue().fields
    found = (fields["priority"]["name"], fields["assignee"][person], site.issue().status)
    assert found == (("Highest", "acc-1", "In Progress") if counts else ("Low", "acc-3", "Done"))
    assert site.calls.count("changelog") <= 3


@both
def test_what_somebody_changed_and_changed_back_is_theirs(start: Start, cloud: bool) -> None:
    site = start(cloud)
    reference = deliver(an_incident())
    site.change(priority={"name": "Low"})
    site.change(priority={"name": "High"})
    deliver(an_incident(priority="P1"), reference)
    assert site.issue().fields["priority"] == {"name": "High"}


@both
def test_a_ticket_of_nobody_any_more_is_given_back(start: Start, tmp_path: Path, cloud: bool) -> None:
    site = start(cloud)
    (tmp_path / "routing.yaml").write_text("tickets:\n  - project: PAY\n    assignees: {ada: acc-9}\n")
    reference = deliver(an_incident(assignee="ada"))
    assert "acc-9" in str(site.issue().fields["assignee"])
    # Who carol is in Jira nobody knows.
    deliver(an_incident(assignee="carol"), reference)
    assert "acc-9" in str(site.issue().fields["assignee"])
    deliver(an_incident(assignee=None), reference)
    assert site.issue().fields["assignee"] is None


def test_a_ticket_that_its_project_gives_to_somebody_is_not_taken_from_them(
    start: Start, tmp_path: Path
) -> None:
    site = start()
    (tmp_path / "routing.yaml").write_text("tickets:\n  - project: PAY\n")
    reference = deliver(an_incident())
    site.issue().fields["assignee"] = {"accountId": "acc-lead"}
    deliver(an_incident(tickets=[{"overruled": {"assignee": None}}]), reference)
    assert site.issue().fields["assignee"] == {"accountId": "acc-lead"}


def test_a_ticket_that_somebody_works_on_is_closed_with_its_incident(start: Start) -> None:
    site = start()
    reference = deliver(an_incident())
    site.change(datetime.now(timezone.utc) + timedelta(minutes=1), status="In Progress")
    decided = {"status": datetime.now(timezone.utc).isoformat()}
    deliver(an_incident(status="resolved", tickets=[{"overruled": decided}]), reference)
    assert site.issue().status == "Done"
    # Somebody knows better, and nobody here has decided anything since.
    site.change(datetime.now(timezone.utc) + timedelta(minutes=1), status="In Progress")
    deliver(an_incident(status="resolved", tickets=[{"overruled": decided}]), reference)
    assert site.issue().status == "In Progress"


# Which ticket


def test_what_became_of_it_is_said_even_if_not_all_of_it_could_be_done(start: Start) -> None:
    site = start(transitions=[])
    with pytest.raises(DeliveryError) as error:
        deliver(an_incident(status="resolved"))
    assert error.value.reference == f"{site.url}/browse/PAY-1"
    operator, server = step(an_incident(status="resolved"))
    assert operator.execute({}) is None
    assert (server.recorded[0]["state"], server.recorded[0]["reference"]) == (
        "waiting",
        error.value.reference,
    )


def test_a_ticket_that_cannot_be_seen_is_not_made_again(start: Start) -> None:
    site = start(troubles={"look": [404]}, lags=True)
    with pytest.raises(DeliveryError, match="PAY-1 was created, but cannot be seen") as error:
        deliver(an_incident())
    with pytest.raises(DeliveryError, match="PAY-1 is not in Jira any more, or may not be seen"):
        deliver(an_incident(), error.value.reference)
    assert site.calls.count("create") == 1


@both
def test_a_ticket_is_found_by_its_label_before_one_is_created(start: Start, cloud: bool) -> None:
    site = start(cloud)
    assert deliver(an_incident()) == deliver(an_incident())
    assert list(site.issues) == ["PAY-1"]
    deliver(an_incident(id=8, label="RCA-8"))
    assert list(site.issues) == ["PAY-1", "PAY-2"]


def test_a_ticket_that_was_moved_is_followed(start: Start) -> None:
    site = start()
    reference = deliver(an_incident())
    site.move("PAY-1", "OPS-5")
    assert deliver(an_incident(status="resolved"), reference) == f"{site.url}/browse/OPS-5"
    assert site.issue().status == "Done"


def test_a_ticket_that_was_deleted_is_reported_and_no_other_made(start: Start) -> None:
    site = start()
    reference = deliver(an_incident())
    site.delete()
    with pytest.raises(DeliveryError, match="PAY-1 is not in Jira any more"):
        deliver(an_incident(), reference)
    with pytest.raises(NotSetUpError, match="PAY-1 is not in Jira any more"):
        deliver(an_incident(status="resolved"), reference)
    assert not site.issues


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"owner": "others"}, "no route"),
        ({"status": "suppressed"}, "suppressed"),
        ({"status": "closed"}, "closed"),
    ],
)
def test_what_gets_no_ticket_says_why(start: Start, changes: dict[str, Any], why: str) -> None:
    site = start()
    with pytest.raises(NotSetUpError, match=why):
        deliver(an_incident(**changes))
    assert not site.issues


def test_a_ticket_is_closed_even_when_no_route_takes_its_incident_any_more(start: Start) -> None:
    site = start()
    reference = deliver(an_incident())
    deliver(an_incident(owner="others", status="resolved"), reference)
    assert site.issue().status == "Done"
    assert site.issue().fields["summary"] == "[RCA-7] orders/load: It is down"


# Where it goes


def test_nothing_is_sent_where_nobody_set_it_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    start()
    monkeypatch.delenv("AIRFLOW_CONN_JIRA_DEFAULT")
    with pytest.raises(NotSetUpError, match="there is no connection jira_default"):
        deliver(an_incident())


def test_nothing_goes_out_unprotected(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    site = start()
    monkeypatch.setenv("AIRFLOW_CONN_JIRA_DEFAULT", site.connection(host="http://jira.example.com"))
    with pytest.raises(DeliveryError, match="must begin with https://"):
        deliver(an_incident())


def test_nothing_is_begun_after_the_deadline(start: Start) -> None:
    site = start()
    with pytest.raises(DeliveryError, match="the time for it was over"):
        Jira.connect().deliver(an_incident(), None, time.monotonic())
    assert site.calls == []


# What goes wrong

CALLS = (
    "look",
    "changelog",
    "edit",
    "create",
    "search",
    "transitions",
    "transition",
    "comments",
    "comment",
    "note",
)
TROUBLES: tuple[Any, ...] = ((429, "7"), 500, 400, 401, 403, 404, "stall", "reset", "invalid", "wrong")
#: What happens to one incident: all calls there are, are needed for it.
STORY: tuple[dict[str, Any], ...] = (
    {"analysis": None},
    {"priority": "P1", "failure_count": 2},
    {"status": "acknowledged", "priority": "P1", "failure_count": 2},
    {"status": "resolved", "priority": "P1", "failure_count": 2},
)


def until_delivered(incident: dict[str, Any], reference: str | None) -> tuple[str, list[DeliveryError]]:
    failed: list[DeliveryError] = []
    while len(failed) < 20:
        try:
            return deliver(incident, reference), failed
        except DeliveryError as error:
            failed.append(error)
            reference = error.reference or reference
    raise failed[-1]


def check_story(site: Site) -> list[DeliveryError]:
    reference, all_failed = None, []
    for chapter in STORY:
        reference, failed = until_delivered(an_incident(**chapter), reference)
        all_failed += failed
    issue = site.issue()
    assert reference == f"{site.url}/browse/{issue.key}"
    assert (issue.status, issue.fields["priority"]) == ("Done", {"name": "Highest"})
    assert issue.fields["summary"] == "[RCA-7] orders/load: It is down"
    assert len(issue.comments) == 1
    return all_failed


@pytest.mark.parametrize(
    ("cloud", "acts"),
    [(True, True), (True, False), (False, True)],
    ids=["cloud acted", "cloud did not", "data center"],
)
@pytest.mark.parametrize(("call", "trouble"), [*itertools.product(CALLS, TROUBLES)])
def test_in_the_end_there_is_one_ticket_whatever_went_wrong(
    start: Start, call: str, trouble: Any, acts: bool, cloud: bool
) -> None:
    site = start(cloud, acts=acts, troubles={call: [trouble, None]})
    failed = check_story(site)
    assert call in site.calls
    if trouble == (429, "7"):
        # A ticket that may be there is waited for.
        assert [error.retry_after for error in failed] == [UNSEEN_SECONDS if call == "create" else 7.0]


@both
@pytest.mark.parametrize("trouble", [500, "reset", "invalid"])
def test_in_the_end_there_is_one_ticket_when_every_call_goes_wrong_once(
    start: Start, trouble: Any, cloud: bool
) -> None:
    site = start(cloud, troubles={call: [trouble, None, trouble, None] for call in CALLS})
    assert len(check_story(site)) >= len(CALLS) - 1


def test_an_answer_longer_than_any_is_not_read_to_its_end(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jira_body, "MOST_BYTES", 10)
    start()
    with pytest.raises(DeliveryError, match="could not be reached: BodyError"):
        deliver(an_incident())


def test_an_answer_that_trickles_ends_with_the_time_for_it(start: Start) -> None:
    start(troubles={"search": ["trickle"]})
    with pytest.raises(DeliveryError, match="could not be reached: "):
        Jira.connect().deliver(an_incident(), None, time.monotonic() + 0.3)


def test_errors_hold_nothing_that_proves_us(start: Start) -> None:
    start(troubles={"search": ["reset"]})
    with pytest.raises(DeliveryError) as error:
        deliver(an_incident())
    assert str(error.value) == "Jira could not be reached: ConnectionError"
    assert error.value.__cause__ is None


# As a task does it


def step(incident: dict[str, Any]) -> tuple[OpenTicketOperator, Server]:
    operator = OpenTicketOperator(task_id="open_ticket", incident_id=7)
    operator._client = server = Server(incident)
    return operator, server


def test_the_task_opens_the_ticket_or_waits_or_is_skipped(start: Start) -> None:
    site = start(troubles={"create": [(429, "7"), None]})
    operator, server = step(an_incident())
    assert operator.execute({}) is None
    assert operator.execute({}) == f"{site.url}/browse/PAY-1"
    assert [(r["state"], r["retry_after"]) for r in server.recorded] == [
        ("waiting", 120.0),
        ("delivered", 0.0),
    ]
    operator, server = step(an_incident(owner="others"))
    with pytest.raises(AirflowSkipException, match="no route takes it to a project"):
        operator.execute({})
    assert server.recorded[0]["state"] == "off"


def test_a_routing_file_that_is_wrong_is_named_on_the_incident(start: Start, tmp_path: Path) -> None:
    start()
    (tmp_path / "routing.yaml").write_text("tickets:\n  - projekt: PAY\n")
    operator, server = step(an_incident())
    assert operator.execute({}) is None
    assert server.recorded[0]["problem"] == (
        "routing.yaml:2: this is no route; write a mapping with the key `project`"
    )


def test_no_secret_leaves(start: Start) -> None:
    site = start()
    secrets = planted("q7Kx2")
    said = "\n".join(text for text, _ in secrets.values())
    analysis = ANALYSIS | {"summary": said, "root_cause": {"text": said, "evidence": ["E1"]}}
    evidence = [{"id": "E1", "kind": "log", "source": "log", "observed_at": None, "text": said}]
    operator, _ = step(an_incident(title=said, analysis=analysis, evidence=evidence))
    assert operator.execute({})
    written = json.dumps([body for *_, body in site.requests], ensure_ascii=False)
    assert [kind for kind, (_, secret) in secrets.items() if secret in written] == []
