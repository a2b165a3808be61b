from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.category import NOT_REMEDIABLE, Category
from rca_plugin.core.data import data_folder
from rca_plugin.core.phrase import Phrase
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.rules import Rules
from rca_plugin.core.yaml_file import RuleError

DEFAULTS = "categories:\n" + "".join(
    f"  {category.value}: {{severity: Medium, remediable: false}}\n" for category in Category
)


def folder_with(tmp_path: Path, text: str) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a_defaults.yaml").write_text(DEFAULTS)
    (tmp_path / "rules" / "mine.yaml").write_text(text)
    return tmp_path


@pytest.fixture(scope="module")
def shipped() -> Rules:
    return load_rules(data_folder())


@pytest.mark.parametrize(
    ("phrase", "line", "found"),
    [
        ("oom", "room_id is 7", False),
        ("oom", "the zoom_level", False),
        ("oom", "killed (oom)", True),
        ("connection refused", "errno 111 connection refused", True),
        ("connection refuse", "connection refused", False),
        ("connection refuse*", "connection refused", True),
        ("connection to * refused", "connection to server at db refused", True),
        ("connection to * refused", "refused the connection to db", False),
        ("table * missing", "table a is missingly there, table b missing", True),
        ("*error", "someerror", True),
    ],
)
def test_a_phrase_is_whole_words_in_order(phrase: str, line: str, found: bool) -> None:
    assert (Phrase.of(phrase).find(line) >= 0) is found


def test_a_phrase_ignores_case_and_spacing() -> None:
    assert Phrase.of("No  Space Left").find("no space left on device") == 0


@given(st.text(min_size=1), st.text())
def test_a_phrase_never_fails_on_any_line(phrase: str, line: str) -> None:
    try:
        wanted = Phrase.of(phrase)
    except ValueError:
        return
    assert -1 <= wanted.find(line) < max(1, len(line))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "rules:\n  - {rule: a, category: dnss, phrases: [x]}\n",
            "mine.yaml:2: rule 'a': 'dnss' is not a category; did you mean 'dns'",
        ),
        (
            "rules:\n  - {rule: a, category: dns, phrase: [x]}\n",
            "unknown key 'phrase'; did you mean 'phrases'?",
        ),
        ("rules:\n  - {rule: a, category: dns}\n", "nothing to match; give codes, exceptions or phrases"),
        ("rules:\n  - {category: dns, phrases: [x]}\n", "a rule is a mapping with the key `rule`"),
        ("rules:\n  - {rule: a, category: dns, phrases: ['*']}\n", "write at least one word"),
        ("rules:\n  - {rule: a, category: dns, codes: [NO]}\n", "put quotes around words such as NO"),
        ("rules:\n  - {rule: a, category: dns, codes: [x], strength: 900}\n", "whole number from 1 to 100"),
        (
            "rules:\n  - {rule: a, category: dns, codes: [x], ceiling: 0}\n",
            "ceiling is 0; write a whole number",
        ),
        ("rules:\n  - {rule: a, category: dns, codes: [x], remediable: maybe}\n", "write true or false"),
        ("rules:\n  - {rule: a, category: data_quality, codes: [x], remediable: true}\n", "never remediable"),
        (
            "rules:\n  - {rule: a, category: dns, codes: [x]}\n  - {rule: a, category: dns, codes: [y]}\n",
            "exists twice",
        ),
        ("inherits: {}\nrulez: []\n", "mine.yaml:2: unknown part 'rulez'"),
        (
            "rules:\n\n  - foo\n",
            "mine.yaml:3: a rule is a mapping with the key `rule`; got 'foo'; write `- rule:",
        ),
        ("rules:\n  - {rule: a, category: dns, codes: [x]}\n  - category: dns\n", "mine.yaml:3: a rule is"),
        ("rules:\n  - [a]\n", "mine.yaml:2: a rule is a mapping"),
        ("inherits:\n  A: [B]\nrules: {a: b}\n", "mine.yaml:3: `rules:` is no list; write"),
        ("inherits:\n  A: [B]\n  C: {D: E}\n", "mine.yaml:3: inherits C: write a list of texts"),
        (
            "categories:\n  unknown: {severity: Low}\n  dns: High\n",
            "mine.yaml:3: category 'dns': write {severity",
        ),
        ("rules:\n  - rule: 'a\x07'\n", "mine.yaml:2: not readable as YAML"),
        ("rules: [\n", "not readable as YAML"),
        ("- 1\n", "expected a mapping at the top"),
        ("categories:\n  data_quality: {severity: High, remediable: true}\n", "repeating cannot help"),
    ],
)
def test_a_wrong_file_is_refused_with_what_to_do(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RuleError) as error:
        load_rules(folder_with(tmp_path, text))
    assert says in str(error.value)
    assert "mine.yaml" in str(error.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="no rule files"):
        load_rules(tmp_path)


def test_every_category_needs_a_default(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "few.yaml").write_text("categories:\n  dns: {severity: High, remediable: true}\n")
    with pytest.raises(RuleError, match=r"no default for .*unknown"):
        load_rules(tmp_path)


def test_no_loaded_file_can_run_code(tmp_path: Path) -> None:
    with pytest.raises(RuleError):
        load_rules(folder_with(tmp_path, "rules: !!python/object/apply:os.getcwd []\n"))


def test_a_subclass_follows_its_nearest_known_ancestor(tmp_path: Path) -> None:
    text = (
        "inherits:\n  Base: [Middle]\n  Middle: [Leaf]\n"
        "rules:\n  - {rule: base, category: dns, exceptions: [Base]}\n"
        "  - {rule: any, category: timeout, exceptions: ['*Timeout']}\n"
    )
    rules = load_rules(folder_with(tmp_path, text))
    assert [rule.name for rule in rules.for_exception("Leaf", "airflow")] == ["base"]
    assert [rule.name for rule in rules.for_exception("MadeUpTimeout", "airflow")] == ["any"]
    assert rules.for_exception("Elsewhere", "airflow") == []


def test_circular_inheritance_ends(tmp_path: Path) -> None:
    rules = load_rules(folder_with(tmp_path, "inherits:\n  A: [B]\n  B: [A]\n"))
    assert rules.for_exception("A", "airflow") == []


def test_an_exact_code_beats_a_pattern_and_a_pattern_needs_the_code_to_be_certain(tmp_path: Path) -> None:
    text = (
        "rules:\n  - {rule: loose, category: dns, codes: ['*NotFound']}\n"
        "  - {rule: exact, category: timeout, codes: [BlobNotFound]}\n"
        "  - {rule: adf, category: dns, sources: [adf], codes: ['2108']}\n"
    )
    rules = load_rules(folder_with(tmp_path, text))
    assert [rule.name for rule in rules.for_code("blobnotfound", "adf", loosely=True)] == ["exact"]
    assert [rule.name for rule in rules.for_code("KeyNotFound", "adf", loosely=True)] == ["loose"]
    assert rules.for_code("KeyNotFound", "adf") == []
    assert rules.for_code("2108", "airflow") == []
    assert [rule.name for rule in rules.for_code("2108.7", "adf")] == ["adf"]


def test_the_shipped_rules_hold_the_promises(shipped: Rules) -> None:
    assert set(shipped.defaults) == set(Category)
    assert not any(shipped.defaults[category].remediable for category in NOT_REMEDIABLE)
    assert {rule.category for rule in shipped.rules} == set(Category)
    assert not any(rule.remediable for rule in shipped.rules if rule.category in NOT_REMEDIABLE)
