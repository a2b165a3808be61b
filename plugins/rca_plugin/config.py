"""Every option of the section [rca], typed, with its default, read once.

The fields of `Settings` are the one table of options: the documentation is generated from it.
Each can be set as an environment variable, for example AIRFLOW__RCA__LISTENER_TIMEOUT=3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any
from urllib.parse import urlsplit

SECTION = "rca"


class ConfigError(ValueError):
    """An option of [rca] has a value that cannot be used. The text names the option and what is allowed."""


def _option(
    default: Any, *, allowed: str, description: str, check: Callable[[Any], bool], secret: bool = False
) -> Any:
    return field(
        default=default,
        repr=not secret,
        metadata={"allowed": allowed, "description": description, "check": check, "secret": secret},
    )


def _number(default: float, low: float, high: float, unit: str, description: str) -> Any:
    allowed = f"{low:g} to {high:g} {unit}"
    return _option(default, allowed=allowed, description=description, check=lambda v: low <= v <= high)


def _is_base_url(value: str) -> bool:
    parts = urlsplit(value)
    return value == "" or (
        parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
    )


@dataclass(frozen=True)
class Settings:
    """The options of the section [rca]."""

    service_secret: str = _option(
        "",
        allowed="empty, or at least 16 characters",
        check=lambda v: v == "" or len(v) >= 16,
        secret=True,
        description="The secret that workers prove themselves with to the API server. Empty: derived from "
        "`[api] secret_key`, which both share already. Set the same value on all of them.",
    )
    api_url: str = _option(
        "",
        allowed="empty, or an http(s) URL",
        check=_is_base_url,
        description="Where workers reach the API server that loads this plugin. Empty: the host of "
        "`[core] execution_api_server_url`, else `[api] base_url`.",
    )
    environment: str = _option(
        "production",
        allowed="1 to 50 characters",
        check=lambda v: 1 <= len(v) <= 50,
        description="The name of this deployment, shown on every incident.",
    )
    listener_enabled: bool = _option(
        True,
        allowed="True or False",
        check=lambda v: isinstance(v, bool),
        description="Report failures from the task process at once. When off, the housekeeping DAG still "
        "finds them within a minute or two.",
    )
    listener_timeout: float = _number(
        5.0, 0.1, 15.0, "seconds",
        "The longest a failing task is kept back by its report. Airflow 3.3 ends a task process 20 seconds "
        "after the task itself; what could not be reported in time is found by the housekeeping DAG.",
    )  # fmt: skip
    reconcile_window: float = _number(
        24.0, 1.0, 168.0, "hours",
        "How far back the housekeeping DAG looks for failures that nobody reported. It never looks back "
        "beyond its own first run.",
    )  # fmt: skip
    evidence_timeout: float = _number(
        60.0, 1.0, 600.0, "seconds",
        "How long an analysis waits for Airflow to settle a failed try and upload its log before it goes "
        "on without.",
    )  # fmt: skip
    evidence_log_lines: int = _number(
        200, 10, 2000, "lines",
        "How many lines at the end of a failed try's log are evidence.",
    )  # fmt: skip


@dataclass(frozen=True)
class OptionInfo:
    """One row of the table of options, as documentation and doctor show it."""

    name: str
    type: str
    default: str
    allowed: str
    description: str
    secret: bool


def options() -> list[OptionInfo]:
    """The table of options, in the order of `Settings`."""
    return [
        OptionInfo(f.name, str(f.type), _shown_default(f.default), **_documented(f.metadata))
        for f in fields(Settings)
    ]


def _shown_default(default: Any) -> str:
    return "(empty)" if default == "" else str(default)


def _documented(metadata: Any) -> dict[str, Any]:
    return {key: metadata[key] for key in ("allowed", "description", "secret")}


def read(get: Callable[[str], str | None]) -> Settings:
    """Build the settings from raw values; `get` answers None where an option is not set.

    Raises ConfigError for the first value that is not allowed.
    """
    values = {}
    for option in fields(Settings):
        raw = get(option.name)
        if raw is not None:
            values[option.name] = _parsed(option, raw.strip())
    return Settings(**values)


def _parsed(option: Any, raw: str) -> Any:
    try:
        value = _PARSERS[option.type](raw)
        valid = option.metadata["check"](value)
    except (ValueError, KeyError):
        valid = False
    if not valid:
        shown = "the value set" if option.metadata["secret"] else repr(raw)
        raise ConfigError(
            f"[{SECTION}] {option.name}: {shown} is not allowed; allowed: {option.metadata['allowed']}"
        )
    return value


_BOOLEANS = {
    "true": True,
    "t": True,
    "1": True,
    "on": True,
    "false": False,
    "f": False,
    "0": False,
    "off": False,
}
_PARSERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda raw: _BOOLEANS[raw.lower()],
}


@cache
def settings() -> Settings:
    """The settings of this process, from airflow.cfg and the environment.

    Raises ConfigError for the first value that is not allowed.
    """
    from airflow.configuration import conf

    return read(lambda name: conf.get(SECTION, name, fallback=None))


def api_base_url() -> str:
    """Where a worker reaches the API server, without a slash at the end."""
    from airflow.configuration import conf

    execution_url = conf.get("core", "execution_api_server_url", fallback="") or ""
    base_url = conf.get("api", "base_url", fallback="") or ""
    url = settings().api_url or execution_url.rstrip("/").removesuffix("/execution") or base_url
    return (url or "http://localhost:8080").rstrip("/")


def service_secret() -> str:
    """What service tokens are signed with, before derivation.

    Raises ConfigError when there is none that workers and API server share.
    """
    from airflow.configuration import conf

    secret = settings().service_secret or conf.get("api", "secret_key", fallback="")
    if not secret:
        raise ConfigError(
            f"[{SECTION}] service_secret: set it, or [api] secret_key, to the same value on the API server "
            "and on all workers"
        )
    return str(secret)
