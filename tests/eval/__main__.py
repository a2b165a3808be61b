"""How well failures are analyzed.

    python -m tests.eval [--wrong] [--gemini [--runs N] [--model M]]

The knowledge base answers without a network. Gemini is asked live, by the connection of `[rca] gemini_conn_id`
(AIRFLOW_CONN_RCA_GEMINI), and never from a recording.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.eval.case import load_cases
from tests.eval.knowledge_base import KnowledgeBase
from tests.eval.score import score
from tests.eval.table import mistakes, table


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the scores. 2 when Gemini was to be asked and there is no way to it."""
    args = _parser().parse_args(arguments)
    cases, base = load_cases(), KnowledgeBase()
    notes = {case.name: base.note(case).analysis for case in cases}
    scores = [score(case, notes[case.name]) for case in cases]
    print("knowledge base, no network")
    print(*table(scores), sep="\n")
    if args.wrong:
        print(*mistakes(scores, lambda s: notes[s.case.name].category.value), sep="\n")
    if args.gemini:
        from tests.eval.live import ask_gemini

        return ask_gemini(cases, base, args.runs, args.model)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="eval", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--wrong", action="store_true", help="list what is wrong, case by case")
    parser.add_argument("--gemini", action="store_true", help="ask Gemini too, live: this costs money")
    parser.add_argument("--runs", type=_count, default=3, metavar="N", help="how often, 3")
    parser.add_argument("--model", metavar="M", help="which model, else that of [rca] gemini_model")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
