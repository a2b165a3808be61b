"""What we ask of Jira Cloud, and what the fake of it answers, is as Atlassian's own document says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.jira import Site
from tests.worker.test_jira import Start, check_story
from tests.worker.test_jira import start as start


@cache
def document(shared: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((shared / "specs" / "jira" / "swagger-v3.prism.json").read_text())
    return read


@pytest.fixture
def told(start: Start) -> Site:
    """A site that was told all there is to tell."""
    site = start()
    check_story(site)
    return site


def operation(spec: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    for template, item in spec["paths"].items():
        if method.lower() in item and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found: dict[str, Any] = item[method.lower()]
            return found
    raise AssertionError(f"Jira has no {method} {path}")


def problems(spec: dict[str, Any], schema: dict[str, Any], value: Any) -> Iterator[str]:
    whole = {**schema, "components": spec["components"]}
    return (
        f"{error.json_path}: {error.message[:200]}"
        for error in Draft202012Validator(whole).iter_errors(value)
    )


def test_all_that_we_send_is_as_documented(told: Site, shared: Path) -> None:
    spec = document(shared)
    for method, path, query, body in told.requests:
        asked = operation(spec, method, path)
        assert (
            set(query) <= {p["name"] for p in asked["parameters"] if p["in"] == "query"} if query else True
        ), path
        if body is not None:
            schema = asked["requestBody"]["content"]["application/json"]["schema"]
            assert not list(problems(spec, schema, body)), (method, path)
    assert {method for method, *_ in told.requests} == {"GET", "POST", "PUT"}


def test_all_that_the_fake_answers_is_as_documented(told: Site, shared: Path) -> None:
    spec = document(shared)
    for (method, path, *_), (_, status, answer) in zip(told.requests, told.answers, strict=True):
        known = operation(spec, method, path)["responses"]
        assert str(status) in known, (method, path, status)
        content = known[str(status)].get("content", {}).get("application/json", {})
        if answer is not None and "schema" in content:
            assert not list(problems(spec, content["schema"], answer)), (method, path)
