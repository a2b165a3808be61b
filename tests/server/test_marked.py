from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.citation import Lines
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.text import folded
from rca_plugin.server.views.marked import marked

LOG = "12:00 INFO start\n12:01 ERROR  could not\tconnect to db\n12:02 INFO end"


def words(text: str, *quotes: str) -> list[str]:
    return [piece for quoted, piece in marked(text, quotes) if quoted]


def test_white_space_counts_as_one_space_and_is_shown_as_it_is() -> None:
    assert words(LOG, "ERROR could not connect") == ["ERROR  could not\tconnect"]
    assert words(LOG, " ERROR\n could ") == ["ERROR  could"]


def test_what_nobody_sees_does_not_count() -> None:
    assert words("an out\u200b of\u202e memory kill", "out of mem\u00adory") == ["out\u200b of\u202e memory"]


def test_a_quote_that_was_found_good_is_marked() -> None:
    """Both sides look at a line in the same way."""
    line = "\t12:01 \u2066ERROR\u2069   could not\u00a0 connect\u200b\u200b to `db` "
    lines = Lines([Evidence("E1", "error", "test", None, f"first\n{line}\nlast")])
    for quote in ("ERROR could not connect to `db`", "12:01 ERROR", "not connect"):
        assert lines.has("E1", quote)
        assert [folded(piece) for piece in words(line, quote)] == [quote]


def test_a_quote_is_of_one_line() -> None:
    assert words(LOG, "start 12:01") == []


def test_what_is_not_there_marks_nothing() -> None:
    assert words(LOG, "connection refused", "", "   ", "could not.connect", "(ERROR|INFO)", "start$") == []


def test_quotes_that_overlap_are_one_mark() -> None:
    assert words("a b c d", "a b", "b c", "d") == ["a b c", "d"]


def test_every_place_is_marked() -> None:
    assert words("boom\nboom boom", "boom") == ["boom", "boom", "boom"]


@given(
    st.text(alphabet="ab \t\n<&\x85\u2028\u200b", max_size=60), st.lists(st.text(alphabet="ab <", max_size=5))
)
def test_nothing_of_the_evidence_is_lost_or_changed(text: str, quotes: list[str]) -> None:
    assert "".join(piece for _, piece in marked(text, quotes)) == text
