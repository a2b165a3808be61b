"""Numbers that texts with many words in common are likely to share: a database finds such texts by equality.

MinHash: of one order of all words there are, two sets of words have the same first word as often as their Jaccard
index says. Two orders make a band, so that texts with half of their words in common share one of eight bands nine
times out of ten, and those with a tenth of them one time out of thirteen. Own, because it is these few lines, and
the libraries for it bring NumPy. What is stored was made by this: other words or bands find nothing stored before.
"""

from __future__ import annotations

import re
import struct
from hashlib import blake2b

# As much as a signature has, twice: whatever is asked about takes no longer than that.
_INPUT_CHARS = 1_000
_ORDERS = struct.Struct("<16I")
_ORDERS_PER_BAND = 2
_MASK = re.compile(r"<\w{1,20}>")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_COMMON = frozenset(
    {
        "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "have", "in", "is", "it", "its", "of",
        "on", "or", "that", "the", "this", "to", "was", "were", "with",
    }
)  # fmt: skip


def words(text: str) -> frozenset[str]:
    """The words of a signature that say something: ConnectionRefused is two, `<number>` and `the` are none."""
    plain = _CAMEL.sub(" ", _MASK.sub(" ", text[:_INPUT_CHARS]))
    return frozenset(_WORD.findall(plain.lower())) - _COMMON


def jaccard(some: frozenset[str], others: frozenset[str]) -> float:
    """How many of the words of either are in both, 0 to 1."""
    return len(some & others) / len(some | others) if some or others else 0.0


def bands(some: frozenset[str]) -> list[bytes]:
    """Eight values for a set of words; none for no words."""
    if not some:
        return []
    hashes = [_ORDERS.unpack(blake2b(word.encode("utf-8", "surrogatepass")).digest()) for word in some]
    first = [min(order) for order in zip(*hashes, strict=True)]
    return [
        struct.pack(f"<{_ORDERS_PER_BAND}I", *first[start : start + _ORDERS_PER_BAND])
        for start in range(0, len(first), _ORDERS_PER_BAND)
    ]
