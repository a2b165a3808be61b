"""The answer of a model to the question for a root cause, before anybody checked what it rests on."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rca_plugin.core.category import Category, Severity
from rca_plugin.core.knowledge import ACTIONS
from rca_plugin.core.model_json import DraftError as DraftError
from rca_plugin.core.model_json import first_object
from rca_plugin.core.text import clean, head

#: How a model says that repeating cannot help.
NO_ACTION = "none"
MOST_MINUTES = 10_000
# In this part of JSON Schema Gemini answers; what else pydantic writes it refuses or ignores (google-genai 3.4.0,
# `GenerateContentConfig.response_json_schema`). Beside a `$ref` nothing else may stand.
_UNDERSTOOD = frozenset(
    "$defs $ref type description enum items maxItems minItems properties required".split()  # noqa: SIM905  shorter
)


def _texts(limit: int) -> BeforeValidator:
    """Clips a text that is too long: the rest of the answer may be good."""
    return BeforeValidator(lambda given: head(clean(given), limit) if isinstance(given, str) else given)


def _first(most: int) -> BeforeValidator:
    return BeforeValidator(lambda given: given[:most] if isinstance(given, list) else given or [])


def _within(least: int, most: int) -> BeforeValidator:
    def bounded(given: Any) -> Any:
        if not isinstance(given, (int, float)) or isinstance(given, bool):
            return given
        # NaN is smaller than nothing.
        return min(max(given, least), most) if given == given else least

    return BeforeValidator(bounded)


def _whole(given: Any) -> Any:
    return int(given) if isinstance(given, float) else given


def _action(given: Any) -> Any:
    return None if given in ("", NO_ACTION, "null") else given


# A prefix of a quote is still one; the mark of a shortened text would not stand in the evidence.
_Quote = Annotated[
    str, BeforeValidator(lambda given: clean(given)[:400] if isinstance(given, str) else given)
]
_Id = Annotated[str, _texts(12)]
_Short = Annotated[str, _texts(300)]
_Text = Annotated[str, _texts(700)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class DraftCitation(_Part):
    """Which evidence shows it, and the words of one of its lines that do."""

    evidence: Annotated[_Id, Field(description="The id of the evidence, such as E3.")]
    quote: Annotated[_Quote, Field(description="Words of ONE line of it, copied character by character.")]


class DraftClaim(_Part):
    """A statement, and what it rests on."""

    text: Annotated[_Text, Field(description="One plain sentence.")]
    citations: Annotated[list[DraftCitation], _first(6)] = []


class DraftHypothesis(DraftClaim):
    """A possible deeper cause, and how to tell it from the others."""

    distinguish: Annotated[_Text, Field(description="What would show that it is this one and no other.")] = ""


class Draft(_Part):
    """The analysis of one failure."""

    enough_evidence: Annotated[bool, Field(description="false when the evidence does not show the cause.")]
    summary: Annotated[list[DraftClaim], Field(max_length=5), _first(5)]
    root_cause: DraftClaim
    hypotheses: Annotated[list[DraftHypothesis], Field(max_length=3), _first(3)] = []
    recommendations: Annotated[list[DraftClaim], Field(max_length=6), _first(6)] = []
    not_known: Annotated[list[_Short], Field(max_length=8), _first(8)] = []
    category: Category
    severity: Severity
    confidence: Annotated[float, _within(0, 1), Field(description="0.0 to 1.0.")] = 0.0
    affected_entity: Annotated[
        _Short, Field(description="The host, table, path, cluster or task it is about.")
    ] = ""
    suggested_action: Annotated[str | None, _texts(60), BeforeValidator(_action)] = None
    estimated_minutes: Annotated[int, BeforeValidator(_whole), _within(1, MOST_MINUTES)] = MOST_MINUTES


def draft_schema() -> dict[str, Any]:
    """The JSON Schema of the answer, in the part of JSON Schema that Gemini understands. Everything is required."""
    schema: dict[str, Any] = _understood(Draft.model_json_schema())
    actions = {"type": "string", "enum": [*ACTIONS, NO_ACTION]}
    schema["properties"]["suggested_action"] = actions
    return schema


def _understood(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return {"$ref": part["$ref"]}
    kept = {key: part[key] for key in part if key in _UNDERSTOOD}
    for named in {"$defs", "properties"} & kept.keys():
        kept[named] = {name: _understood(schema) for name, schema in kept[named].items()}
    if "items" in kept:
        kept["items"] = _understood(kept["items"])
    if "properties" in kept:
        kept["required"] = list(kept["properties"])
    return kept


def read_draft(text: str) -> Draft:
    """Read an answer; what stands around its JSON does not matter. DraftError when it is none."""
    try:
        return Draft.model_validate(first_object(text))
    except ValidationError as error:
        raise DraftError(_complaint(error)) from None


def _complaint(error: ValidationError) -> str:
    """What is wrong with the first wrong field; a word of the answer only where it is one."""
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"])) or "the answer"
    if first["type"] == "missing":
        return f"the answer has no {where}"
    given = first["input"]
    word = given if isinstance(given, str) and given.replace("_", "").isalnum() and len(given) <= 40 else None
    what = repr(word) if word and word.isascii() else f"of a kind that it cannot be ({type(given).__name__})"
    return f"{where} of the answer is {what}; it {_must(first['type'])}"


def _must(kind: str) -> str:
    return "must be one of the words that were allowed" if kind == "enum" else "must be as the schema says"
