"""Tells channels once a day what happened, where the routing file says so."""

from __future__ import annotations

import math
import time
from datetime import datetime
from typing import Any

from rca_plugin.bounded_call import within
from rca_plugin.core.delivery import DeliveryState
from rca_plugin.core.digest import Period
from rca_plugin.worker.client import RcaClient
from rca_plugin.worker.deliveries import Outcome
from rca_plugin.worker.integrations.slack import Slack
from rca_plugin.worker.masking import redactor
from rca_plugin.worker.recipient import DeliveryError, NotSetUpError


def tell(client: RcaClient, channel: str, period: Period, seconds: float) -> Outcome:
    """Try once, for at most about so many seconds; the server says whether it is time to.

    Raises ServerError while the server cannot be reached: then the lease ends by itself, and another tries.
    """
    claim = client.claim_digest(channel, period)
    if not claim["granted"]:
        return Outcome(None, claim["reason"])
    outcome = _attempt(channel, claim, seconds)
    client.record_digest(claim["id"], {"lease": claim["lease"], "version": 1} | outcome.to_json())
    return outcome


def _attempt(channel: str, claim: dict[str, Any], seconds: float) -> Outcome:
    try:
        slack = Slack.connect()
        content = redactor().tree(claim["content"])
        recorded_at = datetime.fromisoformat(claim["recorded_at"].replace("Z", "+00:00"))
        deadline = time.monotonic() + seconds
        became = within(seconds, lambda: slack.tell_of_day(channel, content, recorded_at, deadline))
        return Outcome(DeliveryState.DELIVERED, reference=became)
    except NotSetUpError as error:
        # Somebody wants one: that there is no connection is a fault here.
        return Outcome(DeliveryState.WAITING, str(error))
    except DeliveryError as error:
        return Outcome(DeliveryState.WAITING, str(error), error.retry_after)
    except TimeoutError:
        return Outcome(DeliveryState.WAITING, f"no answer within {math.ceil(seconds)} seconds")
