"""What a deployment copies says the same as the code."""

from __future__ import annotations

import re

import yaml

from demo.local_airflow import DB_MANAGER, REPOSITORY
from rca_plugin.config import options


def test_compose_registers_our_tables_and_has_no_secret_of_its_own() -> None:
    text = (REPOSITORY / "docker-compose.yaml").read_text()
    services = yaml.safe_load(text)["services"]
    airflow = services["api-server"]["environment"]
    assert airflow["AIRFLOW__DATABASE__EXTERNAL_DB_MANAGERS"] == DB_MANAGER
    assert {"postgres", "migrate", "api-server", "scheduler", "dag-processor", "triggerer"} == set(services)
    for name, value in airflow.items():
        if re.search(r"SECRET|PASSWORD|SQL_ALCHEMY", name):
            assert ":?" in value, f"{name} must come from outside"


def test_compose_and_readme_name_only_options_that_exist() -> None:
    known = {option.name for option in options()}
    for file in ("docker-compose.yaml", "README.md", "docs/how-it-works.md"):
        text = (REPOSITORY / file).read_text()
        named = set(re.findall(r"\[rca\] (\w+)", text)) | {
            name.lower() for name in re.findall(r"AIRFLOW__RCA__(\w+)", text)
        }
        assert named <= known, file


def test_requirements_are_pinned_by_the_lock() -> None:
    wanted = {re.split(r"[><=]", line)[0] for line in lines("requirements.txt")}
    pinned = {line.partition("==")[0] for line in lines("requirements.lock")}
    assert wanted <= pinned


def lines(name: str) -> list[str]:
    content = (REPOSITORY / name).read_text().splitlines()
    return [line for line in content if line and not line.startswith("#")]
