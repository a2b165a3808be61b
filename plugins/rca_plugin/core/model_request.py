"""What a model is asked, whole: with it the same can be asked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ModelRequest:
    """One question to a model, exactly as it is sent.

    model: its name, such as "gemini-2.5-flash". prompt: which prompt it was made with, and in which version.
    system: who the model is, and what it must keep to. text: the evidence, and the question.
    schema: the JSON Schema of the answer. output_tokens: the most that it may answer, its thoughts included.
    """

    model: str
    prompt: str
    system: str
    text: str
    schema: Mapping[str, Any]
    output_tokens: int


def request_to_json(request: ModelRequest) -> dict[str, Any]:
    """A plain dict, ready for `json.dumps`."""
    return asdict(request)


def request_from_json(data: Mapping[str, Any]) -> ModelRequest:
    """The inverse of `request_to_json`. Raises KeyError on a malformed dict."""
    return ModelRequest(
        model=str(data["model"]),
        prompt=str(data["prompt"]),
        system=str(data["system"]),
        text=str(data["text"]),
        schema=dict(data["schema"]),
        output_tokens=int(data["output_tokens"]),
    )
