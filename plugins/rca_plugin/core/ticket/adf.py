"""Text in the Atlassian Document Format, which Jira Cloud reads. Text of others is text in it, never markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rca_plugin.core.ticket.block import Block, Bullets, Code, Heading, Link, Links

_MOST_DEPTH = 20


def adf(blocks: Sequence[Block]) -> dict[str, Any]:
    """The document."""
    return {"type": "doc", "version": 1, "content": [_node(block) for block in blocks]}


def text_of(node: Any, depth: int = 0) -> str:
    """All text in a document of anybody's."""
    return "".join(_texts(node, depth))


def _texts(node: Any, depth: int) -> Iterator[str]:
    if not isinstance(node, dict) or depth > _MOST_DEPTH:
        return
    if isinstance(node.get("text"), str):
        yield node["text"]
    content = node.get("content")
    for inner in content if isinstance(content, list) else ():
        yield from _texts(inner, depth + 1)


def _node(block: Block) -> dict[str, Any]:
    if isinstance(block, Heading):
        return {"type": "heading", "attrs": {"level": 3}, "content": [_text(block.text)]}
    if isinstance(block, Code):
        return {"type": "codeBlock", "content": [_text(block.text)]}
    if isinstance(block, Bullets):
        items = [{"type": "listItem", "content": [_paragraph(_text(item))]} for item in block.items]
        return {"type": "bulletList", "content": items}
    if isinstance(block, Links):
        return _paragraph(*_side_by_side(block.links))
    return _paragraph(_text(block.text))


def _side_by_side(links: Sequence[Link]) -> Iterator[dict[str, Any]]:
    for place, link in enumerate(links):
        if place:
            yield _text(" · ")
        yield _text(link.text) | {"marks": [{"type": "link", "attrs": {"href": link.url}}]}


def _paragraph(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(content)}


def _text(text: str) -> dict[str, Any]:
    # An empty text makes the whole document invalid.
    return {"type": "text", "text": text or "-"}
