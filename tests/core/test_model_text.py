"""What is left of a model's words: nothing that a page, a ticket or a message would make something of."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.model_text import REMOVED, plain
from rca_plugin.server.views.prose import pieces

LIMIT = 500


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The table sales.orders does not exist.", "The table sales.orders does not exist."),
        (
            "It raised in <module>, from <class 'int'>.",
            "It raised in \u2039module\u203a, from \u2039class 'int'\u203a.",
        ),
        (
            "db.internal:5432 refused; exit code 137; C:\\data",
            "db.internal:5432 refused; exit code 137; C:\\data",
        ),
        ("two\n\n  lines\tof it", "two lines of it"),
        ("See https://evil.example/?q=secret.", f"See {REMOVED}."),
        ("See (www.evil.example), or ftp://x.", f"See ({REMOVED}), or {REMOVED}."),
        ("See [the runbook](https://evil.example/x) now", "See the runbook now"),
        ("![pixel](https://evil.example/x.png) here", "pixel here"),
        ("Open //evil.example/x and \\\\evil.example\\share", f"Open {REMOVED} and {REMOVED}"),
        ("javascript:alert or JaVaScRiPt:alert(1)", f"{REMOVED} or {REMOVED})"),
        ("data:text/html;base64,AAAA", REMOVED),
        ("://evil.example", REMOVED),
        ("https\uff1a\uff0f\uff0fevil.example", REMOVED),
        ("ht<b></b>tps://evil.example", REMOVED),
        ("javas<i>cript:alert", REMOVED),
        ("ww`w.evil.example", REMOVED),
        ("www(E1).evil.example", REMOVED),
        ("a<script>alert(1)</script>b", "aalert(1)b"),
        ('<img src=x onerror="alert(1)">x', "x"),
        ("<img src=x onerror=alert(1)", "\u2039img src=x onerror=alert(1)"),
        ("<!channel> <@U024BE7LH> look", "look"),
        ("<https://evil.example|Click>", f"\u2039{REMOVED}"),
        ("hid\u200bden \u202eturned\u2066 \U000e0041", "hidden turned"),
        ("It failed (E1, E2) and ( E3 ).", "It failed and."),
        ("((E1)E2) is (E", "E2) is (E"),
        ("one ` tick", "one tick"),
        ("`a` and ``b``", "`a` and `b`"),
        ("", ""),
    ],
)
def test_words_become_plain(text: str, expected: str) -> None:
    assert plain(text, LIMIT) == expected


BITS = st.sampled_from(
    [
        "(",
        "E1",
        ")",
        "(E1)",
        "(E2, E3)",
        "`",
        "``",
        "http",
        "s",
        ":",
        "//",
        "www",
        ".",
        "evil.example",
        "<",
        ">",
        "<b>",
        "[",
        "]",
        "](",
        "![x](y)",
        "javascript",
        "data:",
        " ",
        "\n",
        "\u200b",
        "\u202e",
        "…",
        "\uff0f\uff0f",
        "word",
        "/",
    ]
)


@given(st.lists(BITS | st.text(max_size=3), max_size=30).map("".join))
def test_whatever_is_written_becomes_plain(text: str) -> None:
    found = plain(text, LIMIT)
    assert plain(found, LIMIT) == found
    assert not re.search(
        r"://|\bwww\.\w|\bjavascript:\S|\]\(|[<>\n\u200b\u202e]|\(E\d", found.replace(REMOVED, "")
    )
    assert found.count("`") % 2 == 0
    assert len(found) <= LIMIT


@given(st.lists(st.lists(BITS, max_size=12).map("".join), min_size=1, max_size=4))
def test_among_our_words_only_our_citations_are_some(texts: list[str]) -> None:
    """However the sentences of a model are joined, each cites what we let it cite, and no more."""
    prose = " ".join(f"{plain(text, LIMIT)} (E7)." for text in texts)
    found = list(pieces(prose, [f"E{number}" for number in range(10)]))
    assert [piece for kind, piece in found if kind == "cites"] == [["E7"]] * len(texts)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "<" * 100_000, "`" * 99_999, "a://" * 50_000, "(E1" * 50_000]
)
def test_a_text_that_only_costs_time_is_bounded_first(text: str) -> None:
    assert len(plain(text, LIMIT)) <= LIMIT
