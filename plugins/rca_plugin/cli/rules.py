"""`rca rules`: whether rules of your own are right, and what they would have changed."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rca_plugin.cli.classify import own_rules
from rca_plugin.cli.failures import MALFORMED, opened, readable_rows, symptom_of
from rca_plugin.core.classification import Classification, Symptom, classify, matching_rules
from rca_plugin.core.data import data_folder
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.rules import Rules
from rca_plugin.core.yaml_file import RuleError

_EXAMPLE_CHARS = 80
_MOST_FAILURES = 100_000


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the subcommand with its two verbs; `args.run` is what to call."""
    parser = subparsers.add_parser("rules", help="check rules of your own, and see what they would change")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    check = verbs.add_parser("check", help="read rule files, and say what is wrong with them")
    check.add_argument(
        "folder", nargs="?", type=Path, help="a folder or file; else that of [rca] rules_folder"
    )
    check.set_defaults(run=run)
    test = verbs.add_parser("test", help="what a rule file would have changed")
    test.add_argument("file", type=Path, help="a rule file, or a folder of them")
    test.add_argument(
        "--jsonl",
        metavar="FAILURES",
        help="JSON lines as for `rca classify`; else this deployment's newest failures",
    )
    test.add_argument("--limit", type=_limit, default=1_000, help="how many of those (default: 1000)")
    test.set_defaults(run=run)


def _limit(text: str) -> int:
    limit = int(text)
    if not 1 <= limit <= _MOST_FAILURES:
        raise argparse.ArgumentTypeError(f"give a number from 1 to {_MOST_FAILURES}")
    return limit


def run(args: argparse.Namespace) -> int:
    """Do what the verb says. 0 when it could be done, 2 when a rule or a file is wrong."""
    try:
        _VERBS[args.verb](args)
    except (RuleError, OSError) as error:
        print(f"rca rules: {error}", file=sys.stderr)
        return MALFORMED
    return 0


def _check(args: argparse.Namespace) -> None:
    """Load them on top of the plugin's rules, as the server does."""
    own = own_rules(args.folder)
    shipped = {rule.name: rule for rule in load_rules(data_folder()).rules}
    rules = load_rules(data_folder(), *own).rules
    replaced = [rule.name for rule in rules if rule.name in shipped and rule != shipped[rule.name]]
    print(f"{len(rules)} rules, all of them right: {len(rules) - len(shipped)} added by {_shown(own)}")
    if replaced:
        print(f"In the place of the plugin's: {', '.join(replaced)}")


def _shown(own: Sequence[Path]) -> str:
    return str(own[0]) if own else "nobody ([rca] rules_folder is not set)"


def _test(args: argparse.Namespace) -> None:
    own = own_rules(None)
    before, after = load_rules(data_folder(), *own), load_rules(data_folder(), *own, args.file)
    print(compare(_given(args.jsonl) if args.jsonl else newest_failures(args.limit), before, after))


_VERBS: dict[str, Callable[[argparse.Namespace], None]] = {"check": _check, "test": _test}


def _given(name: str) -> Iterator[Symptom]:
    with opened(name) as lines:
        for row in readable_rows(lines):
            if isinstance(row, ValueError):
                print(f"rca rules: {row}", file=sys.stderr)
            else:
                yield symptom_of(row)


def newest_failures(limit: int) -> Iterator[Symptom]:
    """The newest failures in this deployment's database, as the server classified them."""
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from rca_plugin.server.models import FailureRow
    from rca_plugin.server.triage import symptom_of_text

    columns = (FailureRow.source, FailureRow.code, FailureRow.message, FailureRow.detail)
    with create_session(scoped=False) as session:
        for source, code, message, detail in session.execute(
            select(*columns).order_by(FailureRow.id.desc()).limit(limit)
        ):
            yield symptom_of_text(source, code, message, detail)


@dataclass
class Change:
    """Failures that get the same new answer instead of the same old one."""

    count: int = 0
    rule: str = ""
    example: str = ""


@dataclass
class Comparison:
    """What other rules would have said. As a text, it is the table that `rca rules test` prints."""

    failures: int = 0
    changes: dict[tuple[str, str], Change] = field(default_factory=lambda: defaultdict(Change))
    unmatched: Sequence[str] = ()

    def __str__(self) -> str:
        changed = sum(change.count for change in self.changes.values())
        lines = [f"{changed} of {self.failures} failures would be classified otherwise."]
        for (old, new), change in sorted(self.changes.items(), key=lambda item: -item[1].count):
            lines.append(
                f"{change.count:7}  {old} → {new}  by {change.rule or 'no rule'}, as in: {change.example}"
            )
        if self.unmatched:
            lines.append(f"Never matched: {', '.join(self.unmatched)}")
        return "\n".join(lines)


def compare(failures: Iterable[Symptom], before: Rules, after: Rules) -> Comparison:
    """Classify all failures with both, and remember where they differ and which new rules found nothing."""
    known = {rule.name: rule for rule in before.rules}
    silent = {rule.name: None for rule in after.rules if known.get(rule.name) != rule}
    found = Comparison()
    for symptom in failures:
        found.failures += 1
        for name in matching_rules(symptom, after):
            silent.pop(name, None)
        _note(found, symptom, classify(symptom, before), classify(symptom, after))
    found.unmatched = tuple(silent)
    return found


def _note(found: Comparison, symptom: Symptom, old: Classification, new: Classification) -> None:
    if (old.category, old.remediable) != (new.category, new.remediable):
        change = found.changes[_named(old), _named(new)]
        change.count += 1
        change.rule = change.rule or new.rule or ""
        change.example = change.example or _example(symptom, new)


def _named(found: Classification) -> str:
    return f"{found.category.value}{' (remediable)' if found.remediable else ''}"


def _example(symptom: Symptom, found: Classification) -> str:
    text = " ".join((found.matched or symptom.message).split())
    return text if len(text) <= _EXAMPLE_CHARS else f"{text[:_EXAMPLE_CHARS]}…"
