"""The analysis of a failure by a model where there is one that may be asked, and whose answer the evidence bears out;
else by the knowledge base, which then says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rca_plugin.config import ConfigError, settings
from rca_plugin.core.analysis import Analysis
from rca_plugin.core.data import data_folder
from rca_plugin.core.draft import DraftError, read_draft
from rca_plugin.core.grounding import NotGroundedError, ground
from rca_plugin.core.model_call import Purpose
from rca_plugin.core.model_key import model_key
from rca_plugin.core.model_request import ModelRequest
from rca_plugin.core.prompt import load_prompt
from rca_plugin.core.yaml_file import RuleError
from rca_plugin.worker.asking import Asking
from rca_plugin.worker.client import RcaClient, ServerError
from rca_plugin.worker.failure_case import FailureCase
from rca_plugin.worker.integrations.gemini import Gemini
from rca_plugin.worker.masking import redactor


@dataclass(frozen=True)
class Model:
    """The model of this deployment: a way to it, or what keeps there from being one; neither where none is wanted."""

    gemini: Gemini | None
    problem: str = ""

    @classmethod
    def of_settings(cls) -> Model:
        """By the connection that `[rca] gemini_conn_id` names."""
        conn_id = settings().gemini_conn_id
        try:
            gemini = Gemini.connect(conn_id) if conn_id else None
        except ConfigError as error:
            return cls(None, str(error))
        if gemini:
            gemini.prepare()
        return cls(gemini)


def analyze(client: RcaClient, case: FailureCase, model: Model) -> Analysis:
    """The best analysis that can be had now. Raises ServerError while the server cannot be reached."""
    if case.nothing_failed:
        return case.note
    if model.gemini is None:
        return replace(case.note, model_problem=model.problem)
    try:
        key, request = question(case)
    except RuleError as error:
        return _without(case, f"the prompt cannot be used: {error}")
    try:
        plan = client.plan_model_call(case.incident["id"], Purpose.ANALYSIS, key, request)
    except ServerError as error:
        if error.may_pass:
            # Nor could an analysis be kept: the task tries again.
            raise
        return _without(case, f"the API server did not plan the call: {error}")
    return _by_plan(client, case, model.gemini, request, plan)


def question(case: FailureCase) -> tuple[str, ModelRequest]:
    """What a model is asked, without any secret, and the key by which its answer is found again.

    Raises RuleError for a prompt that cannot be used.
    """
    limits, incident = settings(), case.incident
    prompt = load_prompt(data_folder(), case.knowledge)
    key = model_key(incident["fingerprint"], limits.gemini_model, prompt.version, case.evidence)
    request = prompt.request(
        case.evidence,
        incident["resource"],
        incident["source"],
        limits.gemini_model,
        limits.gemini_output_tokens,
    )
    # Here, where it is whole: what is kept of it is what is sent of it.
    redact = redactor()
    return key, replace(request, system=redact.text(request.system), text=redact.text(request.text))


def _by_plan(
    client: RcaClient, case: FailureCase, gemini: Gemini, request: ModelRequest, plan: Mapping[str, Any]
) -> Analysis:
    if plan["decision"] == "refuse":
        return _without(case, plan["reason"])
    if plan["decision"] == "reuse":
        return grounded(case, plan["answer"])
    asking = Asking(gemini, request, settings().gemini_timeout)
    # While Gemini thinks: the note is needed either way, and reading the rules for it takes longest.
    asking.wait_until_sent()
    _ = case.note
    outcome = asking.outcome()
    # If that fails, so does the task. Until it is recorded, what was reserved for the call counts as spent.
    client.record_model_call(plan["call_id"], outcome.to_json())
    return _without(case, outcome.problem) if outcome.answer is None else grounded(case, outcome.answer)


def grounded(case: FailureCase, answer: str) -> Analysis:
    """What the evidence bears out of a model's answer, else the note, which says what was wrong with it."""
    redact = redactor()
    # As the model saw it, or what it quotes would not be found.
    evidence = [replace(item, text=redact.text(item.text)) for item in case.evidence]
    try:
        return ground(
            read_draft(answer), evidence, case.note, case.classification, case.knowledge,
            source=case.incident["source"], defaults=case.rules.defaults,
        )  # fmt: skip
    except (DraftError, NotGroundedError) as error:
        # It is not asked again: the same question has the same answer, and is paid for twice.
        return _without(case, f"Gemini's answer was not used: {error}")


def _without(case: FailureCase, problem: str) -> Analysis:
    return replace(case.note, model_problem=problem)
