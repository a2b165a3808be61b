"""What a call costs, against the price list itself."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from genai_prices import Usage, calc_price

from rca_plugin.core.model_request import ModelRequest
from rca_plugin.server.pricing import Tokens, UnknownPriceError, cost, most_input_tokens, worst_cost

AT = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
USAGES = [
    Tokens(0, 0), Tokens(1, 1), Tokens(12_345, 6_789), Tokens(12_345, 6_789, cached=10_000), Tokens(50, 0, cached=50),
    Tokens(199_999, 8_192, cached=1), Tokens(250_001, 65_536, cached=200_000),
]  # fmt: skip


def request(text: str = "why?", model: str = "gemini-2.5-flash", output_tokens: int = 8_192) -> ModelRequest:
    return ModelRequest(model, "root_cause 1 (0)", "be brief", text, {"type": "object"}, output_tokens)


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-flash-lite"])
@pytest.mark.parametrize("tokens", USAGES, ids=str)
def test_a_call_costs_what_the_list_says_to_the_millionth(model: str, tokens: Tokens) -> None:
    usage = Usage(input_tokens=tokens.input, cache_read_tokens=tokens.cached, output_tokens=tokens.output)
    listed = calc_price(usage, model, provider_id="google", genai_request_timestamp=AT).total_price
    whole = int((listed * 1_000_000).to_integral_value(ROUND_HALF_UP))
    assert cost(model, tokens, AT) == whole
    assert cost(f"projects/p/locations/l/publishers/google/models/{model}", tokens, AT) == whole


def test_it_is_right_by_hand() -> None:
    # In November 2026 a million tokens of gemini-2.5-flash cost $0.30 in, $0.03 from the cache, and $2.50 out.
    assert (
        cost("gemini-2.5-flash", Tokens(1_000_000, 100_000, cached=400_000), AT) == 180_000 + 12_000 + 250_000
    )


def test_more_from_the_cache_than_there_was_is_no_reason_to_fail() -> None:
    assert cost("gemini-2.5-flash", Tokens(10, 0, cached=50), AT) == cost(
        "gemini-2.5-flash", Tokens(10, 0, cached=10), AT
    )


def test_a_price_of_our_own_goes_before_the_list_for_our_model_alone(options: Any) -> None:
    options(gemini_price="0.5, 4", gemini_model="our-model")
    assert cost("our-model", Tokens(1_000, 100, cached=900), AT) == 500 + 400
    assert cost("gemini-2.5-flash", Tokens(1_000, 0), AT) == 300
    with pytest.raises(UnknownPriceError, match=r"set \[rca\] gemini_model = other and \[rca\] gemini_price"):
        cost("other", Tokens(1, 1), AT)


def test_a_price_that_nobody_knows_names_the_option(options: Any) -> None:
    options(gemini_model="no-such-model")
    with pytest.raises(UnknownPriceError, match=r"price of no-such-model: set \[rca\] gemini_price$"):
        cost("no-such-model", Tokens(1, 1), AT)


def test_without_the_price_list_only_a_price_of_our_own_holds(
    options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "genai_prices", None)
    with pytest.raises(UnknownPriceError, match="or install genai-prices"):
        cost("gemini-2.5-flash", Tokens(1, 1), AT)
    options(gemini_price="1,2")
    assert cost("gemini-2.5-flash", Tokens(1, 1), AT) == 3


def test_no_request_has_more_tokens_than_is_reckoned_with() -> None:
    # One digit is one token, and a character nobody has a word for is one token for each of its bytes.
    for text in ("7" * 10_000, "\U00012000" * 1_000, "\ud800" * 10):
        assert most_input_tokens(request(text)) >= len(text.encode("utf-8", "replace"))
    assert worst_cost(request("x" * 1_000_000), AT) > Decimal(300_000)


def test_thoughts_and_all_that_it_may_write_are_in_the_worst_cost() -> None:
    more = worst_cost(request(output_tokens=1_008_192), AT) - worst_cost(request(), AT)
    assert more == 2_500_000
