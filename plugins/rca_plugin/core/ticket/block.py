"""What the text of a ticket is made of, before it is written in the format that a site reads.

Everything in it is text of others, logs and answers of models included, but for the addresses of links, which are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# Jira takes 32,767 characters.
_MOST_CHARS = 30_000


@dataclass(frozen=True)
class Heading:
    """Above what follows."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """One paragraph."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list, with at least one entry."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Lines as they are."""

    text: str


@dataclass(frozen=True)
class Link:
    """An address of ours, with what it leads to."""

    text: str
    url: str


@dataclass(frozen=True)
class Links:
    """Several, side by side; at least one."""

    links: tuple[Link, ...]


Block = Heading | Paragraph | Bullets | Code | Links


def fitting(blocks: Sequence[Block], write: Callable[[Sequence[Block]], Any]) -> Any:
    """The blocks in a format, without the last ones where all are more than Jira takes."""
    for count in range(len(blocks), 0, -1):
        written = write(blocks[:count])
        if len(str(written)) <= _MOST_CHARS:
            return written
    return write(())
