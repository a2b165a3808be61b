"""Where incidents go: what a routing file says, and what it may not say."""

from __future__ import annotations

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
    channel: C1
  - channel: C2
"""


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
    assert routes.channel(INCIDENT) == "C1"
    assert routes.channel(INCIDENT | {"failures": []}) == "C2"
    foreign = routes.ticket(INCIDENT | {"owner": None})
    assert foreign and foreign.project == "DATA"


def test_nothing_is_sent_until_somebody_says_where_to() -> None:
    shipped = load_routing(data_folder() / "routing.yaml")
    assert shipped.ticket(INCIDENT) is None
    assert shipped.channel(INCIDENT) is None


def test_the_examples_in_the_shipped_file_are_right(tmp_path: Path) -> None:
    text = (data_folder() / "routing.yaml").read_text()
    lines = [line.removeprefix("#") if line.startswith("#  ") else line for line in text.splitlines()]
    examples = "\n".join(lines).replace("tickets: []", "tickets:").replace("channels: []", "channels:")
    assert len(yaml.safe_load(examples)["tickets"]) == 2
    taken = routing(tmp_path, examples).ticket(INCIDENT)
    assert taken and taken.assignees["*"]


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
        ("channels:\n  - channel: C\n    when: ['owner=~\"(\"']", "routing.yaml:3: when: matchers: owner: this"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(RuleError) as error:
        routing(tmp_path, text)
    assert str(error.value).startswith(complaint)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"missing; \[rca\] routing_file names the file"):
        load_routing(tmp_path / "nowhere.yaml")
