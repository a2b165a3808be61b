"""A site of Jira, Cloud by version 3 of its API or Data Center by version 2, as far as tickets of incidents need it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.fakes.trouble import Service, ServiceHandler, Trouble, running

LOGIN, TOKEN = "rca@example.com", "jira-token-of-these-tests"
#: Of the connection's user, and of somebody else.
OURS, THEIRS = "acc-rca", "acc-grace"
CATEGORIES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done", "Rejected": "done"}
_CALLS = (
    ("GET", r"issue/(?P<key>[^/]+)", "look"),
    ("PUT", r"issue/(?P<key>[^/]+)", "edit"),
    ("POST", r"issue", "create"),
    ("GET", r"myself", "myself"),
    ("POST", r"search(/jql)?", "search"),
    ("GET", r"issue/(?P<key>[^/]+)/transitions", "transitions"),
    ("POST", r"issue/(?P<key>[^/]+)/transitions", "transition"),
    ("GET", r"issue/(?P<key>[^/]+)/comment", "comments"),
    ("POST", r"issue/(?P<key>[^/]+)/comment", "comment"),
    ("PUT", r"issue/(?P<key>[^/]+)/properties/(?P<name>[^/]+)", "note"),
)


@dataclass
class Issue:
    key: str
    fields: dict[str, Any]
    status: str = "To Do"
    properties: dict[str, Any] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    histories: list[dict[str, Any]] = field(default_factory=list)
    #: Whether a search finds it.
    indexed: bool = True


@dataclass
class Site(Service):
    """`transitions` are those of all statuses, (name, to, required fields); `acts` says whether what goes wrong
    goes wrong after the site acted. `lacks` are fields that no screen has. `moved`: old key to new. `lags`: its search
    finds new tickets only once they are indexed.
    """

    cloud: bool = True
    acts: bool = True
    issues: dict[str, Issue] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    transitions: list[tuple[str, str, dict[str, Any]]] = field(
        default_factory=lambda: [("Back", "To Do", {}), ("Start", "In Progress", {}), ("Finish", "Done", {})]
    )
    lacks: set[str] = field(default_factory=set)
    lags: bool = False
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    answers: list[tuple[str, int, Any]] = field(default_factory=list)
    proofs: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connection(self, **more: Any) -> str:
        said = {"conn_type": "jira", "host": self.url, "login": LOGIN, "password": TOKEN}
        return json.dumps({**said, "extra": {"cloud": self.cloud}, **more})

    def error(self, status: int) -> Mapping[str, Any]:
        return {"errorMessages": [f"something about {status}"], "errors": {}}

    @property
    def version(self) -> str:
        return "3" if self.cloud else "2"

    def issue(self) -> Issue:
        """The only one there is."""
        (only,) = self.issues.values()
        return only

    def known(self, key: str) -> Issue | None:
        return self.issues.get(self.moved.get(key, key))

    def change(self, at: datetime | None = None, **values: Any) -> None:
        """Somebody changes fields, or the status."""
        issue = self.issue()
        issue.status = values.pop("status", issue.status)
        issue.fields |= values
        self.remember(issue, THEIRS, (values or {"status": None}).keys(), at)

    def remember(self, issue: Issue, by: str, names: Iterable[str], at: datetime | None = None) -> None:
        person = "accountId" if self.cloud else "name"
        written = f"{at or datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}"[:-3]
        items = [{"field": name, "fieldtype": "jira", "fieldId": name} for name in names]
        issue.histories.append(
            {"id": "1", "author": {person: by}, "created": f"{written}+0000", "items": items}
        )

    def index(self) -> None:
        for issue in self.issues.values():
            issue.indexed = True

    def delete(self) -> None:
        self.issues.clear()

    def move(self, old: str, new: str) -> None:
        issue = self.issues.pop(old)
        issue.key, self.issues[new], self.moved[old] = new, issue, new

    # The calls

    def act(self, call: str, at: Mapping[str, str], query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        issue = self.known(at["key"]) if "key" in at else None
        if "key" in at and issue is None:
            return 404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]}
        if call == "create":
            return self._create(body)
        if call == "search":
            return self._search(body)
        if call == "myself":
            return 200, {"displayName": "RCA", "active": True}
        assert issue
        return getattr(self, f"_{call}")(issue, at, query, body)  # type: ignore[no-any-return]

    def _create(self, body: Any) -> tuple[int, Any]:
        if wrong := self._wrong(body["fields"]):
            return 400, {"errorMessages": [], "errors": wrong}
        key = f"{body['fields']['project']['key']}-{len(self.issues) + 1}"
        properties = {p["key"]: p["value"] for p in body.get("properties", [])}
        fields = {n: v if self._says(v) else None for n, v in body["fields"].items()}
        self.issues[key] = Issue(key, fields, properties=properties, indexed=not self.lags)
        return 201, {"id": str(10_000 + len(self.issues)), "key": key, "self": f"{self.url}/{key}"}

    def _search(self, body: Any) -> tuple[int, Any]:
        found = re.fullmatch(r'labels = "([^"]+)" ORDER BY created ASC, key ASC', body["jql"])
        assert found, body
        issues = [i for i in self.issues.values() if i.indexed and found[1] in i.fields.get("labels", [])]
        shown = [{"id": "10001", "key": i.key, "fields": {"labels": i.fields["labels"]}} for i in issues]
        rest = {"isLast": True} if self.cloud else {"startAt": 0, "maxResults": 2, "total": len(issues)}
        return 200, {"issues": shown, **rest}

    def _changelog(self, issue: Issue, at: Any, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        assert query["expand"] == "changelog"
        status, answer = self._look(issue, at, query, body)
        creator = {"accountId" if self.cloud else "name": OURS}
        histories = issue.histories[::-1] if self.cloud else issue.histories
        answer["fields"]["creator"] = creator
        known = {"startAt": 0, "maxResults": 100, "total": len(histories), "histories": histories}
        return status, answer | {"changelog": known}

    def _look(self, issue: Issue, at: Any, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        status = {"name": issue.status, "statusCategory": {"key": CATEGORIES[issue.status]}}
        fields = {n: issue.fields.get(n) for n in query["fields"].split(",")} | {"status": status}
        if "updated" in fields:
            fields["updated"] = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.000+0000}"
        if not self.cloud and fields.get("description"):
            fields["description"] = fields["description"].replace("\n", "\r\n")
        properties = {n: v for n, v in issue.properties.items() if n == query.get("properties")}
        return 200, {"id": "10001", "key": issue.key, "fields": fields, "properties": properties}

    def _edit(self, issue: Issue, at: Any, query: Any, body: Any) -> tuple[int, Any]:
        if wrong := self._wrong(body["fields"]):
            return 400, {"errorMessages": [], "errors": wrong}
        issue.fields |= {n: v if self._says(v) else None for n, v in body["fields"].items()}
        self.remember(issue, OURS, body["fields"])
        issue.properties |= {p["key"]: p["value"] for p in body.get("properties", [])}
        return 204, None

    def _note(self, issue: Issue, at: Mapping[str, str], query: Any, body: Any) -> tuple[int, Any]:
        new = at["name"] not in issue.properties
        issue.properties[at["name"]] = body
        return (201 if new else 200), None

    def _transitions(self, issue: Issue, at: Any, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        assert query["expand"] == "transitions.fields"
        shown = [
            {
                "id": str(place),
                "name": name,
                "to": {"name": to, "statusCategory": {"key": CATEGORIES[to]}},
                "fields": fields,
            }
            for place, (name, to, fields) in enumerate(self.transitions, 11)
        ]
        return 200, {"transitions": shown}

    def _transition(self, issue: Issue, at: Any, query: Any, body: Any) -> tuple[int, Any]:
        _, to, required = self.transitions[int(body["transition"]["id"]) - 11]
        if missing := required.keys() - body.get("fields", {}).keys():
            return 400, {"errorMessages": [], "errors": dict.fromkeys(missing, "is required.")}
        issue.status = to
        self.remember(issue, OURS, ["status"])
        return 204, None

    def _comments(self, issue: Issue, at: Any, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        assert query["orderBy"] == "-created"
        shown = issue.comments[::-1][: int(query["maxResults"])]
        return 200, {"comments": shown, "startAt": 0, "maxResults": 100, "total": len(issue.comments)}

    def _comment(self, issue: Issue, at: Any, query: Any, body: Any) -> tuple[int, Any]:
        now = datetime.now(timezone.utc)
        said = {"id": str(len(issue.comments) + 1), "created": f"{now:%Y-%m-%dT%H:%M:%S.000+0000}", **body}
        issue.comments.append(said)
        return 201, said

    def _says(self, value: Any) -> bool:
        """Nobody is a person without an id."""
        return value not in ({"accountId": None}, {"name": None})

    def _wrong(self, fields: Mapping[str, Any]) -> dict[str, str]:
        shape = dict if self.cloud else str
        wrong = {
            n: f"Field '{n}' cannot be set. It is not on the appropriate screen."
            for n in self.lacks & set(fields)
        }
        if "description" in fields and not isinstance(fields["description"], shape):
            wrong["description"] = "Operation value must be an Atlassian Document"
        if len(fields.get("summary", "")) > 255 or "\n" in fields.get("summary", ""):
            wrong["summary"] = (
                "The summary is invalid because it contains newline characters, or is too long."
            )
        return wrong


class _Handler(ServiceHandler):
    service: Site

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        parts, query = urlsplit(self.path), dict(parse_qsl(urlsplit(self.path).query))
        call, at = self._called(unquote(parts.path))
        call = "changelog" if call == "look" and "expand" in query else call
        self.service.proofs.add(self.headers.get("Authorization") or "")
        trouble = self.service.trouble(call)
        status, answer = (404, {}) if call == "unknown" else (200, {})
        if call != "unknown" and (trouble is None or self.service.acts):
            status, answer = self.service.act(call, at, query, body)
            self.service.requests.append((self.command, parts.path, query, body))
            self.service.answers.append((call, status, answer))
        self._out(trouble, status, b"" if answer is None else json.dumps(answer).encode())

    def _out(self, trouble: Trouble | None, status: int, content: bytes) -> None:
        try:
            if trouble is None:
                self._send(status, content)
            else:
                self._go_wrong(trouble, content)
        except OSError:
            """The client went away."""

    def _called(self, path: str) -> tuple[str, dict[str, str]]:
        place = path.removeprefix(f"/rest/api/{self.service.version}/")
        for method, pattern, call in _CALLS:
            if method == self.command and (found := re.fullmatch(pattern, place)):
                return call, found.groupdict()
        return "unknown", {}

    do_GET = do_POST = do_PUT = _answer  # noqa: N815


def basic() -> str:
    return "Basic " + base64.b64encode(f"{LOGIN}:{TOKEN}".encode()).decode()


@contextmanager
def jira(*, cloud: bool = True, **more: Any) -> Iterator[Site]:
    """Run one on a free port."""
    site = Site(cloud=cloud, **more)
    with running(site, _Handler):
        yield site
