"""Text that rules and knowledge look for: plain words in which `*` stands for anything on the same line.

There are no regular expressions in the data, so nothing written there can make the classifier slow,
whatever log it meets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Phrase:
    """Text that must stand in one line, in this order; see `Phrase.of`."""

    fragments: tuple[str, ...]
    open_start: bool
    open_end: bool

    @classmethod
    def of(cls, text: str) -> Phrase:
        """Read `connection to * refused`: case is ignored, `*` is anything on the line.

        A phrase that begins or ends with a letter or digit matches whole words only
        ("oom" is not in "room_id"); a `*` at that end lifts this.
        """
        folded = " ".join(text.lower().split())
        fragments = tuple(part for part in (f.strip() if f != " " else f for f in folded.split("*")) if part)
        if not fragments:
            raise ValueError(f"the phrase {text!r} has no text")
        return cls(fragments, folded.startswith("*"), folded.endswith("*"))

    @cached_property
    def text(self) -> str:
        """The phrase as it was read, without the stars at its ends."""
        return " * ".join(self.fragments)

    def within(self, text: str) -> bool:
        """Whether it is only a part of another phrase."""
        return len(self.text) < len(text) and self.text in text

    @property
    def words(self) -> list[str]:
        """The words that stand whole in every text with this phrase."""
        return [word for at, part in enumerate(self.fragments) for word in self._whole(at, part)]

    def _whole(self, at: int, part: str) -> list[str]:
        words = [(found.start(), found.end()) for found in _WORD.finditer(part)]
        opens = at == 0 and not self.open_start
        closes = at == len(self.fragments) - 1 and not self.open_end
        return [part[a:b] for a, b in words if (a > 0 or opens) and (b < len(part) or closes)]

    def find(self, line: str) -> int:
        """Where the phrase starts in a lower-case line, or -1. Time is linear in the line."""
        start = line.find(self.fragments[0])
        while start >= 0:
            if self._opens(line, start):
                return start if self._continues(line, start) else -1
            start = line.find(self.fragments[0], start + 1)
        return -1

    def _opens(self, line: str, start: int) -> bool:
        if not self.open_start and _joined(line, start):
            return False
        return len(self.fragments) > 1 or self._closes(line, start + len(self.fragments[0]))

    def _continues(self, line: str, start: int) -> bool:
        end = start + len(self.fragments[0])
        for fragment in self.fragments[1:-1]:
            at = line.find(fragment, end)
            if at < 0:
                return False
            end = at + len(fragment)
        return len(self.fragments) == 1 or self._ends(line, end)

    def _ends(self, line: str, start: int) -> bool:
        last = self.fragments[-1]
        at = line.find(last, start)
        while at >= 0 and not self._closes(line, at + len(last)):
            at = line.find(last, at + 1)
        return at >= 0

    def _closes(self, line: str, end: int) -> bool:
        return self.open_end or not _joined(line, end)


def _joined(line: str, at: int) -> bool:
    """Whether the characters on both sides of a position belong to one word."""
    return 0 < at < len(line) and _in_word(line[at - 1]) and _in_word(line[at])


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_"
