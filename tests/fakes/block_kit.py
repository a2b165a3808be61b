"""What Slack takes in a call of its Web API and in the blocks of a message, by its reference; what is more, it refuses.

Its document of the API types most of this as `object`, so that a check against that alone would let anything through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_CHANNEL = re.compile(r"[CGD][A-Z0-9]{8,30}")
_TS = re.compile(r"[0-9]{10}\.[0-9]{6}")
_EVENT_TYPE = re.compile(r"[a-z0-9_]{1,80}")
_PAGE = ("limit", "cursor", "oldest", "latest", "inclusive", "include_all_metadata")
_CONTENT = ("text", "blocks", "metadata", "link_names")
#: What each call has to say, and what it may say.
_ARGUMENTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "chat.postMessage": (
        ("channel", "text"),
        (*_CONTENT, "thread_ts", "unfurl_links", "unfurl_media", "mrkdwn"),
    ),
    "chat.update": (("channel", "ts", "text"), _CONTENT),
    "chat.getPermalink": (("channel", "message_ts"), ()),
    "conversations.history": (("channel",), _PAGE),
    "conversations.replies": (("channel", "ts"), _PAGE),
}
_MOST_BLOCKS, _MOST_TEXT, _MOST_IN_ALL, _MOST_METADATA = 50, 40_000, 12_000, 8_000
_ID = 255


def mistakes(call: str, said: Mapping[str, Any]) -> list[str]:
    """What is wrong with a call, each in one line; nothing is wrong with one that Slack takes."""
    needed, allowed = _ARGUMENTS[call]
    found = [f"{name} is missing" for name in needed if not said.get(name)]
    found += [f"there is no {name}" for name in said if name not in (*needed, *allowed)]
    found += [
        f"{name} is {said[name]!r:.60}"
        for name, is_right in _VALUES.items()
        if name in said and not is_right(said[name])
    ]
    return [f"{call}: {problem}" for problem in [*found, *_of_blocks(said.get("blocks"))]]


def _text(value: Any, most: int, kinds: tuple[str, ...] = ("plain_text",)) -> Iterator[str]:
    if not isinstance(value, dict) or value.get("type") not in kinds:
        yield f"{value!r:.60} is no {' or '.join(kinds)}"
    elif not isinstance(value.get("text"), str) or not 1 <= _units(value["text"]) <= most:
        yield f"a text of {_units(str(value.get('text')))} characters where {most} are taken"
    elif more := value.keys() - (
        {"type", "text", "emoji"} if value["type"] == "plain_text" else {"type", "text"}
    ):
        yield f"a text has {sorted(more)}"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _of_blocks(blocks: Any) -> Iterator[str]:
    if blocks is None:
        return
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= _MOST_BLOCKS:
        yield f"blocks are no list of 1 to {_MOST_BLOCKS}"
        return
    for place, block in enumerate(blocks):
        for problem in _of_block(block):
            yield f"block {place}: {problem}"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        yield "two blocks have the same block_id"
    if (length := sum(map(_units, _all_texts(blocks)))) > _MOST_IN_ALL:
        yield f"all blocks together have {length} characters"


def _of_block(block: Any) -> Iterator[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in _BLOCKS:
        yield f"there is no block of the type {kind!r}"
        return
    keys, check = _BLOCKS[kind]
    if more := block.keys() - {"type", "block_id", *keys}:
        yield f"a {kind} has {sorted(more)}"
    if not isinstance(block.get("block_id", "-"), str) or not 1 <= len(block.get("block_id", "-")) <= _ID:
        yield "its block_id is no text of 1 to 255 characters"
    yield from check(block)


def _section(block: dict[str, Any]) -> Iterator[str]:
    if not block.get("text") and not block.get("fields"):
        yield "a section says nothing"
    if "text" in block:
        yield from _text(block["text"], 3_000, ("plain_text", "mrkdwn"))
    if len(block.get("fields", "-")) not in range(1, 11):
        yield "a section has no 1 to 10 fields"
    for text in block.get("fields", ()):
        yield from _text(text, 2_000, ("plain_text", "mrkdwn"))


def _context(block: dict[str, Any]) -> Iterator[str]:
    if len(block.get("elements", ())) not in range(1, 11):
        yield "a context has no 1 to 10 elements"
    for text in block.get("elements", ()):
        yield from _text(text, 3_000, ("plain_text", "mrkdwn"))


def _actions(block: dict[str, Any]) -> Iterator[str]:
    elements = block.get("elements", ())
    if len(elements) not in range(1, 26):
        yield "there are no 1 to 25 actions"
    names = [element.get("action_id") for element in elements]
    if len(names) != len(set(names)):
        yield "two actions of a block have the same action_id"
    for element in elements:
        yield from _button(element)


def _button(element: dict[str, Any]) -> Iterator[str]:
    if element.get("type") != "button":
        yield f"no button: {element!r:.60}"
        return
    if more := element.keys() - {"type", "action_id", "text", "value", "url", "style", "confirm"}:
        yield f"a button has {sorted(more)}"
    yield from _text(element.get("text"), 75)
    for name, most in (("action_id", _ID), ("value", 2_000), ("url", 3_000)):
        if name in element and not (isinstance(element[name], str) and 1 <= len(element[name]) <= most):
            yield f"{name} of a button is no text of 1 to {most} characters"
    if element.get("style", "danger") not in ("primary", "danger"):
        yield f"a button in the style {element['style']!r}"
    if "confirm" in element:
        yield from _confirm(element["confirm"])


def _confirm(dialog: dict[str, Any]) -> Iterator[str]:
    limits = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
    if more := dialog.keys() - {*limits, "style"}:
        yield f"a confirmation has {sorted(more)}"
    for name, most in limits.items():
        yield from _text(dialog.get(name), most)


def _input(block: dict[str, Any]) -> Iterator[str]:
    yield from _text(block.get("label"), 2_000)
    element = block.get("element") or {}
    if element.get("type") != "plain_text_input":
        yield f"no text input: {element!r:.60}"
    if more := element.keys() - {
        "type", "action_id", "max_length", "min_length", "placeholder", "multiline", "dispatch_action_config",
    }:  # fmt: skip
        yield f"an input has {sorted(more)}"
    if not 1 <= len(element.get("action_id", "-")) <= _ID or not 1 <= element.get("max_length", 1) <= 3_000:
        yield "action_id or max_length of an input is too long"
    if "placeholder" in element:
        yield from _text(element["placeholder"], 150)


def _rich_text(block: dict[str, Any]) -> Iterator[str]:
    for part in block.get("elements") or [{}]:
        if part.get("type") != "rich_text_preformatted" or part.keys() - {"type", "elements", "border"}:
            yield f"no preformatted text: {part!r:.60}"
        for element in part.get("elements", ()):
            if element.get("type") != "text" or not element.get("text") or len(element) != 2:
                yield f"no text: {element!r:.60}"


def _all_texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _all_texts(inner)


_BLOCKS: Mapping[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], Iterator[str]]]] = {
    "header": (("text",), lambda block: _text(block.get("text"), 150)),
    "section": (("text", "fields"), _section),
    "context": (("elements",), _context),
    "actions": (("elements",), _actions),
    "input": (("label", "element", "dispatch_action", "optional"), _input),
    "rich_text": (("elements",), _rich_text),
    "divider": ((), lambda _: iter(())),
}


def _is_metadata(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"event_type", "event_payload"}
        and bool(_EVENT_TYPE.fullmatch(str(value["event_type"])))
        and isinstance(value["event_payload"], dict)
        and all(isinstance(part, (str, int, float, bool)) for part in value["event_payload"].values())
        and len(str(value)) <= _MOST_METADATA
    )


def _is_ts(value: Any) -> bool:
    return isinstance(value, str) and bool(_TS.fullmatch(value))


def _is_bool(value: Any) -> bool:
    # In a form there are only texts.
    return value in (True, False, "0", "1", "true", "false")


_VALUES: Mapping[str, Callable[[Any], bool]] = {
    "channel": lambda value: isinstance(value, str) and bool(_CHANNEL.fullmatch(value)),
    **dict.fromkeys(("ts", "thread_ts", "message_ts", "oldest", "latest"), _is_ts),
    **dict.fromkeys(
        ("inclusive", "include_all_metadata", "unfurl_links", "unfurl_media", "mrkdwn", "link_names"),
        _is_bool,
    ),
    "limit": lambda value: str(value).isdigit() and 1 <= int(value) <= 999,
    "cursor": lambda value: isinstance(value, str) and 1 <= len(value) <= 500,
    "text": lambda value: isinstance(value, str) and 1 <= _units(value) <= _MOST_TEXT,
    "metadata": _is_metadata,
}
