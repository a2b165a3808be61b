"""Text that is meant to make a classifier slow, as pieces to repeat."""

from __future__ import annotations

HOSTILE: dict[str, str] = {
    "one letter": "a",
    "spaces": " ",
    "line breaks": "\n",
    "opening brackets": "[",
    "nested brackets and quotes": "[({'\"",
    "capitals and underscores": "A_",
    "one long code": "AbcDef",
    "a line of codes": "INTERNAL_ERROR, NO_SUCH_THING, http 503 ",
    "lines of codes": "SQLSTATE 42601 (0A000) [ABC_DEF] ErrorCode=A,Message=B\n",
    "exception names": "ValueError KeyError OSError MadeUpError AnyTimeout ",
    "exception lines": "a.b.ValueError: x\n",
    "all different exceptions": "".join(f"X{i:x}Error: y{i}\n" for i in range(20_000)),
    "all different codes": "".join(f"CODE_{i:X}_FAILED {i} " for i in range(20_000)),
    "Caused by": "Caused by: ",
    "lines of Caused by": "Caused by: java.io.IOException: x\n",
    "rules that want more to be said": "KeyError: pandas get_loc os.environ partially\n",
    "chained tracebacks": "ValueError: x\n\nDuring handling of the above exception, another exception occurred:\n\n",
    "nested messages": "ErrorCode=A,'Type=B,Message=C,Source=D,'",
    "nested messages with quotes": "''Type=x,Message=",
    "a phrase that never ends": "connection to ",
    "log prefixes": "[2026-01-01 00:00:00] {a.py:1} ERROR - ",
    "numbers": "1234567890 ",
    "backslashes": "\\n\\\\",
    "errno": "[Errno 111] ",
    "json": '{"error": {"code": "A", "message": "',
    "groups": "  | ExceptionGroup: x (1 sub-exception)\n  +-+---------------- 1 ----------------\n",
    "beyond ASCII": "\u0130\ufb01\u2028\u00df",
}
