"""A pipeline fails for want of its source file: from Azure Monitor's alert to the ticket that is set to Done."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import WEBHOOK_SECRET, Site
from tests.fakes.jira import Site as Jira
from tests.fakes.jira import jira
from tests.fakes.slack import slack

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]
ALERT = Path(__file__).parents[1] / "payloads" / "azure_monitor" / "log_v1_adf_columns.json"
PATH = "landing/2026/11/25/ships.csv"
ERROR = f"ErrorCode=UserErrorSourceBlobNotExists,The required Blob is missing. ContainerName: landing, path: {PATH}."


def alert() -> dict[str, Any]:
    """The alert of our own payloads, about a file that was not there."""
    body: dict[str, Any] = json.loads(ALERT.read_text())
    table = body["data"]["alertContext"]["SearchResults"]["tables"][0]
    [failed] = [row for row in table["rows"] if row[-1] == "Failed"]
    failed[2], failed[7], failed[8] = "pl_ships", "UserErrorSourceBlobNotExists", ERROR
    table["rows"] = [failed]
    return body


def set_to_done(site: Site, ticket: Jira) -> None:
    """As a person does, and as Jira then tells us."""
    issue = ticket.issue()
    issue.status = "Done"
    body = json.dumps({
        "timestamp": int((datetime.now(timezone.utc) + timedelta(seconds=1)).timestamp() * 1000),
        "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": "issue_generic",
        "user": {"accountId": "5b10ac8d82e05b22cc7d4ef5", "displayName": "Ada"},
        "issue": {
            "id": "10001", "key": issue.key,
            "fields": {"status": {"name": "Done", "statusCategory": {"key": "done"}},
                       "project": {"key": "DATA"}, "labels": issue.fields["labels"]},
        },
        "changelog": {"id": "1", "items": [
            {"field": "status", "fromString": "To Do", "toString": "Done", "from": "1", "to": "3"}]},
    }).encode()  # fmt: skip
    signed = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    site.http.post(
        "/pluginsv2/rca/webhooks/jira",
        content=body,
        headers={"X-Hub-Signature": f"sha256={signed}", "Content-Type": "application/json"},
    ).raise_for_status()


def test_what_fails_in_data_factory_is_told_filed_and_over_when_its_ticket_is_done(site: Site) -> None:
    with (
        jira() as ticket,
        slack() as chat,
        site.connected(jira_default=ticket.connection(), slack_default=chat.connection),
    ):
        answer = site.http.post(
            "/pluginsv2/rca/webhooks/azure_monitor", params={"secret": WEBHOOK_SECRET}, json=alert()
        )
        number = answer.raise_for_status().json()["results"][0]["incident_id"]

        def incident() -> dict[str, Any]:
            return site.detail({"id": number})

        site.wait_for("ticket and message", lambda: ticket.issues and chat.messages())
        found = incident()
        assert found["category"] == "missing_data"
        assert PATH in json.dumps(found["analysis"])

        issue = ticket.issue()
        assert issue.fields["project"] == {"key": "DATA"}
        assert PATH in json.dumps(issue.fields)
        assert found["analysis"]["recommendations"][0][:40] in json.dumps(issue.fields["description"])
        [message] = chat.messages()
        assert "pl_ships" in json.dumps(message)

        site.wait_for("both on record", lambda: len(_delivered(incident(), "ticket", "message")) == 2)
        set_to_done(site, ticket)
        site.wait_for("the end of it", lambda: incident()["status"] == "resolved")
        site.wait_for("Slack", lambda: "esolved" in json.dumps(chat.messages()[0]))
        over = incident()
    assert "Ada" in over["resolved_how"]
    assert len(ticket.issues) == len(chat.messages()) == 1
    assert over["resolve_due_at"] > over["opened_at"]


def _delivered(incident: dict[str, Any], *destinations: str) -> list[str]:
    return [
        each["destination"]
        for each in incident["deliveries"]
        if each["destination"] in destinations and each["reference"]
    ]
