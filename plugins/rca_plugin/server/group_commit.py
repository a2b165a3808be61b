"""Let requests that arrive at the same time share one transaction.

The first to come does the work of all that wait, then hands over to the next: there is one transaction at a
time in a process, so requests neither wait for each other's row locks nor commit one by one, and the pool of
connections cannot be emptied by us.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class BusyError(Exception):
    """Too many reports at once: nothing was stored, send it again."""


@dataclass(eq=False)
class _Turn(Generic[Item, Outcome]):
    """One caller's items; `called` is set when they are done, or when it is this caller's turn to lead."""

    items: list[Item]
    called: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    outcomes: list[Outcome] | None = None
    error: BaseException | None = None


class GroupCommit(Generic[Item, Outcome]):
    """Callers hand items in; `work` gets the items of several callers, and answers one outcome for each item.

    `most` bounds the items of one piece of work (a single caller may have more), `patience` the seconds that
    a caller waits for its turn. An error of the types `for_all` is no item's fault and goes to all callers;
    after any other, each caller's items are worked on by themselves.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], list[Outcome]],
        *,
        most: int,
        patience: float,
        for_all: tuple[type[BaseException], ...],
    ) -> None:
        self._work = work
        self._for_all = for_all
        self._most = most
        self._patience = patience
        self._lock = threading.Lock()
        self._waiting: deque[_Turn[Item, Outcome]] = deque()
        self._led = False

    def submit(self, items: list[Item]) -> list[Outcome]:
        """Have items worked on, and answer their outcomes.

        Raises BusyError when their turn does not come in time, and what `work` raised.
        """
        turn: _Turn[Item, Outcome] = _Turn(items)
        with self._lock:
            self._waiting.append(turn)
            turn.leads, self._led = not self._led, True
        if not turn.leads:
            self._wait(turn)
        if turn.leads:
            self._lead()
        if turn.error is not None:
            raise turn.error
        assert turn.outcomes is not None
        return turn.outcomes

    def _wait(self, turn: _Turn[Item, Outcome]) -> None:
        if turn.called.wait(self._patience):
            return
        with self._lock:
            if turn in self._waiting and not turn.leads:
                self._waiting.remove(turn)
                raise BusyError("the server is busy with other reports")
        # Somebody is already working on it: how that ends is what the caller must hear.
        turn.called.wait()

    def _lead(self) -> None:
        group = self._next_group()
        try:
            self._work_on(group)
        finally:
            with self._lock:
                self._led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].leads = True
                    self._waiting[0].called.set()
            for turn in group:
                turn.called.set()

    def _next_group(self) -> list[_Turn[Item, Outcome]]:
        with self._lock:
            group = [self._waiting.popleft()]
            size = len(group[0].items)
            while self._waiting and size + len(self._waiting[0].items) <= self._most:
                group.append(self._waiting.popleft())
                size += len(group[-1].items)
        return group

    def _work_on(self, group: list[_Turn[Item, Outcome]]) -> None:
        try:
            outcomes = iter(self._work([item for turn in group for item in turn.items]))
            for turn in group:
                turn.outcomes = [next(outcomes) for _ in turn.items]
        except BaseException as error:
            if len(group) > 1 and not isinstance(error, self._for_all):
                for turn in group:
                    self._work_on([turn])
                return
            for turn in group:
                turn.error = error
