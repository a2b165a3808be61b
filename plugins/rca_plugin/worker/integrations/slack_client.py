"""The client of slack-sdk, as the provider's hook makes it from a connection."""

from __future__ import annotations

import logging
from typing import Any

from rca_plugin.core.protected_url import is_protected
from rca_plugin.worker.recipient import DeliveryError

# A call that is well takes a tenth of a second.
CALL_SECONDS = 5


def client_of(conn_id: str) -> Any:
    """The client that asks with the token of a connection. Raises DeliveryError where that would be sent openly."""
    from airflow.providers.slack.hooks.slack import SlackHook

    # No handlers: the server decides when the next try is. By itself, slack-sdk tries again after a lost connection,
    # whatever came of the first.
    hook = SlackHook(slack_conn_id=conn_id, timeout=CALL_SECONDS, retry_handlers=[], logger=_silent())
    client = hook.client
    if not is_protected(client.base_url):
        raise DeliveryError("Slack must be reached by https: see base_url in the extra of the connection")
    return client


def _silent() -> logging.Logger:
    """For slack-sdk, which logs the beginning of an answer it cannot read: what others say in the channel."""
    logger = logging.getLogger(f"{__name__}.client")
    logger.setLevel(logging.CRITICAL + 1)
    return logger
