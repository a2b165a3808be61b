import shutil
from pathlib import Path

import pytest

from rca_plugin.core.category import NOT_REMEDIABLE, Category
from rca_plugin.core.data import data_folder
from rca_plugin.core.knowledge import ACTIONS, load_knowledge
from rca_plugin.core.yaml_file import RuleError

KNOWLEDGE = load_knowledge(data_folder())


def test_every_category_is_described() -> None:
    assert set(KNOWLEDGE) == set(Category)
    assert all(
        known.first and known.avoid and known.causes and known.runbooks for known in KNOWLEDGE.values()
    )


def test_a_sigkill_may_have_another_reason_than_memory_and_it_says_how_to_tell() -> None:
    other = next(
        cause for cause in KNOWLEDGE[Category.OUT_OF_MEMORY].causes if "other than memory" in cause.text
    )
    assert all(word in other.text for word in ("evicted", "node", "person"))
    assert "oom-kill" in other.tell


def test_what_is_never_remediable_allows_no_action() -> None:
    assert not any(KNOWLEDGE[category].actions for category in NOT_REMEDIABLE)


def test_what_is_remediable_by_default_allows_one_for_airflow() -> None:
    for known in KNOWLEDGE.values():
        if known.remediable:
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


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("title: a host", "titel: a host", "unknown key 'titel'"),
        ("headline: The host name could", "headline: the host name could", "2 to 8 words, capitalized"),
        ("could not be resolved\ndescription", "could not be resolved.\ndescription", "without a period"),
        ("headline: The host name could not be resolved", "headline: Unresolved", "2 to 8 words"),
        ("headline: The host name could not be resolved", "", "headline is missing"),
        ("Kubernetes documentation: Debugging", "Debugging", "write whose it is too"),
        ("estimated_minutes: 30", "estimated_minutes: soon", "write whole minutes"),
        ("airflow_clear,", "airflow_klear,", "not an action"),
        ("[30, 60, 120]", "[]", "seconds to wait"),
        (
            "  - cause: The name is wrong, or belongs to another environment.",
            "  - cause: ''",
            "cause is missing",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_what_to_do(tmp_path: Path, old: str, new: str, says: str) -> None:
    shutil.copytree(data_folder() / "rules", tmp_path / "rules")
    shutil.copytree(data_folder() / "knowledge", tmp_path / "knowledge")
    file = tmp_path / "knowledge" / "dns.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(RuleError) as error:
        load_knowledge(tmp_path)
    assert says in str(error.value)
    assert "dns.yaml" in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    shutil.copytree(data_folder() / "rules", tmp_path / "rules")
    with pytest.raises(RuleError, match=r"cluster_stockout\.yaml: missing"):
        load_knowledge(tmp_path)
