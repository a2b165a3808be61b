"""Every option of the section [rca], typed, with its default, read once.

The fields of `Settings` are the one table of options: the documentation is generated from it.
Each can be set as an environment variable, for example AIRFLOW__RCA__LISTENER_TIMEOUT=3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rca_plugin.core.data import data_folder
from rca_plugin.core.redaction import MOST_PATTERNS, PATTERN_CHARS, own_patterns
from rca_plugin.core.tracker.event import Field
from rca_plugin.core.tracker.policy import Wins, statuses

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


def separated(value: str) -> tuple[str, ...]:
    """The parts of an option that may hold several, separated by commas or line breaks."""
    return tuple(part.strip() for part in re.split(r"[,\n]", value) if part.strip())


def price(value: str) -> tuple[float, float] | None:
    """What a million tokens in and out cost, of an option that says it; None where it does not."""
    parts = [float(part) for part in separated(value)]
    if len(parts) != 2 or not all(0 <= part <= 10_000 for part in parts):
        return None
    return parts[0], parts[1]


def _are_secrets(value: str) -> bool:
    """Printable ASCII only: what else there is does not come through every header and URL unchanged."""
    secrets = separated(value)
    return value == "" or (
        1 <= len(secrets) <= 2 and all(len(s) >= 16 and re.fullmatch(r"[!-~]+", s) for s in secrets)
    )


def _webhook_secret(sender: str) -> Any:
    return _option(
        "",
        allowed="empty, or one or two secrets of 16 or more printable ASCII characters, separated by a comma",
        check=_are_secrets,
        secret=True,
        description=f"The secret by which {sender} proves itself; only the API server needs it. Two are valid "
        "at once, to change it without losing a report. Empty: reports from there are refused.",
    )


def _wins(what: str) -> Any:
    return _option(
        Wins.NEWEST.value,
        allowed=", ".join(wins.value for wins in Wins),
        check=lambda v: v in {wins.value for wins in Wins},
        description=f"Whose {what} counts when it was changed both in Jira and here: `jira`, `incident`, or the "
        "`newest` of the two.",
    )


def _switch(on: bool, description: str) -> Any:
    return _option(on, allowed="True or False", check=lambda v: isinstance(v, bool), description=description)


def _path(of: str, description: str) -> Any:
    return _option(
        "",
        allowed=f"empty, or the absolute path of a {of}",
        check=lambda v: v == "" or Path(v).is_absolute(),
        description=description,
    )


def _connection(usual: str, description: str) -> Any:
    return _option(
        usual,
        allowed="empty, or the name of a connection",
        check=lambda v: v == "" or re.fullmatch(r"[\w.-]{1,200}", v) is not None,
        description=description,
    )


def _connections(usual: str, whose: str, where: str) -> Any:
    return _option(
        usual,
        allowed=f"empty, or names of connections separated by commas, each alone or as `<{where}>=<connection>`",
        check=lambda v: all(_CONNECTION.fullmatch(part) for part in separated(v)),
        description=f"The connection by which an analysis asks {whose} about a failure. With several: one for "
        f"each {where}, and the one that stands alone for all others. Empty: nobody is asked.",
    )


_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,30}\s*=\s*\S.{0,249}")
_CONNECTION = re.compile(r"(?:[A-Za-z0-9-]{1,100}=)?[\w.-]{1,200}")


def _is_guid(value: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value) is not None


def _is_authority(value: str) -> bool:
    parts = urlsplit(value)
    # Whoever can change what comes from there decides who is let in.
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
    return _is_base_url(value) and (parts.scheme == "https" or local)


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
    listener_enabled: bool = _switch(
        True,
        "Report failures from the task process at once. When off, the housekeeping DAG still "
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
    reopen_window: float = _number(
        24.0, 0.0, 720.0, "hours",
        "How long a resolved incident is opened again by the next failure; after that it is closed, and the "
        "next failure is a new incident.",
    )  # fmt: skip
    flapping_threshold: int = _number(
        3, 1, 100, "times",
        "An incident that was opened again this often is flapping: it stays open until a person resolves it "
        "or nothing fails for `reopen_window`.",
    )  # fmt: skip
    storm_threshold: int = _number(
        5, 0, 10_000, "incidents",
        "More new incidents than this within a minute with the same cause (a category that comes in outages, or "
        "the very same error) are a storm: one incident for all that follow. 0: never.",
    )  # fmt: skip
    source_storm_threshold: int = _number(
        100, 0, 100_000, "incidents",
        "The same for new incidents of one source, whatever their cause. 0: never.",
    )  # fmt: skip
    redact_patterns: str = _option(
        "",
        allowed=f"at most {MOST_PATTERNS} regular expressions (RE2), one a line, of at most {PATTERN_CHARS} "
        "characters, none of which finds the empty text",
        check=lambda v: own_patterns(v) is not None,
        description="What to mask besides the secrets that are known by their name or look: one regular "
        "expression (RE2) a line. In airflow.cfg write `%%` for `%`, and indent the lines after the first.",
    )
    evidence_timeout: float = _number(
        60.0, 1.0, 600.0, "seconds",
        "How long an analysis waits for Airflow to settle a failed try and upload its log before it goes "
        "on without.",
    )  # fmt: skip
    evidence_log_lines: int = _number(
        200, 10, 2000, "lines",
        "How many lines of a failed try's log are evidence: those around its errors, and its end.",
    )  # fmt: skip
    databricks_conn_id: str = _connections("databricks_default", "Databricks", "workspace id")
    adf_conn_id: str = _connections("azure_data_factory_default", "Data Factory", "subscription id")
    outside_timeout: float = _number(
        60.0, 1.0, 240.0, "seconds",
        "How long an analysis asks Databricks, or Data Factory, about a failure before it goes on with what was "
        "answered until then.",
    )  # fmt: skip
    gemini_conn_id: str = _connection(
        "rca_gemini",
        "The connection by which Gemini is asked for the root cause: its password is the API key, or its "
        "extra names a project of Vertex AI; its host, if set, is a gateway that speaks the Gemini protocol. Where "
        "there is no such connection, or this is empty, the knowledge base answers.",
    )
    gemini_model: str = _option(
        "gemini-2.5-flash",
        allowed="1 to 200 letters, digits and . _ / @ : -",
        check=lambda v: re.fullmatch(r"[\w./@:-]{1,200}", v) is not None,
        description="The model that is asked.",
    )
    gemini_timeout: float = _number(
        60.0, 1.0, 300.0, "seconds",
        "How long one analysis asks Gemini, all its tries together, before the knowledge base answers.",
    )  # fmt: skip
    gemini_output_tokens: int = _number(
        8192, 1024, 65_536, "tokens",
        "The most that Gemini may write for one analysis, its thoughts included.",
    )  # fmt: skip
    gemini_price: str = _option(
        "",
        allowed="empty, or two numbers from 0 to 10000, separated by a comma",
        check=lambda v: v == "" or price(v) is not None,
        description="What a million tokens in and a million tokens out cost in US dollars, such as `0.3, 2.5`, for a "
        "model that the price list of genai-prices does not know, or at a price of your own. Empty: as the list says. "
        "A model whose price nobody knows is not asked.",
    )
    gemini_daily_budget: float = _number(
        5.0, 0.0, 100_000.0, "US dollars",
        "What the calls of one day (UTC) may cost. A call that could go beyond it is not made.",
    )  # fmt: skip
    gemini_incident_budget: float = _number(
        0.25, 0.0, 1_000.0, "US dollars",
        "What the calls for one incident may cost.",
    )  # fmt: skip
    archive_conn_id: str = _connection(
        "wasb_default",
        "The connection to the account of Azure Blob Storage that keeps the archive of incidents. Where "
        "there is no such connection, it names no account, or this is empty, nothing is archived.",
    )
    archive_container: str = _option(
        "rca-incidents",
        allowed="3 to 63 lower-case letters, digits and single hyphens, a letter or digit at both ends",
        check=lambda v: 3 <= len(v) <= 63 and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", v) is not None,
        description="The container of the archive. It is made when it is not there.",
    )
    slack_conn_id: str = _connection(
        "slack_default",
        "The connection to Slack, of the type Slack API, with the token of a bot as its password. Where "
        "there is no such connection, or this is empty, nothing is told there.",
    )
    rules_folder: str = _path(
        "folder",
        "A folder with rule files of your own, the same on the API server and on all workers. They add to "
        "the plugin's; a rule of the same name replaces the plugin's. `rca rules check` says whether they are right.",
    )
    routing_file: str = _path(
        "file",
        "The file that says which incidents become tickets and messages, and where; the same on all "
        "workers. Empty: the `include/routing.yaml` that comes with the plugin, which sends nothing.",
    )
    remediation: bool = _switch(
        True,
        "When off, nothing is repaired and nothing suggested. While it is on, the switch on the page of "
        "repairs can stop them too, at once and without a restart.",
    )
    remediation_file: str = _path(
        "file",
        "The file that says what may be repaired, how far, and who has to agree. Empty: the plugin's own, "
        "by which nothing happens that nobody approved.",
    )
    repair_timeout: float = _number(
        12.0, 0.05, 168.0, "hours",
        "How long a repair is followed before nobody waits for its end any more, and the incident is escalated.",
    )  # fmt: skip
    playbook_secret: str = _option(
        "",
        allowed="empty, or one or two secrets of 16 or more printable ASCII characters, separated by a comma",
        check=_are_secrets,
        secret=True,
        description="The secret by which an HTTP playbook knows that a repair is asked for by this plugin, and by "
        "which it proves itself when it says what came of it. The first of two signs; both are taken. Set it on the "
        "API server and on all workers. Empty: no playbook is called.",
    )
    jira_conn_id: str = _connection(
        "jira_default",
        "The connection to Jira, Cloud or Data Center, by which incidents become tickets. Where there is "
        "no such connection, or this is empty, none do.",
    )
    jira_status_wins: str = _wins("status")
    jira_assignee_wins: str = _wins("assignee")
    jira_priority_wins: str = _wins("priority")
    jira_statuses: str = _option(
        "",
        allowed="empty, or `<status>=<new, indeterminate, done or nothing>`, several separated by commas",
        check=lambda v: statuses(separated(v)) is not None,
        description="What a status of Jira does to the incident, by its name, where its category says it wrong: `new` "
        "and `indeterminate` reopen what was done, `indeterminate` acknowledges, `done` resolves. Such as "
        "`Ready for release=done, Parked=nothing`.",
    )
    jira_polling: bool = _switch(
        False,
        "Look at the tickets of incidents every minute, for a Jira that cannot call us.",
    )
    webhook_secret_jira: str = _webhook_secret("Jira")
    webhook_secret_adf: str = _webhook_secret("Azure Data Factory")
    webhook_secret_azure_monitor: str = _webhook_secret("an action group of Azure Monitor")
    webhook_secret_databricks: str = _webhook_secret("a notification destination of Databricks")
    webhook_secret_generic: str = _webhook_secret("any other sender")
    slack_signing_secret: str = _webhook_secret("Slack, for clicks on buttons,")
    slack_users: str = _option(
        "",
        allowed="empty, or `<Slack user id>=<Airflow user>`, several separated by commas or line breaks",
        check=lambda v: all(_SLACK_USER.fullmatch(part) for part in separated(v)),
        description="Which user of Airflow somebody in Slack is, such as `U012AB3CD=ada`. Who is not named here is "
        "found by the e-mail address, where the auth manager knows those (FAB).",
    )
    entra_tenant_id: str = _option(
        "",
        allowed="empty, or a GUID",
        check=lambda v: v == "" or _is_guid(v),
        description="The Entra ID tenant whose tokens a secure webhook of Azure Monitor may send. Needs "
        "`entra_audience` as well.",
    )
    entra_audience: str = _option(
        "",
        allowed="empty, or one or more, separated by commas",
        check=lambda v: v == "" or bool(separated(v)),
        description="Who those tokens must be for: the application ID URI, or the client ID, of the application "
        "that the secure webhook names.",
    )
    entra_caller: str = _option(
        "461e8683-5575-4561-ac7f-899cc907d62a",
        allowed="a GUID",
        check=_is_guid,
        description="The application that those tokens must be issued to. The default is Azure Monitor's own, "
        "*AzNS AAD Webhook*, the same in every tenant.",
    )
    entra_authority: str = _option(
        "https://login.microsoftonline.com",
        allowed="an https URL",
        check=_is_authority,
        description="Where Entra ID publishes the keys it signs with; other than the default only in a "
        "national cloud.",
    )
    rate_limit: float = _number(
        500.0, 1.0, 100_000.0, "requests a second",
        "How much each source may send to each process of the API server; ten seconds' worth at once after a "
        "rest. What is more is answered with 429 and Retry-After.",
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

    # Airflow 3.3 reads `<option>_cmd` and `<option>_secret`, and hides a value, only where it knows the option
    # to be sensitive; a plugin has no other way to tell it.
    conf.sensitive_config_values.update((SECTION, option.name) for option in options() if option.secret)
    return read(lambda name: conf.get(SECTION, name, fallback=None))


def own_rules() -> tuple[Path, ...]:
    """The folder of the user's own rules, as `load_rules` takes it; nothing where the option is not set."""
    folder = settings().rules_folder
    return (Path(folder),) if folder else ()


def routing_file() -> Path:
    """The file that says where incidents go."""
    return Path(settings().routing_file or data_folder() / "routing.yaml")


def remediation_file() -> Path:
    """The file that says how far repairs may go."""
    return Path(settings().remediation_file or data_folder() / "remediation.yaml")


def playbook_secrets() -> tuple[str, ...]:
    """The one or two secrets of HTTP playbooks, the one to sign with first; none where the option is not set."""
    return separated(settings().playbook_secret)


def webhook_secrets(source: str) -> tuple[str, ...]:
    """The one or two secrets by which a source proves itself; none where the option is not set."""
    return separated(getattr(settings(), f"webhook_secret_{source}"))


def jira_wins() -> Mapping[Field, Wins]:
    """Whose change of a field counts when it was changed both in Jira and here."""
    return {each: Wins(getattr(settings(), f"jira_{each.value}_wins")) for each in Field}


def slack_users() -> dict[str, str]:
    """Users of Airflow by the id of the same person in Slack, as far as `[rca] slack_users` names them."""
    pairs = (part.partition("=") for part in separated(settings().slack_users))
    return {slack_id.strip(): name.strip() for slack_id, _, name in pairs}


def connection_id(option: str, place: str | None) -> str:
    """The connection to ask with about something in this place: a workspace or a subscription, None if unknown.

    Raises ConfigError when the option names none for it.
    """
    named = dict(part.rpartition("=")[::2] for part in separated(getattr(settings(), option)))
    found = named.get(place or "") or named.get("")
    if not found:
        raise ConfigError(
            f"[{SECTION}] {option} names no connection for {place or 'a place that is not named'}"
        )
    return found


def api_base_url() -> str:
    """Where a worker reaches the API server, without a slash at the end."""
    from airflow.configuration import conf

    execution_url = conf.get("core", "execution_api_server_url", fallback="") or ""
    base_url = conf.get("api", "base_url", fallback="") or ""
    url = settings().api_url or execution_url.rstrip("/").removesuffix("/execution") or base_url
    return (url or "http://localhost:8080").rstrip("/")


def airflow_url() -> str:
    """Where people find Airflow, without a slash at the end; empty where `[api] base_url` does not say it."""
    from airflow.configuration import conf

    return (conf.get("api", "base_url", fallback="") or "").rstrip("/")


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
