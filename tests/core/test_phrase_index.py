import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.category import Category
from rca_plugin.core.data import data_folder
from rca_plugin.core.phrase import Phrase
from rca_plugin.core.phrase_index import PhraseIndex
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.rules import Rule


def index(*phrases: str) -> PhraseIndex:
    return PhraseIndex.of([Rule(text, Category.DNS, phrases=(Phrase.of(text),)) for text in phrases])


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("connection refused", ["connection", "refused"]),
        ("connection to * refused", ["connection"]),
        ("*error in model", ["in", "model"]),
        ("throttl*", []),
        ("(oom)", ["oom"]),
        ("no such file*", ["no", "such"]),
    ],
)
def test_the_words_of_a_phrase_stand_whole_wherever_the_phrase_does(phrase: str, words: list[str]) -> None:
    assert Phrase.of(phrase).words == words


WORDS = st.lists(
    st.sampled_from(["the", "host", "error", "*", " ", "_", "x1", "(", "ed"]), min_size=1, max_size=6
)


@given(WORDS.map("".join), WORDS.map("".join))
def test_whatever_a_phrase_finds_the_index_offers(phrase: str, line: str) -> None:
    try:
        wanted = Phrase.of(phrase)
    except ValueError:
        return
    folded = " ".join(line.lower().split())
    if wanted.find(folded) >= 0:
        assert list(index(phrase).perhaps_in(folded, "airflow"))


def test_of_thousands_of_phrases_few_are_looked_at() -> None:
    rules = load_rules(data_folder())
    everything = sum(len(rule.phrases) for rule in rules.rules)
    offered = list(
        rules.phrases.perhaps_in(
            "operationalerror: could not connect to server: connection refused", "airflow"
        )
    )
    assert everything > 2_000
    assert 1 <= len(offered) <= 20
