"""Where incidents go: what a routing file says, and what it may not say."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from rca_plugin.core.data import data_folder
from rca_plugin.core.routing import SUMMARY, Routing
from rca_plugin.core.routing_file import load_routing
from rca_plugin.core.yaml_file import RuleError

INCIDENT: dict[str, Any] = {
    "source": "databricks", "environment": "production", "resource": "harbor", "owner": "payments",
    "category": "timeout", "severity": "High", "priority": "P2",
    "failures": [{"labels": {"cluster_id": "0203", "owner": "mallory"}, "message": "late", "task_id": None}],
}  # fmt: skip
FULL = """
tickets:
  - when: ['owner="payments"', 'priority=~"P1|P2"']
    project: PAY
    summary: "$resource: $cause"
    priorities: {P1: Blocker}
    labels: [airflow]
    components: [Pipelines]
    assignees: {ada: 42, "*": grace}
    fields: {customfield_1: "$cluster_id", customfield_2: [{value: Data}], customfield_3: 2.5}
    transitions: {done: Resolve}
  - project: DATA
channels:
  - when: ['cluster_id="0203"']
    channel: C0000000001
  - channel: C0000000002
"""


_TWICE = "digests:\n  - {channel: C0123456789, at: '09:00', time_zone: UTC}"
_DIGEST = "digests:\n  - {channel: C0123456789"


def routing(tmp_path: Path, text: str) -> Routing:
    file = tmp_path / "routing.yaml"
    file.write_text(text)
    return load_routing(file)


def test_the_first_route_that_matches_is_taken(tmp_path: Path) -> None:
    routes = routing(tmp_path, FULL)
    taken = routes.ticket(INCIDENT)
    assert taken and (taken.project, taken.summary, taken.labels) == (
        "PAY",
        "$resource: $cause",
        ("airflow",),
    )
    assert taken.assignees == {"ada": "42", "*": "grace"}
    assert taken.fields == {
        "customfield_1": "$cluster_id", "customfield_2": [{"value": "Data"}], "customfield_3": 2.5,
    }  # fmt: skip
    other = routes.ticket(INCIDENT | {"priority": "P3"})
    assert other and (other.project, other.issue_type, other.summary) == ("DATA", "Bug", SUMMARY)


def test_labels_of_the_latest_failure_are_facts_but_take_no_other_facts_name(tmp_path: Path) -> None:
    routes = routing(tmp_path, FULL)
    assert routes.channel(INCIDENT) == "C0000000001"
    assert routes.channel(INCIDENT | {"failures": []}) == "C0000000002"
    foreign = routes.ticket(INCIDENT | {"owner": None})
    assert foreign and foreign.project == "DATA"


@pytest.mark.parametrize(
    ("said", "at"), [('"09:00"', time(9)), ("09:00", time(9)), ("10:30", time(10, 30)), ("0:05", time(0, 5))]
)
def test_a_digest_has_a_time_of_day_however_yaml_reads_it(tmp_path: Path, said: str, at: time) -> None:
    [digest] = routing(tmp_path, f"{_DIGEST}, at: {said}, time_zone: Europe/Berlin}}").digests
    assert (digest.channel, digest.at, digest.time_zone.key) == ("C0123456789", at, "Europe/Berlin")


def test_nothing_is_sent_until_somebody_says_where_to() -> None:
    shipped = load_routing(data_folder() / "routing.yaml")
    assert shipped.ticket(INCIDENT) is None
    assert shipped.channel(INCIDENT) is None
    assert shipped.digests == ()


def test_the_examples_in_the_shipped_file_are_right(tmp_path: Path) -> None:
    text = (data_folder() / "routing.yaml").read_text()
    lines = [line.removeprefix("#") if line.startswith("#  ") else line for line in text.splitlines()]
    examples = re.sub(r"(?m)^(tickets|channels|digests): \[\]", r"\1:", "\n".join(lines))
    assert len(yaml.safe_load(examples)["tickets"]) == 2
    routes = routing(tmp_path, examples)
    taken = routes.ticket(INCIDENT)
    assert taken and taken.assignees["*"]
    assert len(routes.digests) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ticket: []", "routing.yaml:1: unknown key 'ticket'; did you mean 'tickets'?"),
        ("tickets: []\nchannels: x", "routing.yaml:2: channels is no list"),
        ("tickets:\n  - PAY", "routing.yaml:2: this is no route"),
        ("tickets:\n  - project: ''", "routing.yaml:2: project is ''"),
        ("tickets:\n  - project: P\n    prioritys: {}", "routing.yaml:3: unknown key 'prioritys'; did you mean"),
        ("tickets:\n  - project: P\n    priorities: {P5: Low}", "routing.yaml:3: priorities has 'P5'"),
        ("tickets:\n  - project: P\n    transitions: {closed: X}", "routing.yaml:3: transitions has 'closed'"),
        ("tickets:\n  - project: P\n    summary: costs 5 $", "routing.yaml:3: summary has a $ that begins no"),
        ("tickets:\n  - project: P\n    fields: {summary: x}", "routing.yaml:3: fields has 'summary'"),
        ("tickets:\n  - project: P\n    fields: {a: [{b: $}]}", "routing.yaml:3: fields has a $"),
        ("tickets:\n  - project: P\n    labels: [two words]", "routing.yaml:3: label 'two words' has a space"),
        ("tickets:\n  - project: P\n    labels: x", "routing.yaml:3: labels is no list"),
        ("tickets:\n  - project: P\n    assignees: [x]", "routing.yaml:3: assignees is no mapping"),
        ("tickets:\n  - project: P\n    when: ['owner~x']", "routing.yaml:3: when: matchers: cannot read"),
        ("channels:\n  - channel: C0123456789\n    when: ['owner=~\"(\"']", "routing.yaml:3: when: matchers: owner: "),
        ("channels:\n  - channel: '#alerts'", "routing.yaml:2: channel is '#alerts'; write its id"),
        (f"{_DIGEST}, time_zone: UTC}}", "routing.yaml:2: at is None; write a time of day"),
        (f"{_DIGEST}, at: 25:00, time_zone: UTC}}", "routing.yaml:2: at is 1500; write a time of day"),
        (f"{_DIGEST}, at: noon, time_zone: UTC}}", "routing.yaml:2: at is 'noon'; write a time of day"),
        (f"{_DIGEST}, at: true, time_zone: UTC}}", "routing.yaml:2: at is True; write a time of day"),
        (f"{_DIGEST}, at: '9:00'}}", "routing.yaml:2: time_zone is None"),
        (f"{_DIGEST}, at: '9:00', time_zone: ../UTC}}", "routing.yaml:2: time_zone: '../UTC' is not"),
        (f"{_DIGEST}, when: x}}", "routing.yaml:2: unknown key 'when'"),
        (f"{_TWICE}{_TWICE[8:]}", "routing.yaml:3: there is one digest for a channel"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(RuleError) as error:
        routing(tmp_path, text)
    assert str(error.value).startswith(complaint)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"missing; \[rca\] routing_file names the file"):
        load_routing(tmp_path / "nowhere.yaml")
