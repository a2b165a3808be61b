"""JSON from outside: decoded strictly, and refused when it is too deep or too long to be honest."""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 32
MAX_VALUES = 20_000


class BodyError(ValueError):
    """The body is not JSON that we take. `code` is stable, the text never repeats the body."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse_json(body: bytes) -> Any:
    """Decode a body.

    Raises BodyError for what is not UTF-8, not JSON, deeper than 32 levels or more than 20,000 values.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite_number)
    except UnicodeDecodeError:
        raise BodyError("invalid_encoding", "The body is not UTF-8.") from None
    except RecursionError:
        raise BodyError("too_deep", "The body is nested too deeply.") from None
    except ValueError:
        raise BodyError("invalid_json", "The body is not JSON.") from None
    _check_size(value)
    return value


def _refuse_constant(_name: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


def _finite_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        # 1e999 would be stored as Infinity, which PostgreSQL does not take for JSON.
        raise ValueError("the number is too large")
    return number


def _check_size(value: Any) -> None:
    level, seen = [value], 0
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        seen += len(level)
        if seen > MAX_VALUES:
            raise BodyError("too_many_values", f"The body holds more than {MAX_VALUES} values.")
        if not level:
            return
    raise BodyError("too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
