"""Who gets a ticket, and who that is here, by what a route says: owners and users of Airflow to accounts of a tracker.

`*` among them is everybody else's account.
"""

from __future__ import annotations

from collections.abc import Mapping

_EVERYBODY = "*"


def is_known(accounts: Mapping[str, str], assignee: str | None) -> bool:
    """Whether it is clear who gets the ticket of an incident with this assignee: nobody may have it too."""
    return assignee is None or assignee in accounts


def account_of(accounts: Mapping[str, str], assignee: str | None, owner: str | None) -> str | None:
    """Whoever has taken it on, else the owner, else everybody's."""
    names = (assignee, owner, _EVERYBODY)
    return next((accounts[name] for name in names if name and name in accounts), None)


def person_of(accounts: Mapping[str, str], account: str) -> str | None:
    """The first one who has the account; None where the route names nobody."""
    return next((name for name, own in accounts.items() if own == account and name != _EVERYBODY), None)
