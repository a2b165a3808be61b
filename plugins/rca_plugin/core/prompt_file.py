"""The file with the words of a prompt, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from rca_plugin.core.yaml_file import LINE, RuleError, line_of, read_yaml

#: The blanks that each text has to have, and no others.
_BLANKS = {
    "system": frozenset({"categories", "actions", "none"}),
    "question": frozenset({"resource", "source", "token", "evidence"}),
    "exhibit": frozenset({"id", "kind", "source", "time", "token", "text"}),
}


@dataclass(frozen=True)
class PromptFile:
    """What stands in it; the texts have `$blanks`."""

    version: int
    system: str
    question: str
    exhibit: str


def read_prompt(file: Path) -> PromptFile:
    """Read it. RuleError that names file and line, and says what to write instead."""
    if not file.is_file():
        raise RuleError(f"{file}: missing; without it no model can be asked")
    content = read_yaml(file)
    for key in content.keys() - {LINE, "version", *_BLANKS}:
        raise _wrong(file, content, key, f"unknown key {key!r}; allowed are version, {', '.join(_BLANKS)}")
    version = content.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _wrong(file, content, "version", f"version is {version!r}; write a whole number from 1 on")
    return PromptFile(version, **{key: _text(file, content, key) for key in _BLANKS})


def _text(file: Path, content: dict[str, Any], key: str) -> str:
    text = content.get(key)
    if not isinstance(text, str) or not text.strip():
        raise _wrong(file, content, key, f"{key} is missing; write a text")
    blanks = _blanks(file, content, key)
    if blanks != _BLANKS[key]:
        wanted = ", ".join(f"${blank}" for blank in sorted(_BLANKS[key]))
        raise _wrong(file, content, key, f"{key} has to have the blanks {wanted}, and no others")
    return text.strip()


def _blanks(file: Path, content: dict[str, Any], key: str) -> set[str]:
    # Python 3.10 has no Template.get_identifiers.
    found = list(Template.pattern.finditer(content[key]))
    if any(blank["invalid"] is not None for blank in found):
        raise _wrong(file, content, key, f"{key} has a $ that begins no blank; write $$ for a dollar sign")
    return {name for blank in found if (name := blank["named"] or blank["braced"])}


def _wrong(file: Path, content: dict[str, Any], key: str, problem: str) -> RuleError:
    return RuleError(f"{file.name}:{line_of(content, key)}: {problem}")
