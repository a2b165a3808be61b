"""Why Azure Blob Storage took nothing, in one sentence."""

from __future__ import annotations

from datetime import datetime, timezone

from rca_plugin.worker.recipient import DeliveryError
from rca_plugin.worker.retry_after import retry_after

_SERVICE = "Azure Blob Storage"
_DEEPEST = 6


def refusal(error: Exception) -> DeliveryError:
    """What an exception of the hook or the client means.

    Never in the words of an error of the connection: they repeat the URL, and that may hold a SAS token.
    """
    if isinstance(error, ImportError):
        return DeliveryError("apache-airflow-providers-microsoft-azure is not installed on this worker")
    from azure.core.exceptions import AzureError, HttpResponseError

    if isinstance(error, HttpResponseError) and error.response is not None:
        wait = retry_after(error, datetime.now(timezone.utc)) or 0.0
        code = code_of(error)
        return DeliveryError(f"{_SERVICE} answered {error.status_code}{code and f' ({code})'}", wait)
    if isinstance(error, HttpResponseError):
        # Of azure-identity, before anything was asked: ClientAuthenticationError, CredentialUnavailableError.
        return DeliveryError(f"no access to {_SERVICE}: {type(error).__name__}: {error.message}")
    if isinstance(error, AzureError):
        return DeliveryError(f"{_SERVICE} could not be reached: {_cause(error)}")
    return DeliveryError(f"the connection to {_SERVICE} cannot be used: {type(error).__name__}: {error}")


def code_of(error: object) -> str:
    """What Azure calls it, such as ServerBusy; empty where it did not say."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _cause(error: BaseException) -> str:
    """The innermost name: azure-core wraps what requests wraps, which wraps what urllib3 says."""
    for _ in range(_DEEPEST):
        held = (getattr(error, "inner_exception", None), getattr(error, "reason", None), *error.args)
        inner = next((value for value in held if isinstance(value, BaseException)), None)
        if inner is None:
            break
        error = inner
    return type(error).__name__
