import shutil
from pathlib import Path

import pytest

from rca_plugin.core.category import NOT_REMEDIABLE, Category
from rca_plugin.core.data import data_folder
from rca_plugin.core.knowledge import ACTIONS, Guide, is_https
from rca_plugin.core.knowledge_files import load_knowledge
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.yaml_file import RuleError

KNOWLEDGE = load_knowledge(data_folder())


def guides() -> list[Guide]:
    return [guide for known in KNOWLEDGE.values() for guide in (known.elsewhere, *known.guides.values())]


def test_every_category_is_described_for_airflow_and_for_a_source_nobody_thought_of() -> None:
    assert set(KNOWLEDGE) == set(Category)
    for known in KNOWLEDGE.values():
        assert "airflow" in known.guides, known.category
        assert known.guide("synapse") == known.elsewhere


def test_a_source_has_its_own_meaning_and_its_own_first_step() -> None:
    memory = KNOWLEDGE[Category.OUT_OF_MEMORY]
    assert "driver or of an executor" in memory.guide("databricks").means
    assert "integration runtime" in memory.guide("adf").means
    timeout = KNOWLEDGE[Category.TIMEOUT]
    assert "activity's policy" in timeout.guide("adf").means
    assert "connector" in timeout.guide("adf").means
    assert "`execution_timeout`" in timeout.guide("airflow").means
    for known in KNOWLEDGE.values():
        firsts = [guide.first[0] for guide in (known.elsewhere, *known.guides.values())]
        assert len(set(firsts)) == len(firsts), known.category


def test_what_makes_it_worse_can_be_read_alone() -> None:
    for guide in guides():
        assert guide.avoid
        assert all(sentence.startswith("Do not ") for sentence in guide.avoid)
        assert not any(step.startswith("Do not ") for step in guide.first)


def test_runbooks_lead_to_https_only_and_name_whose_they_are() -> None:
    runbooks = [runbook for guide in guides() for runbook in guide.runbooks]
    assert len({runbook.url for runbook in runbooks}) > 20
    assert all(runbook.url is None or is_https(runbook.url) for runbook in runbooks)


@pytest.mark.parametrize(
    "url", [None, "", "http://a.example/x", "javascript:alert(1)", "https://", "https://[", 7, "//a.example"]
)
def test_nothing_else_is_linked(url: object) -> None:
    assert not is_https(url)


def test_a_sigkill_may_have_another_reason_than_memory_and_it_says_how_to_tell() -> None:
    other = next(
        cause for cause in KNOWLEDGE[Category.OUT_OF_MEMORY].causes if "other than memory" in cause.text
    )
    assert all(word in other.text for word in ("evicted", "node", "person"))
    assert "oom-kill" in other.tell


def test_a_cause_is_only_offered_where_it_can_be_one() -> None:
    memory = KNOWLEDGE[Category.OUT_OF_MEMORY]
    assert not any("kernel killed" in cause.text for cause in memory.causes_on("databricks"))
    assert not any("driver holds" in cause.text for cause in memory.causes_on("airflow"))
    for known in KNOWLEDGE.values():
        for source in (*known.guides, "generic", "synapse"):
            assert known.causes_on(source), (known.category, source)


def test_what_is_never_remediable_allows_no_action() -> None:
    assert not any(KNOWLEDGE[category].actions for category in NOT_REMEDIABLE)


def test_what_is_remediable_by_default_allows_one_for_airflow() -> None:
    defaults = load_rules(data_folder()).defaults
    for known in KNOWLEDGE.values():
        if defaults[known.category].remediable:
            assert any(action.fits("airflow") for action in known.actions), known.category


def test_backoff_has_a_wait_before_every_attempt() -> None:
    for known in KNOWLEDGE.values():
        for action in known.actions:
            assert action.attempts == len(action.backoff) <= 3
            assert list(action.backoff) == sorted(action.backoff)


def test_an_action_fits_its_sources_and_a_playbook_fits_all() -> None:
    assert ACTIONS["airflow_clear"] == {"airflow"}
    playbook = next(
        action for action in KNOWLEDGE[Category.API_ERROR].actions if action.name == "http_playbook"
    )
    assert playbook.fits("generic")


WRONG = [
    ("title: a host", "titel: a host", "unknown key 'titel'; did you mean 'title'?"),
    ("headline: The host name could", "headline: the host name could", "2 to 8 words, capitalized"),
    ("could not be resolved\ndescription", "could not be resolved.\ndescription", "without a period"),
    ("headline: The host name could not be resolved", "headline: Unresolved", "2 to 8 words"),
    ("headline: The host name could not be resolved\n", "", "headline is missing"),
    ("Kubernetes documentation: Debugging", "Debugging", "write whose it is too"),
    ("https://kubernetes.io", "http://kubernetes.io", "begins with https://"),
    ("estimated_minutes: 30", "estimated_minutes: soon", "write whole minutes"),
    ("airflow_clear,", "airflow_klear,", "not an action"),
    ("[30, 60, 120]", "[]", "seconds to wait"),
    ("  - cause: The name is wrong, or belongs to another environment.", "  - cause: ''", "cause is missing"),
    ("when: [privatelink,", "when: [404,", "quote numbers"),
    ("when: [privatelink,", "vhen: [privatelink,", "did you mean 'when'?"),
    ("telling: [history", "telling: [gossip", "allowed are history, pool, trend, tries"),
    ("  adf:", "  adff:", "did you mean 'adf'?"),
    ("    means: The worker asked", "    meaning: The worker asked", "unknown key 'meaning'"),
    ("no connection was even tried.", "nothing. It is dead. Nothing helps.", "at most 2 sentences"),
    ("  - Do not put IP", "  - Put IP", "begin each with `Do not`"),
    ("`getent hosts {host}`", "`getent hosts {hots}`", "{hots} must stand in `code` and be one of"),
    ("`getent hosts {host}`", "getent hosts {host}", "{host} must stand in `code`"),
    ("first:\n  - Resolve the name from where it ran.", "first:\n  - Resolve: it.", "quote one that has a colon"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), WRONG)
def test_a_wrong_file_is_refused_with_place_and_what_to_do(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    folder = copied(tmp_path)
    file = folder / "knowledge" / "dns.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(RuleError) as error:
        load_knowledge(folder)
    name, line, problem = str(error.value).split(":", 2)
    assert name == "dns.yaml"
    assert says in problem
    # What is wrong stands on that line, or the entry that lacks it starts there, or the list it is in.
    changed = next(
        n
        for n, (a, b) in enumerate(zip(text.splitlines(), file.read_text().splitlines(), strict=False), 1)
        if a != b
    )
    assert int(line) == 1 or changed - 8 <= int(line) <= changed + 3


def test_the_line_is_that_of_the_key(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    file = folder / "knowledge" / "dns.yaml"
    lines = file.read_text().splitlines()
    at = next(n for n, text in enumerate(lines) if text.startswith("estimated_minutes"))
    lines[at] = "estimated_minutes: soon"
    file.write_text("\n".join(lines))
    with pytest.raises(RuleError, match=rf"^dns\.yaml:{at + 1}: "):
        load_knowledge(folder)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    shutil.copytree(data_folder() / "rules", tmp_path / "rules")
    with pytest.raises(RuleError, match=r"cluster_stockout\.yaml: missing"):
        load_knowledge(tmp_path)


def copied(folder: Path) -> Path:
    for part in ("rules", "knowledge"):
        shutil.copytree(data_folder() / part, folder / part)
    return folder
