"""Why Slack took nothing, in one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from rca_plugin.worker.recipient import DeliveryError
from rca_plugin.worker.retry_after import retry_after

_ACCESS = "set the password of the connection to the bot token of an app that is installed"
_INVITE = "invite the app to the channel with /invite"
_WHAT_TO_DO: Mapping[str, str] = {
    "channel_not_found": f"check the channel's id in the routing file, and for a private channel {_INVITE}",
    "not_in_channel": _INVITE,
    "is_archived": "name another channel in the routing file, or unarchive this one",
    "restricted_action": "let apps post in the channel, in its settings",
    "invalid_auth": _ACCESS,
    "not_authed": _ACCESS,
    "account_inactive": _ACCESS,
    "token_revoked": _ACCESS,
    "token_expired": _ACCESS,
    "not_allowed_token_type": f"{_ACCESS}; it begins with xoxb-",
    "missing_scope": "add the scope to the app and install it again",
    "cant_update_message": "the message is another app's: use the token of the app that posted it",
    "edit_window_closed": "let messages be edited, in the settings of the workspace",
    "metadata_too_large": "this is a mistake of the plugin",
    "msg_too_long": "this is a mistake of the plugin",
    "msg_blocks_too_long": "this is a mistake of the plugin",
    "invalid_blocks": "this is a mistake of the plugin",
    "ratelimited": "it is tried again later",
    "rate_limited": "it is tried again later",
}
_GONE = ("channel_not_found", "is_archived")
_CODE_CHARS = 60


class ChannelGoneError(DeliveryError):
    """Nothing can be said in the channel any more, or by us."""


def refusal(error: Exception) -> DeliveryError:
    """What an exception of the hook or the client means. Never in the words of an answer, which may repeat anything."""
    try:
        from slack_sdk.errors import SlackApiError
    except ImportError:
        return DeliveryError("apache-airflow-providers-slack is not installed on this worker")
    if isinstance(error, SlackApiError):
        wait = retry_after(error, datetime.now(timezone.utc)) or 0.0
        is_gone = _data(error.response).get("error") in _GONE
        return (ChannelGoneError if is_gone else DeliveryError)(
            f"Slack answered {_answer(error.response)}", wait
        )
    if isinstance(error, (OSError, EOFError)) or type(error).__module__ == "http.client":
        return DeliveryError(f"Slack could not be reached: {_cause(error)}")
    return DeliveryError(f"Slack answered something that cannot be read ({type(error).__name__})")


def _answer(response: Any) -> str:
    data = _data(response)
    code = str(data.get("error") or "")
    if not code.replace("_", "").isalnum() or len(code) > _CODE_CHARS:
        # Of a body that is not JSON, slack-sdk 3.47 makes an error that holds the body.
        return f"{response.status_code}, and something that cannot be read"
    said = f"{code} ({data['needed']:.100})" if isinstance(data.get("needed"), str) else code
    # No colon: what follows `invalid_auth: ` would be redacted as a secret.
    return f"{said}; {_WHAT_TO_DO[code]}" if code in _WHAT_TO_DO else f"{said} ({response.status_code})"


def _data(response: Any) -> dict[str, Any]:
    return response.data if isinstance(response.data, dict) else {}


def _cause(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return type(reason if isinstance(reason, BaseException) else error).__name__
