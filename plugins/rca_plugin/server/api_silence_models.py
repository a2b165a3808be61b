"""What goes in and out of the JSON API about silences."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Literal

from pydantic import Field

from rca_plugin.core.matcher import MAX_MATCHERS, Matchers
from rca_plugin.core.recurrence import Recurrence, Window
from rca_plugin.core.silence import Schedule, Silence
from rca_plugin.core.time_zone import instant, zone
from rca_plugin.server.api_models import In, IncidentSummary, Out
from rca_plugin.server.facts import Matching
from rca_plugin.server.silences import MAX_REASON_CHARS, Listed

SHOWN_WINDOWS = 5
# Beyond these, times of the year 1 or 9999 cannot be told in every time zone.
_YEARS = range(2000, 2100)

Line = Annotated[str, Field(max_length=1_000, examples=['dag_id=~"etl_.*"'])]


class ScheduleIn(In):
    """When. A time without an offset is one of `time_zone`."""

    starts_at: Annotated[datetime | None, Field(description="Now, if there is none.")] = None
    ends_at: Annotated[datetime | None, Field(description="Needed unless it recurs.")] = None
    recurrence: Annotated[
        str | None, Field(max_length=200, examples=["0 2 * * 6"], description="A cron expression.")
    ] = None
    duration_minutes: Annotated[
        int | None, Field(description="How long each window of a recurrence lasts.")
    ] = None
    time_zone: Annotated[str, Field(max_length=64, examples=["Europe/Berlin"])] = "UTC"

    def to_schedule(self, now: datetime) -> Schedule:
        """The same as a value.

        Raises ValueError, which names the field.
        """
        starts_at = self._moment("starts_at", self.starts_at) or now
        return Schedule(starts_at, self._moment("ends_at", self.ends_at), self._recurrence())

    def _recurrence(self) -> Recurrence | None:
        cron = " ".join((self.recurrence or "").split())
        if not cron:
            zone(self.time_zone)
            return None
        if self.duration_minutes is None:
            raise ValueError("duration_minutes: say how long each window lasts")
        return Recurrence(cron, self.duration_minutes, self.time_zone)

    def _moment(self, name: str, moment: datetime | None) -> datetime | None:
        if moment is None:
            return None
        if moment.year not in _YEARS:
            raise ValueError(f"{name}: must be in the years 2000 to 2099")
        if moment.tzinfo is None:
            return instant(moment, zone(self.time_zone))
        return moment.astimezone(timezone.utc)


class SilenceIn(ScheduleIn):
    """Which incidents stay quiet, when and why."""

    matchers: Annotated[list[Line], Field(max_length=MAX_MATCHERS)]
    reason: Annotated[str, Field(max_length=MAX_REASON_CHARS, examples=["Database upgrade, CHG-1234"])]

    def to_silence(self, now: datetime) -> Silence:
        """The same as a value.

        Raises ValueError, which names the field.
        """
        return Silence(Matchers.from_text(self.matchers), self.to_schedule(now))


class PreviewIn(ScheduleIn):
    """A silence before it is made; the reason does not matter."""

    matchers: Annotated[list[Line], Field(max_length=MAX_MATCHERS)]
    reason: Annotated[str, Field(max_length=MAX_REASON_CHARS)] = ""


class WindowOut(Out):
    """From a moment on, up to but not including another."""

    starts_at: datetime
    ends_at: datetime | None


class SilenceOut(Out):
    """A silence."""

    id: int
    matchers: list[str] = Field(examples=[['source="airflow"', 'dag_id=~"etl_.*"']])
    reason: str
    state: Literal["active", "pending", "expired"]
    starts_at: datetime
    ends_at: datetime | None
    recurrence: str | None
    duration_minutes: int | None
    time_zone: str
    created_at: datetime
    created_by: str
    ended_at: datetime | None = Field(description="When a person ended it before its time.")
    ended_by: str | None
    windows: list[WindowOut] = Field(description="The one that holds now, if any, and the next; at most 5.")
    incidents: int = Field(description="How many it keeps quiet now.")

    @classmethod
    def of(cls, listed: Listed, now: datetime) -> SilenceOut:
        """What a row says, with what follows from it."""
        row = listed.row
        stored = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        derived = {
            "matchers": listed.value.matchers.to_text() if listed.value else [],
            "state": listed.state.value,
            "windows": listed.windows(now, SHOWN_WINDOWS),
            "incidents": listed.incidents,
        }
        return cls.model_validate(stored | derived)


class SilenceList(Out):
    """The active ones, the pending ones, and the newest expired ones, in this order."""

    silences: list[SilenceOut]


class Preview(Out):
    """What a silence would do."""

    total: int = Field(description="How many unresolved incidents match that you may read.")
    incidents: list[IncidentSummary] = Field(description="The newest 20 of them.")
    windows: list[WindowOut]
    problem: str | None = Field(description="What is wrong with the times.")

    @classmethod
    def of(cls, found: Matching, windows: list[Window], problem: str | None) -> Preview:
        """What was found."""
        summaries = [IncidentSummary.model_validate(incident) for incident in found.incidents]
        shown = [WindowOut.model_validate(window) for window in windows]
        return cls(total=found.total, incidents=summaries, windows=shown, problem=problem)
