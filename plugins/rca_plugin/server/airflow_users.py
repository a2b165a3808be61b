"""Users of Airflow who are not signed in here, as the auth manager knows them."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.utils.session import create_session
from sqlalchemy import func, select

from rca_plugin.server.auth import Person


def named(name: str) -> Person | None:
    """The active user of this name; None where there is none, or the auth manager does not list its users."""
    manager = get_auth_manager()
    if isinstance(manager, SimpleAuthManager):
        found = [user for user in manager.get_users() if user.username == name]
        return Person(found[0]) if len(found) == 1 else None
    return _fab_user(manager, lambda user: user.username == name)


def with_id(user_id: str) -> Person | None:
    """The active user that Airflow notes by this id; None where there is none, or the auth manager lists no users."""
    try:
        manager = get_auth_manager()
    except RuntimeError:
        # Outside of the API server there is none.
        return None
    if isinstance(manager, SimpleAuthManager):
        return named(user_id)
    return _fab_user(manager, lambda user: user.id == int(user_id)) if user_id.isdecimal() else None


def with_email(email: str) -> Person | None:
    """The one active user with this address; None where there is none, or the auth manager knows no addresses."""
    # Lower case makes the same of a Kelvin sign and of a k: an address of somebody else.
    if not email.isascii():
        return None
    return _fab_user(get_auth_manager(), lambda user: func.lower(user.email) == email.lower())


def _fab_user(manager: Any, is_meant: Any) -> Person | None:
    from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
    from airflow.providers.fab.auth_manager.models import User

    if not isinstance(manager, FabAuthManager):
        return None
    with create_session(scoped=False) as session:
        # `active` may be NULL, which FAB takes for not active.
        ids = list(session.scalars(select(User.id).where(is_meant(User), User.active.is_(True)).limit(2)))
    if len(ids) != 1:
        return None
    try:
        # As from the token of that user: FAB loads the roles, and looks once more whether the user is active.
        return Person(manager.deserialize_user({"sub": str(ids[0])}))
    except ValueError:
        return None
