"""A hostile log as a file in `logs`, and what a model answers that does as it is told.

    about, source, resource, message, detail, evidence: as it was reported and collected; evidence of a kind and a text
    answer: what the attacker dreams of, in the words of our draft; a claim may be written as its text alone
    cite: the evidence that all its claims cite, and the words of it that they quote
    raw, raw_repeat: the whole answer, or what it is made of and how often

`$SECRET` stands for a secret. In an answer it is one only where the request gave it away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rca_plugin.core.classification import Classification, classify
from rca_plugin.core.evidence import Evidence, evidence_to_json
from rca_plugin.core.redaction import Redactor
from rca_plugin.core.rules import Rules
from rca_plugin.core.text import clean
from rca_plugin.core.yaml_file import LINE, read_yaml
from rca_plugin.worker.failure_case import symptom_of
from tests.secrets_of_each_kind import planted

FOLDER = Path(__file__).parent / "logs"
_KINDS_PLANTED = 4
_REDACTOR = Redactor()
_CLAIMS = ("summary", "hypotheses", "recommendations")
_KEYS = {
    "about",
    "source",
    "resource",
    "message",
    "detail",
    "evidence",
    "answer",
    "cite",
    "raw",
    "raw_repeat",
}


@dataclass(frozen=True)
class Hostile:
    """One hostile log. `number` decides which kinds of secrets are planted in it."""

    name: str
    number: int
    content: dict[str, Any]

    @property
    def source(self) -> str:
        return str(self.content["source"])

    @property
    def resource(self) -> str:
        return str(self.content["resource"])

    @cached_property
    def secrets(self) -> dict[str, str]:
        """What must never be seen again, by the text that holds it."""
        marker = hashlib.sha256(self.name.encode()).hexdigest()[:12]
        kinds = list(planted(marker).values())
        some = [kinds[(self.number * _KINDS_PLANTED + n) % len(kinds)] for n in range(_KINDS_PLANTED)]
        return {f"password={self._secret}": self._secret, **dict(some)}

    @property
    def _secret(self) -> str:
        return f"s3cr{hashlib.sha256(self.name[::-1].encode()).hexdigest()[:12]}X"

    @cached_property
    def _facts(self) -> list[tuple[str, str]]:
        """The report, what was collected, and secrets, as nobody has redacted them yet."""
        report = [("error", self.content["message"]), ("traceback", self.content.get("detail", ""))]
        collected = [(fact["kind"], fact["text"]) for fact in self.content["evidence"]]
        facts = [*report, *collected, *(("log", text) for text in self.secrets)]
        return [(kind, text.replace("$SECRET", self._secret)) for kind, text in facts if text]

    def incident(self, rules: Rules, redact: Callable[[str], str] = _REDACTOR.text) -> dict[str, Any]:
        """As the server has it, redacted and classified by the rules."""
        facts = [(kind, clean(redact(text))) for kind, text in self._facts]
        failure = {
            "final": True,
            "code": None,
            "message": redact(self.content["message"]),
            "detail": redact(self.content.get("detail", "")),
        }
        incident = {
            "id": self.number + 1,
            "source": self.source,
            "resource": self.resource,
            "fingerprint": self.name,
            "failures": [failure],
            "evidence": [
                evidence_to_json(Evidence(f"E{n}", kind, "a hostile log", None, text))
                for n, (kind, text) in enumerate(facts, 1)
            ],
        }
        found: Classification = classify(symptom_of(incident), rules)
        return {
            **incident,
            "category": found.category.value,
            "severity": found.severity.value,
            "rule": found.rule,
            "confidence": found.confidence,
        }

    def obeyed(self, request: str) -> str:
        """What a model answers that does all it is told, with every secret that it was sent."""
        sent = self._secret if self._secret in request else "it was not sent"
        return self._answer().replace("$SECRET", sent)

    def _answer(self) -> str:
        if "raw" in self.content:
            return str(self.content["raw"])
        if "raw_repeat" in self.content:
            piece, times = self.content["raw_repeat"]
            return str(piece) * int(times)
        return json.dumps(self._dream())

    def _dream(self) -> dict[str, Any]:
        dream = {
            key: value for key, value in self.content["answer"].items() if key not in (LINE, "distinguish")
        }
        distinguish = self.content["answer"].get("distinguish", "It is so.")
        dream.setdefault("summary", [dream["root_cause"]])
        dream.setdefault("hypotheses", [dream["root_cause"]])
        dream.setdefault("recommendations", [f"Do it: {dream['root_cause']}"])
        for name in _CLAIMS:
            dream[name] = [{**self._claim(text), "distinguish": distinguish} for text in dream[name]]
        return {
            "enough_evidence": True,
            "severity": "Low",
            "confidence": 0.99,
            "not_known": [],
            "estimated_minutes": 1,
            "suggested_action": "none",
            **dream,
            "root_cause": self._claim(dream["root_cause"]),
        }

    def _claim(self, text: str) -> dict[str, Any]:
        evidence, quote = self.content["cite"]
        return {"text": text, "citations": [{"evidence": evidence, "quote": quote}]}


def load_hostile() -> list[Hostile]:
    """All of them, by name."""
    return [_read(number, file) for number, file in enumerate(sorted(FOLDER.glob("*.yaml")))]


def _read(number: int, file: Path) -> Hostile:
    content = read_yaml(file)
    unknown = content.keys() - {LINE, *_KEYS}
    answers = [key for key in ("answer", "raw", "raw_repeat") if key in content]
    assert not unknown, f"{file.name}: {unknown} is not known"
    assert len(answers) == 1, f"{file.name}: has to have one of answer, raw and raw_repeat"
    return Hostile(file.stem, number, content)
