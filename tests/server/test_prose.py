from __future__ import annotations

from rca_plugin.server.views.prose import pieces


def test_commands_and_citations_are_told_from_text() -> None:
    text = "Try `nc -vz db 5432` first (E1, E2). It said “no” (E2)."
    assert list(pieces(text, ["E1", "E2"])) == [
        ("text", "Try "),
        ("code", "nc -vz db 5432"),
        ("text", " first"),
        ("cites", ["E1", "E2"]),
        ("text", ". It said “no”"),
        ("cites", ["E2"]),
        ("text", "."),
    ]


def test_what_only_looks_like_a_citation_stays_text() -> None:
    for text in ("see (E9)", "(E1, E9)", "(E1", "`open", "``", "(E1)(EX)"):
        assert "".join(str(piece) for kind, piece in pieces(text, ["E1"]) if kind == "text") in (text, "(EX)")


def test_nothing_is_lost_of_hostile_text() -> None:
    text = "`<script>` (E1) ``` (E1, ) {{ 7 * 7 }} (E1"
    kept = "".join(piece if isinstance(piece, str) else "" for _, piece in pieces(text, ["E1"]))
    assert kept == text.replace("`<script>`", "<script>").replace(" (E1)", "", 1)
