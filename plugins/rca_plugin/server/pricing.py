"""What a call costs, in millionths of a US dollar: by the price list of genai-prices, or by `[rca] gemini_price`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rca_plugin.config import price, settings
from rca_plugin.core.model_request import ModelRequest
from rca_plugin.core.money import micros

_MILLION = 1_000_000
# What the API puts around the parts of a request: turns, roles.
_AROUND_TOKENS = 256


class UnknownPriceError(LookupError):
    """Nobody knows what the model costs. The text says what to set."""


@dataclass(frozen=True)
class Tokens:
    """What was used: `cached` is a part of `input`, and thoughts are a part of `output`."""

    input: int
    output: int
    cached: int = 0


def cost(model: str, tokens: Tokens, at: datetime) -> int:
    """What this usage costs.

    Raises UnknownPriceError.
    """
    limits = settings()
    own = price(limits.gemini_price)
    if own is not None and model == limits.gemini_model:
        per_input, per_output = (Decimal(str(part)) for part in own)
        return micros((per_input * tokens.input + per_output * tokens.output) / _MILLION)
    return micros(_listed(model, tokens, at))


def worst_cost(request: ModelRequest, at: datetime) -> int:
    """What a request costs at most.

    Raises UnknownPriceError.
    """
    return cost(request.model, Tokens(input=most_input_tokens(request), output=request.output_tokens), at)


def most_input_tokens(request: ModelRequest) -> int:
    """No request has more: Gemini's tokenizer reads a text that it has no word for byte by byte, and digits one by
    one, so a token is at least one byte. Prose has four times fewer; what is not used is given back.
    """
    sent = (request.system, request.text, json.dumps(request.schema))
    return sum(len(part.encode("utf-8", "replace")) for part in sent) + _AROUND_TOKENS


def _listed(model: str, tokens: Tokens, at: datetime) -> Decimal:
    try:
        # Not above: it takes 0.4 s, and a server that asks no model needs none of it.
        from genai_prices import Usage, calc_price
    except ImportError as error:
        raise UnknownPriceError(f"{_unknown(model)}, or install genai-prices") from error
    usage = Usage(
        input_tokens=tokens.input,
        cache_read_tokens=min(tokens.cached, tokens.input),
        output_tokens=tokens.output,
    )
    try:
        # Vertex AI names a model by its path.
        name = model.rpartition("/")[2]
        return calc_price(usage, name, provider_id="google", genai_request_timestamp=at).total_price
    except (LookupError, ValueError) as error:
        raise UnknownPriceError(_unknown(model)) from error


def _unknown(model: str) -> str:
    its = "" if model == settings().gemini_model else f"[rca] gemini_model = {model} and "
    return f"nobody knows the price of {model}: set {its}[rca] gemini_price"
