"""Why Jira took nothing, in one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from rca_plugin.worker.recipient import DeliveryError
from rca_plugin.worker.retry_after import retry_after

_WHAT_TO_DO: Mapping[int, str] = {
    401: "check login and password (API token) of the connection",
    403: "let its user browse the project, and create, edit, transition and comment on issues",
    404: "check the host of the connection, and the project in the routing file",
}
_MOST_ERRORS = 5


class RefusedError(DeliveryError):
    """Jira read it, and did nothing (400). `fields`: what it says of each field that is wrong."""

    def __init__(self, problem: str, fields: Mapping[str, str]) -> None:
        super().__init__(problem)
        self.fields = fields


def refusal(response: Any, what: str) -> DeliveryError:
    """What an answer that is no success means; `what` was asked for."""
    status = response.status_code
    if status == 400:
        return _refused(_json(response), what)
    advice = f": {_WHAT_TO_DO[status]}" if status in _WHAT_TO_DO else ""
    return DeliveryError(f"Jira answered {status} to {what}{advice}", _wait(response))


def unreachable(error: Exception) -> DeliveryError:
    """What an exception of the hook or the client means. Never in its own words: they repeat the address."""
    if isinstance(error, ImportError):
        return DeliveryError("apache-airflow-providers-atlassian-jira is not installed on this worker")
    return DeliveryError(f"Jira could not be reached: {type(error).__name__}")


def _refused(answer: Any, what: str) -> RefusedError:
    known = answer if isinstance(answer, dict) else {}
    errors, messages = known.get("errors"), known.get("errorMessages")
    fields = {str(n): str(text) for n, text in (errors if isinstance(errors, dict) else {}).items()}
    said = [f"{name}: {text}" for name, text in fields.items()]
    said += [str(text) for text in (messages if isinstance(messages, list) else [])]
    return RefusedError(
        f"Jira refused {what}: {'; '.join(said[:_MOST_ERRORS]) or 'it does not say why'}", fields
    )


def _json(response: Any) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _wait(response: Any) -> float:
    from requests import HTTPError

    return retry_after(HTTPError(response=response), datetime.now(timezone.utc)) or 0.0
