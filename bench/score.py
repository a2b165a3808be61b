"""How well the rules do on failures that somebody labeled, file by file, and what hostile text costs them.

    python -m bench.score [--corpus FOLDER] [--wrong]

Each line of `*.jsonl` has id, source, code, message, category and remediable. micro-F1 is the share of rows with the
right category; macro-F1 is the plain mean of F1 over the categories of the labels, so that a rare one counts as much.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.hostile import HOSTILE
from rca_plugin.core.category import NOT_REMEDIABLE, Category
from rca_plugin.core.classification import Classification, Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.rules import Rules

_REPOSITORY = Path(__file__).resolve().parents[1]
# What stands beside some checkouts, else our own.
_FOLDERS = (_REPOSITORY.parent / "shared" / "corpus", _REPOSITORY / "tests" / "labeled")
_UNKNOWN = Category.UNKNOWN.value
_NEVER = {category.value for category in NOT_REMEDIABLE}
_LONG = 1_000_000
_ROUNDS = 3
# Labeled by a rule on their error class, some of them wrong: a figure that counts leaves them out.
_LABELED_BY_RULE = "spark_error_classes.jsonl"
_LINE = "{:30} {:>5} {:>9} {:>9} {:>8} {:>11} {:>6} {:>7}"


@dataclass(frozen=True)
class Answered:
    """A labeled row and what the rules said."""

    row: dict[str, Any]
    found: Classification

    @property
    def label(self) -> str:
        return str(self.row["category"])

    @property
    def answer(self) -> str:
        return self.found.category.value

    @property
    def right(self) -> bool:
        return self.label == self.answer


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures. 0 when there was something to score, 2 when there was not."""
    args = _parser().parse_args(arguments)
    files = sorted(args.corpus.glob("*.jsonl"))
    if not files:
        print(
            f"score: no labeled failures (*.jsonl) in {args.corpus}; name a folder with --corpus",
            file=sys.stderr,
        )
        return 2
    rules = load_rules(data_folder())
    answered = {file.name: list(_answer(file, rules)) for file in files}
    _print_files(answered)
    _print_categories([a for listed in answered.values() for a in listed])
    _print_hostile(rules)
    if args.wrong:
        _print_wrong(answered)
    return 0


def _corpus() -> Path:
    return next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[-1])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="score", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--corpus", type=Path, default=_corpus(), metavar="FOLDER", help="folder with *.jsonl"
    )
    parser.add_argument("--wrong", action="store_true", help="list the rows that were answered wrong")
    return parser


def _answer(file: Path, rules: Rules) -> Iterable[Answered]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip():
            row = json.loads(line)
            yield Answered(row, classify(Symptom(row["source"], row.get("code"), row["message"]), rules))


def micro_f1(answered: Sequence[Answered]) -> float:
    """The share of rows whose category is right: every row has one label and gets one answer."""
    return _share(answered, lambda a: a.right)


def macro_f1(answered: Sequence[Answered]) -> float:
    """The mean of F1 over the categories that are among the labels."""
    labels = {a.label for a in answered}
    return sum(_f1(answered, label) for label in labels) / max(1, len(labels))


def _f1(answered: Sequence[Answered], category: str) -> float:
    right = sum(a.right for a in answered if a.label == category)
    said = sum(a.answer == category for a in answered) + sum(a.label == category for a in answered)
    return 2 * right / said if said else 0.0


def _share(answered: Sequence[Answered], holds: Callable[[Answered], bool]) -> float:
    return sum(map(holds, answered)) / len(answered) if answered else float("nan")


def _print_files(answered: dict[str, list[Answered]]) -> None:
    everything = [a for listed in answered.values() for a in listed]
    print(_LINE.format("file", "rows", "micro-F1", "macro-F1", "unknown", "remediable", "never", "ms/row"))
    listings = dict(answered)
    if _LABELED_BY_RULE in answered:
        listings["without Spark's"] = [
            a for name in answered.keys() - {_LABELED_BY_RULE} for a in answered[name]
        ]
    for name, listed in {**listings, "total": everything}.items():
        unknown = [a for a in listed if a.label == _UNKNOWN]
        shares = (micro_f1(listed), macro_f1(listed), _share(unknown, lambda a: a.right))
        figures = [f"{share:.3f}" for share in (*shares, _share(listed, _remediable_right))]
        print(
            _LINE.format(
                name, len(listed), *figures, sum(map(_misjudged, listed)), f"{_milliseconds(listed):.3f}"
            )
        )
    print("unknown: the share of rows labeled unknown that were answered unknown")
    print("never:   rows of a category that repeating cannot help, called remediable")


def _remediable_right(a: Answered) -> bool:
    return bool(a.row["remediable"]) is a.found.remediable


def _misjudged(a: Answered) -> bool:
    return a.label in _NEVER and not a.row["remediable"] and a.found.remediable


def _milliseconds(answered: Sequence[Answered]) -> float:
    rules = load_rules(data_folder())
    symptoms = [Symptom(a.row["source"], a.row.get("code"), a.row["message"]) for a in answered]
    return min(_seconds(symptoms, rules) for _ in range(_ROUNDS)) * 1000 / max(1, len(symptoms))


def _seconds(symptoms: Iterable[Symptom], rules: Rules) -> float:
    started = time.process_time()
    for symptom in symptoms:
        classify(symptom, rules)
    return time.process_time() - started


def _print_categories(answered: Sequence[Answered]) -> None:
    labels, answers = Counter(a.label for a in answered), Counter(a.answer for a in answered)
    print(f"\n{'category':22} {'rows':>5} {'precision':>9} {'recall':>7}")
    for category in sorted(labels | answers):
        right = sum(a.right for a in answered if a.label == category)
        precision = right / answers[category] if answers[category] else float("nan")
        recall = right / labels[category] if labels[category] else float("nan")
        print(f"{category:22} {labels[category]:5} {precision:9.3f} {recall:7.3f}")


def _print_hostile(rules: Rules) -> None:
    print(f"\n{'1 MB of':32} milliseconds")
    for name, piece in HOSTILE.items():
        symptom = Symptom("airflow", None, (piece * (_LONG // len(piece) + 1))[:_LONG])
        print(f"{name:32} {min(_seconds([symptom], rules) for _ in range(_ROUNDS)) * 1000:.1f}")


def _print_wrong(answered: dict[str, list[Answered]]) -> None:
    for name, listed in answered.items():
        print(f"\n{name}")
        for a in listed:
            if not a.right:
                line = " ".join(a.row["message"].split())[-160:]
                print(
                    f"  {a.row['id']}: {a.label} answered {a.answer} by {a.found.rule}: {a.row.get('code')} | {line}"
                )


if __name__ == "__main__":
    sys.exit(main())
