r"""Text in Jira's wiki markup, which Data Center reads. Text of others has no markup in it, whatever it says.

What could be markup is written as a character reference, as Jira itself does with `\{` while it renders.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rca_plugin.core.ticket.block import Block, Bullets, Code, Heading, Links

# All but letters, digits, white space and what means nothing anywhere. Addresses and keys of tickets become links by
# themselves: `:`, `/` and `-` are why they do.
_MARKUP = re.compile(r"[^\w\s.,'%=\"]|_", re.ASCII)
# Such as `h1.` and `bq.`, which make something of the line they begin.
_OPENING = re.compile(r"(?<=^[A-Za-z][A-Za-z0-9])\.")
_BREAKS = re.compile(r"\s+")
_BRACE = re.compile(r"\{(?=\s*[A-Za-z])")


def wiki(blocks: Sequence[Block]) -> str:
    """The text."""
    return "\n\n".join(_written(block) for block in blocks)


def _written(block: Block) -> str:
    if isinstance(block, Heading):
        return f"h3. {_plain(block.text)}"
    if isinstance(block, Code):
        # Here references are not read; `{noformat}` would end it, and with a space behind the brace it is none.
        return f"{{noformat}}\n{_BRACE.sub('{ ', block.text)}\n{{noformat}}"
    if isinstance(block, Bullets):
        return "\n".join(f"* {_plain(item)}" for item in block.items)
    if isinstance(block, Links):
        return " · ".join(f"[{_plain(link.text)}|{link.url}]" for link in block.links)
    return _plain(block.text)


def _plain(text: str) -> str:
    one_line = _BREAKS.sub(" ", text).strip()
    return _OPENING.sub("&#46;", _MARKUP.sub(_reference, one_line)) or "…"


def _reference(found: re.Match[str]) -> str:
    char = found[0]
    return f"&#{ord(char)};" if char.isascii() else char
