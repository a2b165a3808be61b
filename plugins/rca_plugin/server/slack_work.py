"""The work of a click, in a thread of its own: Slack gives up on us after three seconds, whatever hangs."""

from __future__ import annotations

import logging
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread

from rca_plugin.core.slack_click import Click
from rca_plugin.server import clicks, slack_people, slack_reply
from rca_plugin.server.click_outcome import Outcome
from rca_plugin.server.group_commit import BusyError

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.5
# Asking Slack and the database may hang: no more than so many threads of this process are lost to them.
_PLACES = BoundedSemaphore(8)


def take(click: Click) -> str:
    """Do what a click asks for; answer what became of it, or `running` when that takes longer than Slack waits.

    Whoever clicked is told in any case. Raises BusyError while too many clicks are under way.
    """
    if not _PLACES.acquire(blocking=False):
        raise BusyError
    done: SimpleQueue[str] = SimpleQueue()
    # Not in the context of the request: FAB would look for permissions in the Flask app of the plugins.
    Thread(target=_run, args=(click, done), name="rca-slack-click", daemon=True).start()
    try:
        return done.get(timeout=PATIENCE_SECONDS)
    except Empty:
        return "running"


def _run(click: Click, done: SimpleQueue[str]) -> None:
    try:
        outcome = _outcome(click)
        done.put(outcome.result)
        slack_reply.tell(click.response_url, outcome.text)
    except Exception:
        log.exception("A click in Slack could not be answered")
    finally:
        _PLACES.release()


def _outcome(click: Click) -> Outcome:
    try:
        return clicks.act(click, slack_people.who(click))
    except Exception:
        log.exception("A click in Slack did nothing")
        return Outcome("refused", "That could not be done now. Try again; the API server's log says why.")
