"""How a model is asked for a root cause: a file with words, filled with what is known of one failure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from rca_plugin.core.category import Category
from rca_plugin.core.draft import NO_ACTION, draft_schema
from rca_plugin.core.evidence import Evidence, evidence_to_json
from rca_plugin.core.exhibit import exhibits
from rca_plugin.core.knowledge import ACTIONS, Knowledge
from rca_plugin.core.model_request import ModelRequest
from rca_plugin.core.prompt_file import read_prompt
from rca_plugin.core.text import folded, head

_NAME = "root_cause"
_NAME_CHARS = 300
_TOKEN_DIGITS = 20
_VERSION_DIGITS = 8


@dataclass(frozen=True)
class Prompt:
    """The words of a question, and what they are filled with.

    version: the name and number of the prompt, and a digest of all that it says: who changes a word changes it.
    system: who the model is, and what it must keep to. question, exhibit: with `$blanks`, see the file.
    """

    version: str
    system: str
    question: str
    exhibit: str

    def request(
        self, evidence: Sequence[Evidence], resource: str, source: str, model: str, output_tokens: int
    ) -> ModelRequest:
        """The question about one failure; the same evidence makes the same request."""
        shown = exhibits(evidence)
        token = _token(shown, resource)
        text = Template(self.question).substitute(
            resource=_name(resource),
            source=_name(source),
            token=token,
            evidence="\n\n".join(self._block(item, token) for item in shown) or "(None was collected.)",
        )
        return ModelRequest(model, self.version, self.system, text, draft_schema(), output_tokens)

    def _block(self, item: Evidence, token: str) -> str:
        return Template(self.exhibit).substitute(
            id=item.id,
            kind=_name(item.kind),
            source=_name(item.source),
            time=item.observed_at.isoformat() if item.observed_at else "unknown",
            token=token,
            text=item.text,
        )


def load_prompt(folder: Path, knowledge: Mapping[Category, Knowledge]) -> Prompt:
    """Read `prompts/root_cause.yaml`, and fill in what each category means. RuleError when it is wrong."""
    file = read_prompt(folder / "prompts" / f"{_NAME}.yaml")
    system = Template(file.system).substitute(
        categories=_meanings(knowledge), actions=_actions(), none=NO_ACTION
    )
    said = json.dumps([system, file.question, file.exhibit, draft_schema()], sort_keys=True)
    digest = hashlib.sha256(said.encode()).hexdigest()[:_VERSION_DIGITS]
    return Prompt(f"{_NAME} {file.version} ({digest})", system, file.question, file.exhibit)


def _meanings(knowledge: Mapping[Category, Knowledge]) -> str:
    return "\n".join(f"- {category}: {knowledge[category].title}" for category in Category)


def _actions() -> str:
    return "\n".join(
        f"- {name}: for {', '.join(sorted(sources)) or 'every source'}" for name, sources in ACTIONS.items()
    )


def _name(text: str) -> str:
    """A name from outside, in quotation marks and on one line: it cannot begin a paragraph of its own."""
    return json.dumps(head(folded(text), _NAME_CHARS), ensure_ascii=False)


def _token(shown: Sequence[Evidence], resource: str) -> str:
    """What the fences carry. It depends on all that is shown, so whoever wrote a part of that cannot know it."""
    digest = hashlib.sha256(json.dumps([resource, *map(evidence_to_json, shown)]).encode())
    return digest.hexdigest()[:_TOKEN_DIGITS]
