"""Silences: matchers as Alertmanager has them, and windows that stand the change of clocks."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter_range
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rca_plugin.core.matcher import FACTS, OPERATORS, Matcher, Matchers
from rca_plugin.core.recurrence import Recurrence, Window
from rca_plugin.core.silence import Schedule, Silence, State
from rca_plugin.core.time_zone import instant

UTC = timezone.utc
MINUTE = timedelta(minutes=1)
BERLIN = "Europe/Berlin"


def at(text: str, zone: str = "UTC", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


# --- matchers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fact", "expected"),
    [
        ('dag_id="etl"', "etl", True),
        ('dag_id="etl"', "etl_2", False),
        ('dag_id!="etl"', "etl", False),
        ('dag_id!="etl"', None, True),
        ('dag_id=~"etl_.*"', "etl_orders", True),
        ('dag_id=~"etl"', "my_etl_2", False),
        ('dag_id=~"a|b"', "ab", False),
        ('dag_id!~"etl_.*"', "etl_orders", False),
        ('dag_id!~"etl_.*"', "report", True),
        ('dag_id=""', None, True),
        ('dag_id=~""', None, True),
        ('dag_id=~".+"', None, False),
        ('dag_id=~".*refused.*"', "first line\nrefused\nlast", True),
        ('dag_id=~"stra\u00dfe.?"', "stra\u00dfe\U0001f4a5", True),
        (r'dag_id=~"etl_\d+"', "etl_42", True),
        (r'dag_id="a\\b\"c"', 'a\\b"c', True),
        ("dag_id=etl", "etl", True),
        ("{dag_id = ~etl}", "~etl", True),
    ],
)
def test_a_matcher_means_what_it_means_in_alertmanager(text: str, fact: str | None, expected: bool) -> None:
    facts = {} if fact is None else {"dag_id": fact}
    both = Matchers.from_text([text, 'source="airflow"'])
    assert both.match({"source": "airflow"} | facts) is expected
    assert not both.match({"source": "adf"} | facts)


def test_several_on_a_line_and_several_lines_are_the_same() -> None:
    line = r"""{source="airflow", dag_id=~"a,b\"}{", owner!=me,}"""
    one = Matchers.from_text([line])
    assert one == Matchers.from_text(["source=airflow", "", r'dag_id=~"a,b\"}{"', '  owner != "me" '])
    assert [m.op for m in one.all] == ["=", "=~", "!="]


@given(
    st.lists(
        st.builds(
            lambda name, op, value: (name, op, value),
            st.sampled_from([*FACTS, "cluster_id", "a.b/c-d"]),
            st.sampled_from(OPERATORS),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
        ),
        max_size=5,
    )
)
def test_what_is_written_is_read_again(parts: list[tuple[str, str, str]]) -> None:
    try:
        matchers = Matchers(tuple(Matcher(*part) for part in [("source", "=", "x"), *parts]))
    except ValueError:
        return
    assert Matchers.from_text(matchers.to_text()) == matchers
    assert Matchers.from_text([", ".join(matchers.to_text())]) == matchers
    assert Matchers.from_json(matchers.to_json()) == matchers


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "1 to 20"),
        ([f'l{n}="x"' for n in range(21)], "1 to 20"),
        (['dag_id=""'], "empty text"),
        (['dag_id!="x"', 'owner=~".*"'], "empty text"),
        (['dag_id=~"("'], "regular expression"),
        ([r'dag_id=~"(?=x)y"'], "regular expression"),
        ([r'dag_id=~"(a)\1"'], "regular expression"),
        (['dag_id=~"((((a{100}){100}){100}){100})"'], "regular expression"),
        (['dag_id=~"\ud800"'], "regular expression"),
        ([f'dag_id="{"x" * 501}"'], "500"),
        (["dag_id"], "cannot read"),
        (['dag_id="x" owner="y"'], "cannot read"),
        (['dag_id=="x"'], "cannot read"),
        (['dag_id="x'], "cannot read"),
        (["=x"], "cannot read"),
        (["x=y," * 10_000], "too long"),
    ],
)
def test_what_is_no_matcher_is_refused_with_the_field_and_the_reason(
    lines: list[str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=rf"^matchers: .*{complaint}"):
        Matchers.from_text(lines)


@pytest.mark.parametrize("value", [[{}], ["x"], [None], [{"name": "a", "op": "=", "value": 1}], [7]])
def test_json_that_is_no_matcher_is_refused(value: list) -> None:
    with pytest.raises(ValueError, match=r"^matchers: "):
        Matchers.from_json(value)


@given(st.text(max_size=200))
@example('a="' + "\\" * 5_000)
@example("a=" + " " * 10_000)
def test_any_text_is_read_or_refused_at_once(text: str) -> None:
    start = time.process_time()
    try:
        Matchers.from_text([text])
    except ValueError as error:
        assert str(error).startswith("matchers: ")
    assert time.process_time() - start < 1


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(.*)*(.*)*x", "(a|aa)+$b"])
def test_a_careless_expression_takes_no_time(pattern: str) -> None:
    start = time.process_time()
    assert not Matcher("message", "=~", pattern).matches({"message": "a" * 50_000})
    assert time.process_time() - start < 1


def test_a_fact_that_is_not_valid_text_is_no_error() -> None:
    assert Matcher("message", "=~", "a.*b").matches({"message": "a\ud800b"})


# --- windows ----------------------------------------------------------------------------------------------

# Night of the change, and what is odd about the zone: an hour, half an hour, at midnight, a day that is skipped.
CHANGES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("America/Santiago", "2026-09-06"),
    ("America/Havana", "2026-11-01"),
    ("Pacific/Apia", "2011-12-30"),
    ("UTC", "2026-06-01"),
]
CRONS = ["30 1 * * *", "0 2 * * *", "30 2 * * *", "*/7 * * * *", "59 23 * * *", "0 0 * * *", "15 2,3 * * 0,6"]


def walls(zone: str, moments: list[datetime]) -> list[datetime]:
    return [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) for moment in moments]


def times_of(cron: str, first: datetime, last: datetime) -> set[datetime]:
    return set(croniter_range(first, last, cron))


@cache
def brute_force(zone: str, day: str, cron: str, duration: int) -> dict[datetime, bool]:
    """Walk the minutes of days around the change and watch the clock on the wall.

    A window begins when the clock shows its time for the first time, or has just skipped it; it ends when the
    clock shows its end for the first time, or has just skipped that.
    """
    first = at(day) - timedelta(minutes=duration) - timedelta(days=3)
    moments = [first + n * MINUTE for n in range(int((at(day) + timedelta(days=3) - first) / MINUTE))]
    shown = walls(zone, moments)
    times = times_of(cron, shown[0], shown[-1])
    holds = dict.fromkeys(moments, False)
    ends: list[datetime] = []
    latest = shown[0]
    for moment, wall in zip(moments, shown, strict=True):
        passed = [latest + n * MINUTE for n in range(1, int((wall - latest) / MINUTE) + 1)]
        ends = [end for end in ends if end > wall] if passed else ends
        if times.intersection(passed):
            ends.append(wall + timedelta(minutes=duration))
        holds[moment] = bool(ends)
        latest = max(latest, wall)
    return {moment: held for moment, held in holds.items() if moment >= at(day) - timedelta(days=2)}


@pytest.mark.parametrize("cron", CRONS)
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_it_holds_when_the_clock_on_the_wall_says_so(zone: str, day: str, cron: str) -> None:
    for duration in (30, 1440):
        expected = brute_force(zone, day, cron, duration)
        recurrence = Recurrence(cron, duration, zone)
        wrong = [m for m in list(expected)[::11] if (recurrence.window_at(m) is not None) is not expected[m]]
        assert wrong == [], (duration, wrong[:3])


@settings(max_examples=150)
@given(
    st.sampled_from(CHANGES),
    st.integers(0, 59), st.integers(0, 23), st.sampled_from(["*", "0", "6", "1-5"]),
    st.sampled_from([1, 15, 60, 90, 180, 1440, 2880]), st.integers(0, 2 * 1440), st.integers(0, 59),
)  # fmt: skip
def test_any_window_around_a_change_holds_as_a_walk_through_the_minutes_says(
    change: tuple[str, str], minute: int, hour: int, days: str, duration: int, offset: int, second: int
) -> None:
    zone, day = change
    expected = brute_force(zone, day, f"{minute} {hour} * * {days}", duration)
    moment = list(expected)[len(expected) // 3 + offset]
    recurrence = Recurrence(f"{minute} {hour} * * {days}", duration, zone)
    moment_in = moment + timedelta(seconds=second)
    window = recurrence.window_at(moment_in)
    assert (window is not None) is expected[moment]
    later = recurrence.next_window(moment_in)
    assert later
    assert later.starts_at > moment_in
    if window:
        assert moment_in in window
    else:
        between = [m for m in expected if moment < m < later.starts_at]
        assert not any(expected[m] for m in between)
        assert expected.get(later.starts_at, True)


def window(cron: str, minutes: int, day: str, zone: str = BERLIN) -> tuple[str, str, int]:
    found = Recurrence(cron, minutes, zone).next_window(at(f"{day}T00:00", zone) - MINUTE)
    assert found
    assert found.ends_at
    local = [m.astimezone(ZoneInfo(zone)).strftime("%a %H:%M") for m in (found.starts_at, found.ends_at)]
    return local[0], local[1], int((found.ends_at - found.starts_at) / MINUTE)


@pytest.mark.parametrize(
    ("cron", "minutes", "day", "expected"),
    [
        ("0 2 * * *", 240, "2026-06-06", ("Sat 02:00", "Sat 06:00", 240)),
        # The clock skips 02:00 to 03:00.
        ("0 1 * * *", 240, "2026-03-29", ("Sun 01:00", "Sun 05:00", 180)),
        ("30 2 * * *", 20, "2026-03-29", ("Sun 03:00", "Sun 03:20", 20)),
        ("0 1 * * *", 90, "2026-03-29", ("Sun 01:00", "Sun 03:00", 60)),
        ("0 0 * * *", 1440, "2026-03-29", ("Sun 00:00", "Mon 00:00", 23 * 60)),
        # It shows 02:00 to 03:00 twice.
        ("0 1 * * *", 240, "2026-10-25", ("Sun 01:00", "Sun 05:00", 300)),
        ("30 2 * * *", 20, "2026-10-25", ("Sun 02:30", "Sun 02:50", 20)),
        ("30 2 * * *", 60, "2026-10-25", ("Sun 02:30", "Sun 03:30", 120)),
        ("0 0 * * *", 1440, "2026-10-25", ("Sun 00:00", "Mon 00:00", 25 * 60)),
    ],
)
def test_the_night_in_which_the_clock_changes(
    cron: str, minutes: int, day: str, expected: tuple[str, str, int]
) -> None:
    assert window(cron, minutes, day) == expected


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_daily_windows_of_a_day_leave_no_hole(zone: str, day: str) -> None:
    for cron in ("0 0 * * *", "30 2 * * *"):
        recurrence = Recurrence(cron, 1440, zone)
        start = at(day) - timedelta(days=1)
        assert all(recurrence.window_at(start + n * 13 * MINUTE) for n in range(300))


def test_an_hour_that_is_skipped_is_over_when_it_has_been_skipped() -> None:
    assert instant(datetime.fromisoformat("2026-03-29T02:17"), ZoneInfo(BERLIN)) == at("2026-03-29T01:00")
    assert instant(datetime.fromisoformat("2011-12-30T12:00"), ZoneInfo("Pacific/Apia")) == at(
        "2011-12-30T10:00"
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cron": "nonsense"}, "recurrence"),
        ({"cron": "61 * * * *"}, "recurrence"),
        ({"cron": "0 0 30 2 *"}, "recurrence: this cron expression never comes"),
        ({"cron": "* * * * * *"}, "recurrence"),
        ({"cron": "R R * * *"}, "recurrence"),
        ({"cron": "H H * * *"}, "recurrence"),
        ({"cron": "@daily"}, "recurrence"),
        ({"cron": "0 0 * * " + "1," * 60 + "1"}, "recurrence"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"time_zone": "Europe"}, "time_zone"),
        ({"time_zone": "a\x00b"}, "time_zone"),
        ({"time_zone": "x" * 5000}, "time_zone"),
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"duration_minutes": 10081}, "duration_minutes"),
    ],
)
def test_a_recurrence_that_is_not_one_names_the_field(change: dict, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}"):
        Recurrence(**{"cron": "0 2 * * 6", "duration_minutes": 60, "time_zone": "UTC", **change})


@settings(max_examples=200)
@given(
    st.lists(st.from_regex(r"(\*|[0-9]{1,2}|L|MON|JAN|[0-5]#[1-5])(-[0-9]{1,2})?(/[0-9]{1,2})?", fullmatch=True),
             min_size=5, max_size=5),
    st.sampled_from([zone for zone, _ in CHANGES]),
)  # fmt: skip
def test_any_cron_expression_is_refused_or_answered_in_bounded_time(fields: list[str], zone: str) -> None:
    start = time.process_time()
    try:
        recurrence = Recurrence(" ".join(fields), 60, zone)
    except ValueError as error:
        assert str(error).startswith("recurrence: ")
    else:
        Schedule(at("2026-01-01"), None, recurrence).windows(at("2026-10-25T00:30"), 5)
    assert time.process_time() - start < 1


# --- schedules and silences -------------------------------------------------------------------------------

NOON = at("2026-11-23T12:00")
HOUR = timedelta(hours=1)


def test_a_silence_from_one_moment_to_another() -> None:
    schedule = Schedule(NOON, NOON + HOUR)
    held = [schedule.holds_at(NOON + n * 30 * MINUTE) for n in (-1, 0, 1, 2)]
    assert held == [False, True, True, False]
    assert [schedule.state(NOON + n * HOUR) for n in (-1, 0, 1)] == [
        State.PENDING,
        State.ACTIVE,
        State.EXPIRED,
    ]
    assert schedule.windows(NOON - HOUR, 5) == schedule.windows(NOON, 5) == [Window(NOON, NOON + HOUR)]
    assert schedule.windows(NOON + HOUR, 5) == []


def test_a_recurring_one_holds_in_its_windows_between_its_limits() -> None:
    daily = Recurrence("0 11 * * *", 120, "UTC")
    schedule = Schedule(NOON, NOON + timedelta(days=2), daily)
    days = timedelta(days=1)
    assert schedule.windows(NOON - days, 9) == [
        Window(NOON, NOON + HOUR),
        Window(NOON + days - HOUR, NOON + days + HOUR),
        Window(NOON + 2 * days - HOUR, NOON + 2 * days),
    ]
    assert not schedule.holds_at(NOON - MINUTE)
    assert schedule.state(NOON + 2 * HOUR) is State.PENDING
    assert schedule.state(NOON + 2 * days) is State.EXPIRED
    assert len(Schedule(NOON, None, daily).windows(NOON, 9)) == 9


@pytest.mark.parametrize(
    ("end", "complaint"), [(None, "ends_at: .* needs an end"), (NOON, "ends_at: .* after starts_at")]
)
def test_a_schedule_without_a_sensible_end_is_refused(end: datetime | None, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Schedule(NOON, end)


def test_a_silence_needs_both_the_facts_and_the_time() -> None:
    silence = Silence(Matchers.from_text(['source="adf"']), Schedule(NOON, NOON + HOUR))
    assert silence.holds({"source": "adf"}, NOON)
    assert not silence.holds({"source": "adf"}, NOON + HOUR)
    assert not silence.holds({"source": "airflow"}, NOON)
