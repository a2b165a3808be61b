"""How well signatures tell errors apart.

Templates are our own, in which the variable parts are marked by hand, and the real messages of ../shared/corpus,
in which they are found by the rules below, as a person would mark them. They are made up anew a few times. One
template should have one signature (else it is split), and two templates never the same (else one hides the other,
which is worse). Half of the real ones, chosen by their text, is held out: nothing was tuned on it.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import string
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rca_plugin.core.fingerprint import signature

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
OWN = Path(__file__).parents[1] / "tests" / "core" / "error_templates.txt"
VARIANTS = 6
SEED = 20261123
Signature = Callable[[str], str]
Make = Callable[[random.Random, str], str]


def _digits(rng: random.Random, like: str) -> str:
    """As many digits, or one more or less, as a counter has on another day."""
    if len(like) >= 5:
        return "".join([rng.choice("123456789"), *(rng.choice(string.digits) for _ in like[1:])])
    return str(rng.randint(0, 10 ** (len(like) + 1) - 1))


def _like(rng: random.Random, text: str) -> str:
    """Every letter and digit by another of its kind; hexadecimal stays so."""
    hexadecimal = re.fullmatch(r"(?:0x)?[0-9a-fA-F-]+", text) is not None
    lower = "abcdef" if hexadecimal else string.ascii_lowercase
    kinds = {
        **dict.fromkeys(string.digits, string.digits),
        **dict.fromkeys(string.ascii_lowercase, lower + string.digits),
        **dict.fromkeys(string.ascii_uppercase, lower.upper() + string.digits),
    }
    made = "".join(rng.choice(kinds.get(letter, letter)) for letter in text.removeprefix("0x"))
    return ("0x" if text.startswith("0x") else "") + made


def _date(rng: random.Random, text: str) -> str:
    """Another moment, written the same way."""
    moment = time.gmtime(rng.randint(1_600_000_000, 1_900_000_000))
    by_form = [
        (r"\d{4}-\d\d-\d\d", "%Y-%m-%d"),
        (r"\d{4}/\d\d/\d\d", "%Y/%m/%d"),
        (r"\d\d:\d\d:\d\d", "%H:%M:%S"),
        (r"\b\d{8}T\d{6}", "%Y%m%dT%H%M%S"),
        (_WEEKDAY, "%a, %d %b %Y"),
    ]
    for form, written in by_form:
        text = re.sub(form, lambda _, w=written: time.strftime(w, moment), text)
    return re.sub(r"[.,]\d+", lambda found: found[0][0] + _digits(rng, "1" * (len(found[0]) - 1)), text)


# What a person marks as variable, the most particular first. Not: names of tables and columns, hosts, service
# ports, classes, codes, HTTP status, SQLSTATE, exit codes and signals.
_COUNTED = (
    "pid ", "pid=", "pid: ", "PID ", "TID ", "line ", "row ", "attempt ", "attempt=", "try ", "try_number=",
    "offset ", "stage ", "task ", "executor ", "partition ", "handler ", "Thread-", "thread ", "worker ",
    "position ", "after ", "took ", "char ", "LINE ", "elapsed: ",
)  # fmt: skip
_UNITS = (
    r"(?:ms|s|sec|secs|second|seconds|minute|minutes|min|hours|bytes|B|KB|KiB|MB|MiB|GB|GiB"
    r"|rows|records|times|retries|attempts|messages|files)"
)
_WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4}"
_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"


def _run_id(rng: random.Random, text: str) -> str:
    return rng.choice(("manual__", "scheduled__")) + _date(rng, text.partition("__")[2])


def _address(rng: random.Random, _: str) -> str:
    return "10." + ".".join(str(rng.randint(0, 255)) for _ in "abc")


def _port(rng: random.Random, _: str) -> str:
    return str(rng.randint(33_000, 60_999))


_RULES: tuple[tuple[str, Make], ...] = (
    (r"\b(?:manual|scheduled|backfill)__\d{4}-[\w.:+-]+", _run_id),
    (r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", _like),
    (rf"(?:{_WEEKDAY} |\b\d{{4}}[-/]\d\d[-/]\d\d(?:[T ]|\b))(?:{_CLOCK})?", _date),
    (rf"\b\d{{8}}T\d{{6}}\b|\b{_CLOCK}\b", _date),
    (r"\b\d{4}-\d{6}-(?:[a-z]{3,8}\d{1,4}|[a-z0-9]{8}|\d{8})\b", _like),
    (r"(?<=at )0x[0-9a-f]{4,16}\b", _like),
    (r"\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{12,64}\b", _like),
    (r"(?<=\bapplication_)\d[\d_]*|(?<=\battempt_)\d[\d_]*|(?<=\bblk_)\d[\d_]*", _like),
    (r"(?<=\bjob_)\d[\d_]*|(?<=\bBP-)\d+", _like),
    (r"(?<=/tmp/)[\w.-]*\w", _like),
    (r"(?<=-)[a-z0-9]{8,10}-[a-z0-9]{5}\b(?=.*\bpod\b)", _like),
    (r"\b(?:10|172|192)(?:\.\d{1,3}){3}\b", _address),
    (r"(?<=:)(?:3[3-9]\d{3}|[456]\d{4})\b", _port),
    (rf"(?<![\w.-])\d+(?:\.\d+)?(?=\s?{_UNITS}\b)", _digits),
    *((rf"(?<=\b{re.escape(word)})\d+(?:\.\d+)?(?![\w.%])", _digits) for word in _COUNTED),
    (r"(?<![\w.:/-])\d{7,}(?![\w.])", _digits),
)
VARIABLE = tuple((re.compile(pattern), make) for pattern, make in _RULES)  # fmt: skip


# In our own templates the variable parts are marked by hand, each as it was once seen.
_MARKED = re.compile(r"<<(.+?)>>")


def _another(rng: random.Random, text: str) -> str:
    """What may stand in place of a part that is marked."""
    if re.fullmatch(r"10(?:\.\d{1,3}){3}", text):
        return _address(rng, text)
    if re.search(r"\d\d:\d\d:\d\d|\d{4}-\d\d-\d\d", text) and "_" not in text and len(text) < 30:
        return _date(rng, text)
    if re.fullmatch(r"[a-z0-9]{8,10}-[a-z0-9]{5}", text):
        return re.sub(r"[a-z0-9]", lambda _: rng.choice("bcdfghjklmnpqrstvwxz2456789"), text)
    if re.fullmatch(r"[456]\d{4}", text):
        return _port(rng, text)
    return _digits(rng, text) if text.isdigit() and len(text) < 5 else _like(rng, text)


@dataclass(frozen=True)
class Score:
    """What became of some templates."""

    templates: int
    split: int
    signatures_per_template: float
    merged_pairs: int
    pairs: int


def templates() -> list[str]:
    """The messages of the corpus, each once; none where there is no corpus beside the repository."""
    rows = (
        json.loads(row) for file in sorted(CORPUS.glob("*.jsonl")) for row in file.read_text().splitlines()
    )
    return sorted({row["message"] for row in rows})


def merged_labels() -> int:
    """Signatures of different messages to which people gave different codes or categories: no rule of ours in it."""
    rows = (json.loads(row) for file in CORPUS.glob("*.jsonl") for row in file.read_text().splitlines())
    by_signature: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for row in rows:
        by_signature[signature(row["message"])].add((str(row["code"]), row["category"], row["message"]))
    return sum(
        len({label[:2] for label in labels}) > 1 and len({label[2] for label in labels}) > 1
        for labels in by_signature.values()
    )


def own_templates() -> list[str]:
    """Our own templates, one a line, with those beside each other that are easily taken for one."""
    return OWN.read_text().splitlines()


def variants(message: str, count: int = VARIANTS) -> list[str]:
    """The message with its variable parts made up anew; the same part is the same everywhere in it."""
    rng = random.Random(f"{SEED} {message}")
    return [_MARKED.sub(r"\1", message), *(_varied(message, rng) for _ in range(count - 1))]


def _varied(message: str, rng: random.Random) -> str:
    if "<<" in message:
        return _MARKED.sub(lambda found: _another(rng, found[1]), message)
    taken: list[tuple[int, int, str]] = []
    made: dict[str, str] = {}
    for pattern, make in VARIABLE:
        for found in pattern.finditer(message):
            if found[0] and all(found.end() <= start or found.start() >= end for start, end, _ in taken):
                made.setdefault(found[0], make(rng, found[0]))
                taken.append((found.start(), found.end(), made[found[0]]))
    for start, end, new in sorted(taken, reverse=True):
        message = message[:start] + new + message[end:]
    return message


def score(messages: Iterable[str], sign: Signature = signature) -> Score:
    """Sign all variants of all templates, and count."""
    by_template = merged_templates(messages, sign)
    numbers = [len(signatures) for signatures in by_template.values()]
    owners: dict[str, set[str]] = defaultdict(set)
    for template, signatures in by_template.items():
        for one in signatures:
            owners[one].add(template)
    merged = {(a, b) for group in owners.values() for a in group for b in group if a < b}
    count = len(numbers)
    mean = sum(numbers) / max(1, count)
    return Score(count, sum(n > 1 for n in numbers), round(mean, 3), len(merged), count * (count - 1) // 2)


def merged_templates(messages: Iterable[str], sign: Signature) -> dict[str, set[str]]:
    """The signatures of each template. Messages that differ only in their variable parts are one template."""
    by_template: dict[str, set[str]] = defaultdict(set)
    for message in messages:
        by_template[skeleton(message)] |= {sign(variant) for variant in variants(message)}
    return by_template


def skeleton(message: str) -> str:
    """The message with a hole for each variable part: what a template is."""
    if "<<" in message:
        return _MARKED.sub("\x00", message)
    for pattern, _ in VARIABLE:
        message = pattern.sub("\x00", message)
    return message


def is_held_out(message: str) -> bool:
    """Half of the templates, always the same ones."""
    return hashlib.sha256(skeleton(message).encode()).digest()[0] % 2 == 1


def main() -> int:
    """Print a table, and the same as one line of JSON."""
    messages = templates()
    if not messages:
        print(f"no corpus at {CORPUS}: only our own templates")
    halves = {
        "own": own_templates(),
        "train": [message for message in messages if not is_held_out(message)],
        "held out": [message for message in messages if is_held_out(message)],
    }
    signers: dict[str, Signature] = {"signature()": signature, "text as it is (floor)": str, **_drain()}
    result = {
        f"{name}, {half}": asdict(score(texts, sign))
        for name, sign in signers.items()
        for half, texts in halves.items()
        if texts
    }
    print(f"{'':40}{'templates':>10}{'split':>14}{'per template':>14}{'merged pairs':>14}")
    for name, one in result.items():
        split = f"{one['split']} ({one['split'] / max(1, one['templates']):.1%})"
        print(
            f"{name:40}{one['templates']:>10}{split:>14}{one['signatures_per_template']:>14}{one['merged_pairs']:>14}"
        )
    print(f"signatures shared by messages with different labels: {merged_labels()}")
    cost = _microseconds_for_200_characters()
    print(f"signature() of a message of 200 characters: {cost:.0f} µs")
    print(
        json.dumps(
            {
                "bench": "fingerprint",
                "microseconds": round(cost, 1),
                "merged_labels": merged_labels(),
                **result,
            }
        )
    )
    return 0


def _drain() -> dict[str, Signature]:
    """Drain3 for comparison, where it is installed: what it says depends on what it has seen before."""
    try:
        from drain3 import TemplateMiner
    except ImportError:
        return {}
    miner = TemplateMiner()

    def sign(message: str) -> str:
        return str(miner.add_log_message(" ".join(message.split()))["cluster_id"])

    return {"Drain3": sign}


def _microseconds_for_200_characters() -> float:
    message = (
        "requests.exceptions.HTTPError: 504 Server Error: Gateway Time-out for url: https://api.example.com/v1/orders "
        "in run 7f1d2c3b-0000-4a4a-9b9b-1234567890ab at 2026-11-23T03:00:01Z after 30.2 seconds"
    )[:200]
    best = float("inf")
    for _ in range(20):
        started = time.perf_counter()
        for _ in range(100):
            signature(message)
        best = min(best, (time.perf_counter() - started) / 100)
    return best * 1e6


if __name__ == "__main__":
    sys.exit(main())
