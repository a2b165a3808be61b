"""One mapping of a knowledge file, checked as it is read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rca_plugin.core.note.place import BLANKS, misplaced_blanks
from rca_plugin.core.yaml_file import LINE, RuleError, line_of

_MOST_SENTENCES = 2
_NEXT_SENTENCE = re.compile(r"[.!?]\s+(?=[A-Z`])")


class Entry:
    """A mapping in a file. Raises RuleError with the place where it stands and what to write instead."""

    def __init__(self, file: Path, content: Any, allowed: Iterable[str], line: int = 1) -> None:
        self.file = file
        if not isinstance(content, Mapping):
            raise RuleError(f"{file.name}:{line}: {content!r} is no mapping; write `key: value` lines")
        self.content = content
        for key in content.keys() - {LINE} - set(allowed):
            close = difflib.get_close_matches(str(key), allowed, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(sorted(allowed))}"
            raise self.wrong(key, f"unknown key {key!r}; {hint}")

    def wrong(self, key: str, problem: str) -> RuleError:
        """The error to raise about one of its keys."""
        return RuleError(f"{self.file.name}:{line_of(self.content, key)}: {problem}")

    def text(self, key: str) -> str:
        """A text that has to be there."""
        value = self.content.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, f"{key} is missing; write one or two sentences")
        return self._checked(key, value)

    def sentences(self, key: str) -> str:
        """A text of one or two sentences: a summary has room for no more."""
        text = self.text(key)
        if len(_NEXT_SENTENCE.findall(text)) >= _MOST_SENTENCES:
            raise self.wrong(key, f"{key} is too long; write at most {_MOST_SENTENCES} sentences")
        return text

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts that has to be there."""
        items = self.content.get(key)
        if not isinstance(items, list) or not items or not all(isinstance(item, str) for item in items):
            raise self.wrong(key, f"{key} must be a list of sentences; quote one that has a colon in it")
        return tuple(self._checked(key, item) for item in items)

    def words(self, key: str, allowed: Iterable[str]) -> tuple[str, ...]:
        """A list of these words; empty when it is not there."""
        words = self.content.get(key) or []
        for word in words:
            if word not in allowed:
                raise self.wrong(key, f"{key} has {word!r}; allowed are {', '.join(sorted(allowed))}")
        return tuple(words)

    def entries(self, key: str, allowed: Iterable[str]) -> Iterator[Entry]:
        """A list of mappings with these keys; empty when it is not there."""
        items = self.content.get(key) or []
        if not isinstance(items, list):
            raise self.wrong(key, f"{key} must be a list, each entry beginning with a dash")
        return (Entry(self.file, item, allowed, line_of(self.content, key)) for item in items)

    def _checked(self, key: str, text: str) -> str:
        for blank in misplaced_blanks(text):
            allowed = ", ".join(sorted(BLANKS))
            raise self.wrong(key, f"{{{blank}}} must stand in `code` and be one of {allowed}")
        return " ".join(text.split())
