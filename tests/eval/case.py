"""A failure as somebody meets it, and what a good analysis of it says: one YAML file each in `cases`.

about: why the case is here
kind: fault | no_fault | not_enough | misleading | injected
source, resource, code, message, detail: the report (code and detail may be left out)
evidence: a list of kind, source and text, as the product collects it; what the report itself says is added to it
category: the right one, or a list where more than one can be defended
abstain: whether nothing can or should be blamed
must: facts that have to be in the answer, each a list of texts of which one is enough; case does not matter
must_not: texts that must not be in what the answer asserts or advises
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from rca_plugin.core.category import Category
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.failure import Source
from rca_plugin.core.redaction import Redactor
from rca_plugin.core.yaml_file import LINE, RuleError, line_of, read_yaml

FOLDER = Path(__file__).parent / "cases"
_REQUIRED = (
    "about",
    "kind",
    "source",
    "resource",
    "message",
    "evidence",
    "category",
    "abstain",
    "must",
    "must_not",
)
_OPTIONAL = ("code", "detail")


class Kind(str, Enum):
    """What a case is to show."""

    FAULT = "fault"
    NO_FAULT = "no_fault"
    NOT_ENOUGH = "not_enough"
    MISLEADING = "misleading"
    INJECTED = "injected"


@dataclass(frozen=True)
class Case:
    """One case. `evidence` is redacted and numbered, and begins with the report."""

    name: str
    about: str
    kind: Kind
    source: Source
    resource: str
    code: str | None
    message: str
    detail: str
    evidence: tuple[Evidence, ...]
    categories: tuple[Category, ...]
    abstain: bool
    must: tuple[tuple[str, ...], ...]
    must_not: tuple[str, ...]


def load_cases(folder: Path = FOLDER) -> list[Case]:
    """All cases, by name. RuleError naming the file, its line, and what is wrong."""
    return [read_case(file) for file in sorted(folder.glob("*.yaml"))]


def read_case(file: Path) -> Case:
    """One case. RuleError when it is none."""
    reader = _Reader(file, read_yaml(file))
    reader.check_keys()
    redact = Redactor().text
    code, message, detail = (
        reader.text("code") or None,
        redact(reader.text("message")),
        redact(reader.text("detail")),
    )
    source = reader.word("source", Source)
    found = [
        ("error", f"report of the {'listener' if source is Source.AIRFLOW else 'webhook'}", message),
        ("traceback", "report of the listener", detail),
        *((kind, origin, redact(text)) for kind, origin, text in reader.evidence()),
    ]
    shown = [fact for fact in found if fact[2]]
    case = Case(
        name=file.stem,
        about=reader.text("about"),
        kind=reader.word("kind", Kind),
        source=source,
        resource=reader.text("resource"),
        code=code,
        message=message,
        detail=detail,
        evidence=tuple(
            Evidence(f"E{n}", kind, by, None, text) for n, (kind, by, text) in enumerate(shown, 1)
        ),
        categories=tuple(reader.categories()),
        abstain=reader.flag("abstain"),
        must=tuple(reader.facts()),
        must_not=tuple(reader.texts("must_not")),
    )
    reader.check_sense(case)
    return case


class _Reader:
    def __init__(self, file: Path, content: Mapping[str, Any]) -> None:
        self._file, self._content = file, content

    def wrong(self, key: str, why: str) -> RuleError:
        return RuleError(f"{self._file.name}:{line_of(self._content, key)}: {key}: {why}")

    def check_keys(self) -> None:
        given = self._content.keys() - {LINE}
        for key in sorted(set(_REQUIRED) - given):
            raise self.wrong(key, "is missing")
        for key in sorted(given - {*_REQUIRED, *_OPTIONAL}):
            raise self.wrong(key, f"is not known; a case has {', '.join([*_REQUIRED, *_OPTIONAL])}")

    def text(self, key: str) -> str:
        value = self._content.get(key)
        if value is None and key in _OPTIONAL:
            return ""
        if not isinstance(value, str):
            raise self.wrong(key, f"must be a text, got {type(value).__name__}; put it in quotes")
        return value.strip("\n")

    def flag(self, key: str) -> bool:
        value = self._content[key]
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value

    def word(self, key: str, kind: type[Any]) -> Any:
        try:
            return kind(self._content[key])
        except ValueError:
            raise self.wrong(key, f"{self._content[key]!r} is none of {', '.join(kind)}") from None

    def texts(self, key: str, value: Any = None) -> list[str]:
        listed = self._content[key] if value is None else value
        if not isinstance(listed, list) or not all(isinstance(item, str) and item.strip() for item in listed):
            raise self.wrong(key, "must be a list of texts; put numbers in quotes")
        return list(listed)

    def facts(self) -> Iterator[tuple[str, ...]]:
        listed = self._content["must"]
        if not isinstance(listed, list) or not listed:
            raise self.wrong("must", "must be a list with at least one fact")
        for fact in listed:
            if not (texts := self.texts("must", fact)):
                raise self.wrong("must", "a fact needs at least one text")
            yield tuple(texts)

    def categories(self) -> Iterator[Category]:
        value = self._content["category"]
        for name in self.texts("category", value if isinstance(value, list) else [value]):
            if name not in list(Category):
                raise self.wrong("category", f"{name!r} is no category")
            yield Category(name)

    def evidence(self) -> Iterator[tuple[str, str, str]]:
        listed = self._content["evidence"]
        if not isinstance(listed, list):
            raise self.wrong("evidence", "must be a list")
        for fact in listed:
            keys = fact.keys() - {LINE} if isinstance(fact, dict) else set()
            if keys != {"kind", "source", "text"} or not all(isinstance(fact[key], str) for key in keys):
                raise self.wrong("evidence", "each needs the texts kind, source and text, and nothing else")
            yield fact["kind"], fact["source"], fact["text"].strip("\n")

    def check_sense(self, case: Case) -> None:
        """What contradicts itself would be scored all the same."""
        if not case.name.startswith(case.kind.value):
            raise self.wrong("kind", f"the name of the file must begin with {case.kind.value}")
        if case.abstain is not (case.categories == (Category.UNKNOWN,)):
            raise self.wrong("abstain", "is true exactly when the category is unknown")
        if case.abstain is not (case.kind in (Kind.NO_FAULT, Kind.NOT_ENOUGH)):
            raise self.wrong("abstain", f"does not go with the kind {case.kind.value}")
