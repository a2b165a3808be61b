"""Which user of Airflow clicked in Slack."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from rca_plugin.config import slack_users
from rca_plugin.core.slack_click import Click
from rca_plugin.server import airflow_users
from rca_plugin.server.auth import Person
from rca_plugin.server.slack_profile import SlackUnavailableError, confirmed_email

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stranger:
    """Nobody we know; `why` is for whoever clicked."""

    why: str


def who(click: Click) -> Person | Stranger:
    """The user that `[rca] slack_users` names, else the one with the same e-mail address."""
    if click.is_foreign:
        return Stranger("You are of another Slack workspace.")
    if name := slack_users().get(click.user_id):
        return airflow_users.named(name) or Stranger(
            f"[rca] slack_users says that you are {name}, but Airflow has no such user."
        )
    try:
        email = confirmed_email(click.user_id, click.team_id)
    except SlackUnavailableError as error:
        log.warning("Who clicked in Slack is not known: %s", error)
        return Stranger(
            "Slack could not be asked who you are. Try again, or have [rca] slack_users name you."
        )
    return (email and airflow_users.with_email(email)) or Stranger(
        f"Airflow does not know you ({click.user_id}). Ask for a user with your confirmed e-mail address, or to be "
        "named in [rca] slack_users."
    )
