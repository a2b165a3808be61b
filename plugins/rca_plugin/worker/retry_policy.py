"""For DAG authors: `@task(retries=5, retry_policy=RcaRetryPolicy())`, or the same in `default_args`.

Needs Airflow 3.3, which calls it in the task process. A DAG file imports this module, in the DAG processor too:
whatever is heavy is imported when a try has failed.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.retry_policy import RetryAction, RetryDecision, RetryPolicy

from rca_plugin.core.text import head
from rca_plugin.worker.exception import text_of
from rca_plugin.worker.retry_decision import remember

if TYPE_CHECKING:
    from rca_plugin.core.classification import Classification

log = logging.getLogger(__name__)

# For an exception that takes its time to say what it is; without one, a decision takes a fraction of a second.
_SECONDS = 5.0
# What Airflow 3.3 keeps of a reason, and our reports of a label.
_REASON_CHARS = 500
_MATCHED_CHARS = 300
# So that those who were sent away together do not come back together, nor earlier than they were told.
_RETRY_AFTER_SPREAD = 0.1


@dataclass(frozen=True, kw_only=True)
class RcaRetryPolicy(RetryPolicy):
    """Repeat what may pass, stop at once what cannot, leave what is unknown to the task's own settings.

    base: the longest wait after the first failed try; it doubles with each try (full jitter).
    cap: the longest wait of all.
    retry_after_cap: the longest wait that a service may ask for with Retry-After.
    chance: answers a number from 0.0 to 1.0; only a test sets it.

    Raises ValueError for waits that are not positive, or a cap below the base.
    """

    base: timedelta = timedelta(seconds=30)
    cap: timedelta = timedelta(minutes=10)
    retry_after_cap: timedelta = timedelta(hours=1)
    chance: Callable[[], float] = field(default=random.random, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not timedelta(0) < self.base <= self.cap:
            raise ValueError("RcaRetryPolicy: base must be more than 0 and not more than cap")
        if self.retry_after_cap <= timedelta(0):
            raise ValueError("RcaRetryPolicy: retry_after_cap must be more than 0")

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Any = None,  # noqa: ARG002
    ) -> RetryDecision:
        """Decide about a failed try, within seconds. Raises nothing: a failure in here is Airflow's default."""
        decided: list[RetryDecision] = []
        try:
            # A daemon: an exception whose text never ends must not keep the process.
            thread = threading.Thread(
                target=self._decide, args=(decided, exception, try_number, max_tries), daemon=True
            )
            thread.start()
            thread.join(_SECONDS)
        except Exception as problem:  # such as: no thread to be had
            decided.append(_failed(problem))
        decision = decided[0] if decided else _undecided(f"no decision within {_SECONDS:g} s")
        remember(exception, decision.reason or "")
        return decision

    def serialize(self) -> dict[str, float]:
        """The policy as JSON, in seconds. Airflow 3.3 itself stores of a policy only that there is one."""
        return {
            "base": self.base.total_seconds(),
            "cap": self.cap.total_seconds(),
            "retry_after_cap": self.retry_after_cap.total_seconds(),
        }

    @classmethod
    def deserialize(cls, data: dict[str, float]) -> RcaRetryPolicy:
        """The inverse of `serialize`."""
        return cls(
            base=timedelta(seconds=data["base"]),
            cap=timedelta(seconds=data["cap"]),
            retry_after_cap=timedelta(seconds=data["retry_after_cap"]),
        )

    def _decide(
        self, decided: list[RetryDecision], error: BaseException, try_number: int, max_tries: int
    ) -> None:
        # Nothing may leave this thread, SystemExit of anybody's exception class included.
        try:
            decided.append(self._decision(error, try_number, max_tries))
        except BaseException as problem:
            decided.append(_failed(problem))

    def _decision(self, error: BaseException, try_number: int, max_tries: int) -> RetryDecision:
        from rca_plugin.core.retry import Verdict, verdict_of
        from rca_plugin.worker.diagnosis import diagnose
        from rca_plugin.worker.retry_after import retry_after

        found = diagnose(error)
        verdict = verdict_of(found)
        if verdict is Verdict.STOP:
            return RetryDecision.fail(_reason("no retry", found))
        asked = retry_after(error, datetime.now(timezone.utc))
        if verdict is Verdict.UNDECIDED and not asked:
            return _undecided(_what(found))
        if try_number > max_tries:
            return RetryDecision.retry(reason=_reason("no tries left", found))
        return self._retry(found, asked, try_number)

    def _retry(self, found: Classification, asked: float | None, try_number: int) -> RetryDecision:
        from rca_plugin.core.retry import Backoff

        if asked:
            longest = self.retry_after_cap.total_seconds()
            seconds = min(asked * (1 + _RETRY_AFTER_SPREAD * self.chance()), longest)
            wait = f"retry in {seconds:.1f} s (Retry-After: {asked:.1f} s)"
        else:
            backoff = Backoff(self.base.total_seconds(), self.cap.total_seconds())
            seconds = backoff.seconds(try_number, self.chance())
            wait = f"retry in {seconds:.1f} s"
        return RetryDecision.retry(timedelta(seconds=seconds), _reason(wait, found))


def _failed(problem: BaseException) -> RetryDecision:
    log.warning("RCA: the retry policy failed: %s", text_of(problem))
    return _undecided(f"the policy itself failed with {type(problem).__name__}")


def _undecided(why: str) -> RetryDecision:
    return RetryDecision(
        RetryAction.DEFAULT, reason=head(f"left to the task's settings: {why}", _REASON_CHARS)
    )


def _reason(decision: str, found: Classification) -> str:
    return head(f"{decision}: {_what(found)}", _REASON_CHARS)


def _what(found: Classification) -> str:
    if found.rule is None:
        return found.category.value
    return (
        f"{found.category} (rule {found.rule}, {found.confidence:.2f}): {head(found.matched, _MATCHED_CHARS)}"
    )
