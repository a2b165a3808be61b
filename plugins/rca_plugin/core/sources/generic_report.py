"""A report of the source `generic`: the shape that anything that can post JSON may use.

It is strict: whoever writes a sender for it learns of a misspelled field at the first try, and not on the night
when the field was needed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationInfo,
    field_validator,
)

from rca_plugin.core.sources.batch import MAX_EVENTS
from rca_plugin.core.sources.fields import (
    CODE_CHARS,
    LABEL_CHARS,
    LABEL_KEY_CHARS,
    MAX_LABELS,
    NAME_CHARS,
    OWNER_CHARS,
    URL_CHARS,
    as_utc,
    identifier,
)
from rca_plugin.core.text import clean

#: Leaves room for the source before it.
_RESOURCE_CHARS = 400
_SOURCE_CHARS = 100
_TEXT_CHARS = 200_000


def _printable(text: str) -> str:
    if identifier(text, len(text)) != text:
        raise ValueError("holds control characters, or blanks around it")
    return text


def _text_only(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _line(limit: int, pattern: str | None = None) -> StringConstraints:
    return StringConstraints(strict=True, min_length=1, max_length=limit, pattern=pattern)


_Printable = AfterValidator(_printable)
_Name = Annotated[str, _line(NAME_CHARS), _Printable]
_Code = Annotated[str, _line(CODE_CHARS), _Printable]
_Owner = Annotated[str, _line(OWNER_CHARS), _Printable]
_Resource = Annotated[str, _line(_RESOURCE_CHARS), _Printable]
_Reporter = Annotated[str, _line(_SOURCE_CHARS, r"^[A-Za-z0-9_.-]+$")]
_Url = Annotated[str, _line(URL_CHARS, r"^https?://"), _Printable]
_Text = Annotated[str, BeforeValidator(_text_only), Field(max_length=_TEXT_CHARS), AfterValidator(clean)]
_LabelKey = Annotated[str, _line(LABEL_KEY_CHARS), _Printable]
_LabelValue = Annotated[str, _line(LABEL_CHARS), _Printable]
_Labels = Annotated[dict[_LabelKey, _LabelValue], Field(max_length=MAX_LABELS)]
_Time = Annotated[AwareDatetime, BeforeValidator(_text_only), AfterValidator(as_utc)]


class GenericReport(BaseModel):
    """One failure, or the end of one. `message` or `title` is required, and `id` or `occurred_at`."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        title="A report to the source `generic`",
        json_schema_extra={
            "allOf": [
                {"anyOf": [{"required": ["message"]}, {"required": ["title"]}]},
                {"anyOf": [{"required": ["id"]}, {"required": ["occurred_at"]}]},
            ]
        },
    )

    source: _Reporter | None = Field(
        default=None, description="Who reports it, such as `kafka-connect`. Goes before the resource."
    )
    resource: _Resource = Field(
        description="What failed, from its widest part to its narrowest, with `/` between them. Must stay the same "
        "from failure to failure: no run ids, no times."
    )
    title: _Text = Field(default="", description="A headline, for where the message alone says too little.")
    message: _Text = Field(default="", validate_default=True, description="The error, in one or a few lines.")
    id: _Name | None = Field(default=None, description="Names this event: the same id again changes nothing.")
    occurred_at: _Time | None = Field(
        default=None, validate_default=True, description="When it happened, ISO 8601 with its zone."
    )
    status: Literal["firing", "resolved"] = Field(
        default="firing",
        description="`resolved` ends the alert of that name, else what is open on the resource.",
    )
    alert: _Name | None = Field(default=None, description="Names the alert, for the report that will end it.")
    severity: Literal["critical", "high", "medium", "low"] | None = Field(
        default=None, description="How much it hurts; left out, the category decides."
    )
    code: _Code | None = Field(default=None, description="An error code or exception class.")
    detail: _Text = Field(default="", description="The traceback or output around it.")
    owner: _Owner | None = Field(default=None, description="Who looks after the resource.")
    run: _Name | None = Field(default=None, description="The run in which it failed.")
    url: _Url | None = Field(default=None, description="Where to see it.")
    labels: _Labels = Field(default_factory=dict, description="Facts that rules and people may ask for.")

    @field_validator("message")
    @classmethod
    def _says_something(cls, message: str, info: ValidationInfo) -> str:
        if not (message.strip() or info.data.get("title", "").strip()):
            raise ValueError("message or title is required")
        return message

    @field_validator("occurred_at")
    @classmethod
    def _is_one_event(cls, time: datetime | None, info: ValidationInfo) -> datetime | None:
        # Without either, tonight's failure could not be told from last night's.
        if time is None and not info.data.get("id"):
            raise ValueError("occurred_at or id is required")
        return time


_DOCUMENTED: TypeAdapter[Any] = TypeAdapter(
    GenericReport | Annotated[list[GenericReport], Field(max_length=MAX_EVENTS)]
)


def json_schema() -> dict[str, Any]:
    """What `docs/generic-report.schema.json` says: one report, or a list of them."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_DOCUMENTED.json_schema()}
