"""Slack by the provider's own hook and client, over real sockets: one message and one set of replies, whatever goes
wrong there.
"""

from __future__ import annotations

import copy
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from rca_plugin.config import settings
from rca_plugin.core.delivery import DeliveryState, Destination
from rca_plugin.core.slack.message import message
from rca_plugin.worker import deliveries
from rca_plugin.worker.integrations import slack_client, slack_posts
from rca_plugin.worker.integrations.slack import Slack
from rca_plugin.worker.operators.delivery import NotifyOperator
from rca_plugin.worker.recipient import DeliveryError, NotSetUpError
from tests.core.incidents import incident
from tests.fakes.slack import CHANNEL, TOKEN, Workspace, slack
from tests.worker.test_blob import Server
from tests.worker.test_vendor_specs import check

OPENED = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
ROUTES = f"channels:\n  - channel: {CHANNEL}\n"
#: How often an incident that is told, and told again after a change, takes each call.
CALLS = {
    "conversations_history": 2,
    "chat_postMessage": 3,
    "chat_getPermalink": 1,
    "conversations_replies": 2,
    "chat_update": 2,
}
REFUSED = (401, 403, 404, 429, (429, "7"))
LOST = (500, "reset", "stall", "truncated", "invalid", "wrong")
_DOCUMENT = "slack/slack_web.prism.json"


@pytest.fixture(autouse=True)
def rested(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not waiting where there is no need, and with a route to the channel."""
    monkeypatch.setattr(slack_posts, "REST_SECONDS", 0.0)
    (tmp_path / "routing.yaml").write_text(ROUTES)
    monkeypatch.setenv("AIRFLOW__RCA__ROUTING_FILE", str(tmp_path / "routing.yaml"))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/")


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Workspace]]:
    """Start a workspace, with these troubles, and make it the Slack of this process."""
    with ExitStack() as stack:

        def start(**troubles: Any) -> Workspace:
            if any("stall" in had for had in troubles.values() if isinstance(had, list)):
                monkeypatch.setattr(slack_client, "CALL_SECONDS", 0.2)
            service = stack.enter_context(slack(**troubles))
            monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", service.connection)
            return service

        yield start


def told(about: Mapping[str, Any], reference: str | None = None, seconds: float = 30.0) -> str:
    return Slack.connect().deliver(about, reference, time.monotonic() + seconds)


def at_last(about: Mapping[str, Any], reference: str | None = None) -> str:
    """Tell of it again and again, as housekeeping does."""
    for _ in range(8):
        try:
            return told(about, reference)
        except DeliveryError as error:
            assert TOKEN not in str(error)
    raise AssertionError("it is never told")


def is_told_once(service: Workspace, about: Mapping[str, Any]) -> None:
    """There is one message that says it as it is, with one set of replies, and a link that leads there."""
    [posted] = service.messages()
    wanted = message(about, f"https://airflow.example.com/pluginsv2/rca/incidents/{about['id']}")
    assert posted["blocks"] == json.loads(json.dumps(wanted.blocks))
    assert posted["text"] == wanted.text
    parts = [reply["metadata"]["event_payload"]["part"] for reply in service.replies()]
    assert parts == ["reasoning", "evidence"]
    assert {reply["thread_ts"] for reply in service.replies()} == {posted["ts"]}


def link_to(posted: Mapping[str, Any]) -> str:
    return f"https://of-these-tests.slack.com/archives/{CHANNEL}/p{posted['ts'].replace('.', '')}"


def test_an_incident_is_told_once_and_its_link_leads_there(workspace: Callable[..., Workspace]) -> None:
    service = workspace()
    link = told(incident())
    is_told_once(service, incident())
    assert link == link_to(service.messages()[0])
    [first, *_] = service.asked
    # Only messages from when the incident was opened can be about it.
    assert float(first[1]["oldest"]) == pytest.approx(OPENED.timestamp() - 600)
    sent = [said for call, said in service.asked if call == "chat.postMessage"]
    unlinked = {"unfurl_links": False, "unfurl_media": False, "mrkdwn": False, "link_names": False}
    assert all(said.items() >= unlinked.items() for said in sent)


def test_what_has_not_changed_is_left_alone(workspace: Callable[..., Workspace]) -> None:
    service = workspace()
    link = told(incident())
    service.asked.clear()
    assert told(incident(), link) == told(incident(), None) == link
    assert not {call for call, _ in service.asked} & {"chat.update", "chat.postMessage"}


def test_what_has_changed_is_changed_in_place(workspace: Callable[..., Workspace]) -> None:
    service = workspace()
    link = told(incident())
    before = copy.deepcopy(service.replies())
    resolved = incident(status="resolved", resolved_how="It was started again")
    assert told(resolved, link) == link
    is_told_once(service, resolved)
    assert service.replies() == before
    assert service.times("chat.update") == 1


def test_a_message_is_changed_after_a_rest_of_a_second(
    workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = workspace()
    link = told(incident())
    rests: list[float] = []
    monkeypatch.setattr(slack_posts, "REST_SECONDS", 1.0)
    monkeypatch.setattr(slack_posts.time, "sleep", lambda seconds: rests.append(seconds))
    other = incident(analysis=None) | {"analysis": {**incident()["analysis"], "summary": "Another."}}
    told(other | {"status": "acknowledged"}, link)
    # The message and a reply: each at most once, so that one rest is enough.
    updated = [said["ts"] for call, said in service.asked if call == "chat.update"]
    assert (rests, len(updated)) == ([1.0], len(set(updated)))
    with pytest.raises(DeliveryError, match="time for it was over"):
        told(incident(), link, seconds=0.9)


@pytest.mark.parametrize(
    ("trouble", "unheard"),
    [*((refused, True) for refused in REFUSED), *itertools.product(LOST, (False, True))],
    ids=str,
)
@pytest.mark.parametrize("call", CALLS)
def test_whatever_goes_wrong_there_is_one_message_in_the_end(
    workspace: Callable[..., Workspace], call: str, trouble: Any, unheard: bool
) -> None:
    changed = incident(status="acknowledged", acknowledged_by="ada")
    changed["analysis"]["not_known"] = ["Nothing more"]
    for place in range(CALLS[call]):
        service = workspace(unheard=unheard, **{call: [None] * place + [trouble, None]})
        link = at_last(incident())
        is_told_once(service, incident())
        assert at_last(changed, link) == link == link_to(service.messages()[0])
        is_told_once(service, changed)
        assert service.troubles[call.replace("_", ".", 1)] == [None], "nothing went wrong"


def test_answers_lost_everywhere_at_once_make_no_second_message(workspace: Callable[..., Workspace]) -> None:
    service = workspace(
        chat_postMessage=["reset", "truncated", "invalid", None],
        conversations_replies=[None, 500, None],
    )
    link = at_last(incident())
    assert told(incident()) == link == link_to(service.messages()[0])
    is_told_once(service, incident())


def test_it_is_found_among_many_and_not_taken_for_another(workspace: Callable[..., Workspace]) -> None:
    service = workspace()
    others = [incident(id=43), incident(fingerprint="f" * 64), incident(environment="staging")]
    links = [told(other) for other in others]
    link = told(incident())
    for number in range(450):
        service.post(f"message {number}")
    assert told(incident()) == link
    assert len({link, *links}) == 4
    assert len([posted for posted in service.messages() if "metadata" in posted]) == 4


def test_nothing_is_posted_where_it_may_be_further_back(
    workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = workspace()
    monkeypatch.setattr(slack_posts, "_PAGE", 2)
    for number in range(41):
        service.post(f"message {number}")
    with pytest.raises(DeliveryError, match="more than 40 messages"):
        told(incident())
    assert service.times("chat.postMessage") == 0


def test_what_somebody_deleted_is_told_again(workspace: Callable[..., Workspace]) -> None:
    service = workspace()
    link = told(incident())
    service.channels[CHANNEL].clear()
    again = told(incident(), link)
    assert again != link
    is_told_once(service, incident())


def test_a_message_with_replies_that_somebody_deleted_is_told_again(
    workspace: Callable[..., Workspace],
) -> None:
    service = workspace()
    link = told(incident())
    [posted] = service.messages()
    posted |= {"subtype": "tombstone", "text": "This message was deleted.", "blocks": []}
    del posted["metadata"]
    assert told(incident(), link) != link
    assert len(service.messages()) == 2


@pytest.mark.parametrize("says_scopes", [True, False])
def test_what_could_not_be_found_again_is_not_posted_again_and_again(
    workspace: Callable[..., Workspace], says_scopes: bool
) -> None:
    service = workspace()
    service.scopes, service.says_scopes = "chat:write,channels:history", says_scopes
    if says_scopes:
        with pytest.raises(DeliveryError, match="cannot be found again: add the scope"):
            told(incident())
        assert service.messages() == []
        return
    link = told(incident())
    for status in ("acknowledged", "resolved"):
        with pytest.raises(DeliveryError, match="without its metadata: add the scope"):
            told(incident(status=status), link)
    assert len(service.messages()) == 1


def test_what_is_kept_quiet_is_told_nowhere(workspace: Callable[..., Workspace]) -> None:
    service = workspace()
    quiet = incident(
        status="suppressed", suppressed_by="incident", suppressed_why="part of storm RCA-7", parent_id=7
    )
    for silent in (quiet, quiet | {"status": "resolved", "resolved_how": "works again"}):
        with pytest.raises(NotSetUpError, match="kept quiet"):
            told(silent)
    assert service.messages() == []
    link = told(incident())
    assert told(quiet, link) == link
    is_told_once(service, quiet)


def test_only_channels_that_a_route_names_by_id_are_told(
    workspace: Callable[..., Workspace], tmp_path: Path
) -> None:
    workspace()
    routes = tmp_path / "routing.yaml"
    routes.write_text("channels:\n  - when: ['source=\"databricks\"']\n    channel: C0123456789\n")
    with pytest.raises(NotSetUpError, match="no route"):
        told(incident())
    routes.write_text("channels:\n  - channel: '#data-alerts'\n")
    with pytest.raises(DeliveryError, match="write its id"):
        told(incident())
    routes.write_text("channel: x\n")
    with pytest.raises(DeliveryError, match=r"routing\.yaml:1"):
        told(incident())


def test_an_incident_moves_on_when_its_channel_is_gone_and_its_route_names_another(
    workspace: Callable[..., Workspace], tmp_path: Path
) -> None:
    service = workspace()
    link, other = told(incident()), "C0000000002"
    resolved = incident(status="resolved")
    service.channels = {other: []}
    with pytest.raises(DeliveryError, match="channel_not_found; check the channel's id"):
        told(resolved, link)
    (tmp_path / "routing.yaml").write_text(f"channels:\n  - channel: {other}\n")
    service.refusals["chat.getPermalink"] = ["internal_error", None]
    with pytest.raises(DeliveryError, match="internal_error"):
        told(resolved, link)
    moved = told(resolved, link)
    assert f"/archives/{other}/p" in moved
    assert told(resolved, moved) == moved
    assert len(service.messages(other)) == 1
    (tmp_path / "routing.yaml").write_text("channels: []\n")
    service.channels = {}
    with pytest.raises(NotSetUpError):
        told(resolved, moved)


def test_an_incident_stays_where_it_was_told_when_its_route_changes(
    workspace: Callable[..., Workspace], tmp_path: Path
) -> None:
    service = workspace()
    link, other = told(incident()), "C0000000002"
    service.channels[other] = []
    (tmp_path / "routing.yaml").write_text(f"channels:\n  - channel: {other}\n")
    assert told(incident(status="resolved"), link) == link
    assert service.messages(other) == []


@pytest.mark.parametrize(
    ("call", "error", "expected"),
    [
        ("conversations.history", "channel_not_found", "check the channel's id"),
        ("conversations.history", "not_in_channel", "not_in_channel; invite the app"),
        ("conversations.history", "missing_scope", "missing_scope; add the scope"),
        ("chat.postMessage", "is_archived", "name another channel"),
        ("chat.postMessage", "msg_too_long", "msg_too_long; "),
        ("chat.postMessage", "ratelimited", "ratelimited; it is tried again later"),
        ("chat.postMessage", "invalid_auth", "invalid_auth; set the password of the connection"),
        ("chat.getPermalink", "of_tomorrow", r"Slack answered of_tomorrow \(200\)"),
        ("chat.postMessage", "<script> of anybody", "200, and something that cannot be read"),
    ],
)
def test_what_slack_refuses_says_what_to_do(
    workspace: Callable[..., Workspace], call: str, error: str, expected: str
) -> None:
    service = workspace()
    service.refusals[call] = [error]
    with pytest.raises(DeliveryError, match=expected):
        told(incident())


def test_slack_is_left_alone_for_as_long_as_it_asks(workspace: Callable[..., Workspace]) -> None:
    workspace(chat_postMessage=[(429, "37")])
    with pytest.raises(DeliveryError) as caught:
        told(incident())
    assert caught.value.retry_after == 37.0


def test_what_others_say_in_the_channel_does_not_get_into_the_log(
    workspace: Callable[..., Workspace], capfd: pytest.CaptureFixture[str]
) -> None:
    service = workspace(conversations_history=["invalid"])
    service.post("of somebody else: hunter2")
    with pytest.raises(DeliveryError) as caught:
        told(incident())
    written = capfd.readouterr()
    assert "hunter2" not in written.out + written.err + str(caught.value)
    assert "messages" not in written.out + written.err + str(caught.value)


def test_no_call_is_repeated_by_itself(workspace: Callable[..., Workspace]) -> None:
    service = workspace(chat_postMessage=["reset"])
    with pytest.raises(DeliveryError, match="could not be reached"):
        told(incident())
    assert service.times("chat.postMessage") == 1


@pytest.mark.parametrize("missing", ["option", "connection", "token"])
def test_without_a_connection_nothing_is_told(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    if missing == "option":
        monkeypatch.setenv("AIRFLOW__RCA__SLACK_CONN_ID", "")
    if missing == "token":
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps({"conn_type": "slack"}))
    settings.cache_clear()
    with pytest.raises(NotSetUpError):
        Slack.connect()


def test_a_token_is_sent_only_by_https(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"base_url": "http://slack.example.com/api/"}
    connection = {"conn_type": "slack", "password": TOKEN, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(connection))
    with pytest.raises(DeliveryError, match="https"):
        told(incident())


def test_the_task_tells_or_is_skipped_or_waits(
    workspace: Callable[..., Workspace],
) -> None:
    service = workspace(chat_postMessage=[503, None])
    server = Server(incident())
    operator = NotifyOperator(task_id="notify", incident_id="42")
    operator._client = server
    assert operator.execute({}) is None
    assert operator.execute({}) == link_to(service.messages()[0])
    assert [attempt["state"] for attempt in server.recorded] == ["waiting", "delivered"]
    server.kept = incident(suppressed_by="silence", status="suppressed", fingerprint="e" * 64)
    server.recorded.clear()
    with pytest.raises(AirflowSkipException, match="Nobody is told: it is kept quiet"):
        operator.execute({})
    assert server.recorded[0]["state"] == DeliveryState.OFF.value


def test_nothing_is_begun_when_the_time_is_over(workspace: Callable[..., Workspace]) -> None:
    service = workspace()
    with pytest.raises(DeliveryError, match="time for it was over"):
        told(incident(), seconds=0.0)
    assert service.asked == []


def test_an_answer_that_trickles_ends_with_the_time_for_it(workspace: Callable[..., Workspace]) -> None:
    workspace(chat_postMessage=["trickle"])
    outcome = deliveries.deliver(Server(incident()), 42, Destination.MESSAGE, seconds=0.5)
    assert (outcome.state, outcome.problem) == (DeliveryState.WAITING, "no answer within 1 seconds")


def test_we_ask_and_the_fake_answers_as_documented(workspace: Callable[..., Workspace], shared: Path) -> None:
    service = workspace()
    link = told(incident())
    told(incident(status="resolved"), link)
    paths = json.loads((shared / "specs" / _DOCUMENT).read_text())["paths"]
    answered = {}
    for call, said in list(service.asked):
        documented = paths[f"/{call}"]["post"]
        named = {parameter["name"]: parameter for parameter in documented["parameters"]}
        # The document is from before there was metadata.
        for name in said.keys() - {"include_all_metadata"} if "channel" in named else ():
            assert name in named, f"{call} has no {name}"
        answered[call] = service.act(call, said)
        check(
            shared, _DOCUMENT, f"#/paths/~1{call}/post/responses/200/schema", without_metadata(answered[call])
        )
    assert len(answered) == len(CALLS)


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    known = {name: answer[name] for name in answer if name != "response_metadata"}
    return (
        {**known, "messages": [_old(posted) for posted in known["messages"]]}
        if "messages" in known
        else known
    )


def _old(posted: dict[str, Any]) -> dict[str, Any]:
    return {name: posted[name] for name in posted if name != "metadata"}
