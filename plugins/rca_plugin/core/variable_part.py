"""The parts of an error text that differ from one time to the next: times, ids, addresses, counts.

What tells errors apart is left alone, however much it looks like a number: codes, HTTP status, exit codes, ports
of services. Where it is not certain that a part is variable, it stays.
"""

from __future__ import annotations

import re

_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_ZONE = r"(?:Z|[+-]\d\d:?\d\d)?"
_TIME = rf"\d{{4}}[-/]\d\d[-/]\d\d(?:[T _]{_CLOCK}{_ZONE}|[T ]\d\d:\d\d{_ZONE})?|{_CLOCK}{_ZONE}|\d{{8}}T\d{{4,12}}"
_RUN = r"(?:manual|scheduled|backfill|asset_triggered|dataset_triggered)__[\w.:+-]+"
_CLUSTER = r"\d{4}-\d{6}-[a-z0-9]{6,12}"
_HADOOP = r"(?:application|appattempt|attempt|job|task|container|blk)_(?:e\d{1,4}_)?\d+(?:_\w+)?|BP-\d+"
# Kubernetes leaves out vowels, and the digits that look like them.
_POD = r"(?<=-)[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}"
_HEX = r"(?=[0-9a-f]*[a-f])[0-9a-f]{8,128}"
_IP = r"\d{1,3}(?:\.\d{1,3}){3}"
_AMOUNT = (
    r"\d+(?:[.,]\d+)*(?:\s?(?:ms|msec|s|secs?|seconds?|m|mins?|minutes?|h|hours?|days?|bytes?|[KMGT]i?B|B|rows?|records?"
    r"|times|retries|attempts|messages|files|events|more|milliseconds?)\b|\s?%)"
)
_NUMBER = r"\d+(?:[.,]\d+)*"
# Most words of a text have no digit in them, and the first two conditions are done with those.
_PART = re.compile(
    rf"(?<![A-Za-z0-9])(?=[^\s\d]{{0,80}}\d)(?:(?P<uuid>{_UUID})|(?P<time>{_TIME})|(?P<id>{_RUN}|{_HADOOP}|{_CLUSTER}|{_POD})"
    rf"|(?P<address>0x[0-9a-f]+)|(?P<ip>{_IP})|(?P<amount>{_AMOUNT})|(?P<number>{_NUMBER})"
    rf"|(?P<hex>{_HEX}))"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_LOOK_BEHIND = 32
_COUNTED = re.compile(
    r"\b(?:p?pid|tid|lines?|rows?|records?|attempts?|try|tries|try_number|retry|retries|offset|stage|task"
    r"|executor|partition|handler|thread|worker|position|pos|index|char|character|byte|count|total|after|took"
    r"|elapsed|duration|batch|chunk|epoch|iteration|job|run|request|session|query|process|size|length"
    r"|connection|client|seq|sequence)(?:[ _-]?(?:id|no|number|is|of))?[\"']?(?:\s?[=:#(]\s?|[ -])\Z",
    re.IGNORECASE,
)
# A code is no count, though it may have as many digits: ORA-00942, WinError 10061, error 40613.
_CODE = re.compile(
    r"(?:\b(?:error|errors|errno|err|code|codes|errorcode|error_code|status|msg|winerror|exit|exited|signal|state|sqlstate|failure|returned"
    r"|rc|http|hresult)(?:\s(?:code|number|is|with|no))?[\"']?[\s=:#(\[]{1,3}|\b[A-Z]{2,12}-|\badb-)\Z",
    re.IGNORECASE,
)
_CODE_DIGITS = 6
_PORT = re.compile(r"(?:[\w>\])]:|\bport[\"']?[ =:]{1,2})\Z", re.IGNORECASE)
# Above, Linux makes up a port for each connection.
_FIRST_EPHEMERAL_PORT, _LAST_PORT = 32_768, 65_535
_LONG_NUMBER = 5
_HRESULT = re.compile(r"0x[89c][0-9a-f]{7}", re.IGNORECASE)

# Parts of a form that only a few texts have: each with a word without which it is not there.
_FORMS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "parameters: ",
        re.compile(r"\[parameters: .*?\](?=\s*(?:\(Background|\Z))", re.DOTALL),
        "[parameters: <values>]",
    ),
    (")=(", re.compile(r"(?<=\)=)\([^()\n]*\)"), "(<values>)"),
    ("tmp", re.compile(r"/tmp/[\w./-]{1,200}|\btmp(?=\w{0,7}[\d_])\w{8}\b"), "<tmp>"),  # noqa: S108  a text, not a path we use
    (
        "equest",
        re.compile(r"(\brequest[ _-]?id[\"']?\s?[:=]\s?[\"']?)[\w/+=-]{6,}", re.IGNORECASE),
        r"\1<id>",
    ),
    ("ostId", re.compile(r"(\bHostId:\s?)[\w/+=-]{6,}"), r"\1<id>"),
    ("nvalid literal", re.compile(r"(invalid literal for .{1,40}: )'[^'\n]*'"), r"\1'<value>'"),
    (
        "onvert",
        re.compile(r"((?:could not|cannot) convert string to \w+: )'[^'\n]*'", re.IGNORECASE),
        r"\1'<value>'",
    ),
    (
        "nvalid input syntax",
        re.compile(r"(invalid input syntax for (?:type )?[\w ]+: )\"[^\"\n]*\""),
        r'\1"<value>"',
    ),
    ("time data", re.compile(r"(time data )'[^'\n]*'"), r"\1'<value>'"),
)
_WEEKDAY = re.compile(
    r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? (?:\d{1,2} [A-Z][a-z]{2,8} \d{4}|[A-Z][a-z]{2,8} \d{1,2})"
    r"(?:,? \d\d:\d\d(?::\d\d)?)?(?: \d{4})?(?: [A-Z]{3,4})?\b"
)


def without_variable_parts(text: str) -> str:
    """The text with a name like `<time>` in place of each."""
    for word, form, mask in _FORMS:
        if word in text:
            text = form.sub(mask, text)
    return _PART.sub(_mask, _WEEKDAY.sub("<time>", text))


def _mask(found: re.Match[str]) -> str:
    kind, part = str(found.lastgroup), found.group()
    if kind == "number":
        return "<number>" if _is_count(found) else part
    if kind == "address" and _HRESULT.fullmatch(part):
        return part
    if kind == "hex" and not any(letter.isdigit() for letter in part):
        return part
    return f"<{kind}>"


def _is_count(number: re.Match[str]) -> bool:
    digits = number.group()
    before = number.string[max(0, number.start() - _LOOK_BEHIND) : number.start()]
    if _CODE.search(before) and len(digits) <= _CODE_DIGITS:
        return False
    if digits.isdigit() and int(digits) <= _LAST_PORT and _PORT.search(before):
        return int(digits) >= _FIRST_EPHEMERAL_PORT
    is_long = digits.isdigit() and len(digits) >= _LONG_NUMBER
    return is_long or bool(_COUNTED.search(before))
