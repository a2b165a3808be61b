"""Rules by the words of their phrases, so that a text is compared with few of them however many there are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rca_plugin.core.phrase import Phrase

if TYPE_CHECKING:
    from rca_plugin.core.rules import Rule

_WORD = re.compile(r"\w+")
_Entry = tuple["Rule", Phrase]


@dataclass(frozen=True)
class PhraseIndex:
    """Phrases by a word that must stand in the text, and those that have no whole word."""

    _by_word: dict[str, list[_Entry]]
    _wordless: tuple[_Entry, ...]

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> PhraseIndex:
        """Index the phrases of all rules, each by its word that the fewest others have."""
        entries = [(rule, phrase) for rule in rules for phrase in rule.phrases]
        common = Counter(word for _, phrase in entries for word in set(phrase.words))
        by_word: dict[str, list[_Entry]] = {}
        wordless: list[_Entry] = []
        for rule, phrase in entries:
            word = min(phrase.words, key=lambda word: (common[word], -len(word)), default=None)
            (wordless if word is None else by_word.setdefault(word, [])).append((rule, phrase))
        return cls(by_word, tuple(wordless))

    def perhaps_in(self, text: str, source: str) -> Iterator[_Entry]:
        """The rules and phrases whose first words stand in a folded text; whether all do, the phrase tells."""
        for word in set(_WORD.findall(text)):
            yield from _standing(self._by_word.get(word, ()), text, source)
        yield from _standing(self._wordless, text, source)


def _standing(entries: Iterable[_Entry], text: str, source: str) -> Iterator[_Entry]:
    for rule, phrase in entries:
        if phrase.fragments[0] in text and (not rule.sources or source in rule.sources):
            yield rule, phrase
