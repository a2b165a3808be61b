"""What incidents of different resources have in common, when something they all need is out of order."""

from __future__ import annotations

import hashlib

from rca_plugin.core.category import Category
from rca_plugin.core.rules import Rules


def cause_of(category: Category, signature: str, rules: Rules) -> str:
    """The same text for failures that one cause may explain, at most 64 characters.

    A category that comes in outages is a cause by itself: the same broken database says `refused` to one
    task and `timed out` to another. Of any other category only the very same error counts.
    """
    if rules.defaults[category].outage:
        return category.value
    return hashlib.sha256(signature.encode("utf-8", "surrogatepass")).hexdigest()
