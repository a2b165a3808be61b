"""What a model may answer, and what becomes of all else that it may answer."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.category import Category, Severity
from rca_plugin.core.draft import Draft, DraftError, draft_schema, read_draft
from rca_plugin.core.knowledge import ACTIONS
from tests.core.drafts import answer, claim, text_of

#: What the reference of the Gemini API lists for `responseJsonSchema`.
SUPPORTED = """
    $id $defs $ref $anchor type format title description enum items prefixItems minItems maxItems minimum maximum
    anyOf oneOf properties additionalProperties required propertyOrdering
"""


def problem(text: str) -> str:
    with pytest.raises(DraftError) as error:
        read_draft(text)
    assert len(str(error.value)) < 300
    return str(error.value)


def test_a_good_answer_is_read() -> None:
    draft = read_draft(text_of())
    assert (draft.category, draft.severity) == (Category.CONNECTION_ERROR, Severity.HIGH)
    assert draft.root_cause.citations[0].evidence == "E1"
    assert draft.hypotheses[0].distinguish == "Nothing listens on the port."
    assert (draft.confidence, draft.estimated_minutes) == (0.9, 20)


@pytest.mark.parametrize(
    "around", ["```json\n%s\n```", "Here it is: {as asked}\n%s\nThat was {all}.", "\ufeff \n%s", "```%s"]
)
def test_what_stands_around_the_json_does_not_matter(around: str) -> None:
    assert read_draft(around % text_of()) == read_draft(text_of())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the answer is empty"),
        (" \n\t ", "the answer is empty"),
        ("I cannot help with that.", "the answer has no JSON object in it"),
        ("[1, 2]", "the answer has no JSON object in it"),
        (text_of()[:200], "the answer breaks off in the middle of its JSON"),
        (text_of()[:-1], "the answer breaks off in the middle of its JSON"),
        ("```json\n" + text_of()[:-20], "the answer breaks off in the middle of its JSON"),
        ('{"enough_evidence": true}', "the answer has no summary"),
        (text_of(category="fire"), "category of the answer is 'fire'"),
        (text_of(severity="Apocalyptic"), "severity of the answer is 'Apocalyptic'"),
        (text_of(confidence="very"), "confidence of the answer is 'very'"),
        (text_of(root_cause=None), "root_cause of the answer is of a kind that it cannot be"),
    ],
)
def test_what_is_no_answer_is_refused_with_a_reason(text: str, expected: str) -> None:
    assert problem(text).startswith(expected)


@pytest.mark.parametrize(
    "word", ["<script>alert(1)</script>", "see https://evil.example/x", "dns\u202e", "x" * 5000, "a\nb"]
)
def test_a_complaint_repeats_nothing_that_is_more_than_a_word(word: str) -> None:
    found = problem(text_of(category=word))
    assert word not in found
    assert "category" in found
    assert found.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "{" * 200_000,
        "[" * 200_000,
        '{"a":' * 30_000,
        '{"a":[' * 30_000,
        "{}x" * 60_000,
        '{"' * 100_000,
        '{"a": ' + "9" * 5_000 + "}",
        "`" * 200_000,
        "{ " * 100_000,
        '{"enough_evidence": {' * 9_000,
    ],
)
def test_an_answer_that_only_costs_time_is_refused(text: str) -> None:
    problem(text)


def test_an_answer_of_a_megabyte_is_refused_and_one_below_the_limit_clipped() -> None:
    assert "too long" in problem(text_of(not_known=["x" * 1_000_000]))
    draft = read_draft(
        text_of(
            not_known=["x" * 20_000] * 4,
            summary=[claim("y" * 9_000, ("E1", "z" * 900))] * 8,
            affected_entity="host" * 300,
        )
    )
    assert [len(text) for text in draft.not_known] == [300] * 4
    assert len(draft.summary) == 5
    assert len(draft.summary[0].text) == 700
    # It is still what the line says, without a mark that it is shortened.
    assert draft.summary[0].citations[0].quote == "z" * 400
    assert len(draft.affected_entity) == 300


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [("NaN", 0), ("Infinity", 1), ("-3", 0), ("95", 1), ("0.5", 0.5), ("1e400", 1)],
)
def test_a_confidence_is_between_0_and_1(given_text: str, expected: float) -> None:
    assert read_draft(text_of(confidence=7).replace("7", given_text, 1)).confidence == expected


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [("-1", 1), ("0", 1), ("2.5", 2), ("NaN", 1), ("1e400", 10_000), ("7" * 40, 10_000)],
)
def test_minutes_are_whole_and_bounded(given_text: str, expected: int) -> None:
    assert read_draft(text_of(estimated_minutes=-99).replace("-99", given_text)).estimated_minutes == expected


@pytest.mark.parametrize("none", [None, "none", "null", ""])
def test_no_action_may_be_said_in_any_way(none: Any) -> None:
    assert read_draft(text_of(suggested_action=none)).suggested_action is None


def test_half_a_character_is_left_out() -> None:
    assert read_draft(text_of(affected_entity="a\ud800\x00b")).affected_entity == "ab"


def test_the_schema_is_one_and_a_good_answer_follows_it() -> None:
    schema = draft_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(answer(), schema)
    jsonschema.validate(answer(suggested_action="none"), schema)
    for wrong in ({"suggested_action": "rm"}, {"category": "fire"}, {"summary": [claim("x")] * 6}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(answer(**wrong), schema)


def test_the_schema_says_only_what_gemini_understands() -> None:
    def check(part: dict[str, Any]) -> None:
        assert part.keys() <= set(SUPPORTED.split())
        assert "$ref" not in part or part.keys() == {"$ref"}
        for inner in [*part.get("properties", {}).values(), *part.get("$defs", {}).values()]:
            check(inner)
        if "items" in part:
            check(part["items"])
        assert set(part.get("required", ())) == set(part.get("properties", ()))

    check(draft_schema())
    assert set(draft_schema()["properties"]) == set(Draft.model_fields)
    assert draft_schema()["properties"]["suggested_action"]["enum"] == [*ACTIONS, "none"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(answer())), JSON), st.text(max_size=30))
def test_whatever_is_answered_is_read_or_refused(changes: dict[str, Any], before: str) -> None:
    try:
        draft = read_draft(before.replace("{", "") + json.dumps(answer(**changes)))
    except DraftError as error:
        assert len(str(error)) < 300
    else:
        assert 0 <= draft.confidence <= 1
        assert 1 <= draft.estimated_minutes <= 10_000
        assert len(draft.hypotheses) <= 3


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(DraftError):
        read_draft(text)
