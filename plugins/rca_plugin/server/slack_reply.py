"""What only the person who clicked gets to read, in Slack."""

from __future__ import annotations

import logging

import httpx

log = logging.getLogger(__name__)

# What is posted there is Slack's to show; anything else would let a payload send us to any address.
PREFIX = "https://hooks.slack.com/"
SECONDS = 2.0
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def tell(response_url: str, text: str) -> None:
    """Answer a click. What does not arrive is logged, and does not matter otherwise."""
    if not response_url.startswith(PREFIX):
        log.warning("A click in Slack is not answered: its response_url is not at %s", PREFIX)
        return
    message = {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": text.translate(_ESCAPES),
    }
    try:
        # Streamed: how long Slack takes to end its answer is nothing to us.
        with httpx.stream("POST", response_url, json=message, timeout=SECONDS) as response:
            response.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        log.warning("A click in Slack could not be answered: %s", type(error).__name__)
