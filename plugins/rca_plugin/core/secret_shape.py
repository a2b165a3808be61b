"""Secrets that are known by how they look, wherever they stand: tokens, private keys, passwords in URLs.

The shapes of vendors' tokens are those of detect-secrets, which is kept by the people who collect them. Its
detectors for names, and for anything that looks random, are not used: they would take run ids for secrets.
Neither are the few whose time grows with the square of a hostile text: those shapes are written here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from rca_plugin.core.secret_value import MASK

# Each with what a text in lower case holds at least one of, where the detector can find something.
DETECTORS: dict[str, tuple[str, ...]] = {
    "aws.AWSKeyDetector": ("akia", "asia", "abia", "acca", "a3t", "aws"),
    "github_token.GitHubTokenDetector": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    "gitlab_token.GitLabTokenDetector": ("gl", "gr1348941"),
    "mailchimp.MailchimpDetector": ("-us",),
    "pypi_token.PypiTokenDetector": ("pypi-",),
    "sendgrid.SendGridDetector": ("sg.",),
    "slack.SlackDetector": ("xox", "hooks.slack.com"),
    "square_oauth.SquareOAuthDetector": ("sq0csp-",),
    "stripe.StripeDetector": ("k_live_",),
    "twilio.TwilioKeyDetector": ("ac", "sk"),
}


@dataclass(frozen=True)
class Shape:
    """A pattern, what is written in place of what it finds, and the texts without one of which it finds nothing."""

    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]
    needles: tuple[str, ...]

    def without(self, text: str, lowered: str) -> str:
        """The text with this shape masked; `lowered` is the text in lower case."""
        found = any(needle in lowered for needle in self.needles)
        return self.pattern.sub(self.replacement, text) if found else text


# A literal \n of a text inside a text may stand right before a token.
_START = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))"
_PEM_END = r"-----END [A-Z0-9 ]{0,40}KEY(?: BLOCK)?-----"
_LINES = r"(?:\s|\\[nr])*(?:[A-Za-z0-9+/=]{16,}(?:\s|\\[nr])*)+[A-Za-z0-9+/=]{0,80}"
_PEM = re.compile(
    rf"-----BEGIN [A-Z0-9 ]{{0,40}}PRIVATE KEY(?: BLOCK)?-----(?:(?:(?!-----)[\s\S])*{_PEM_END}|{_LINES})"
)
_PUTTY = re.compile(rf"(Private-Lines: \d{{1,4}}){_LINES}")
# The last @ before the path ends the password: an unescaped @ may stand inside it, and even a slash.
_IN_URL = re.compile(
    r"(://[^\s:/@\"'<>]{0,200}:)(?!\d{1,5}(?:[/?#,;]|\Z))(?:[^\s/\"'<>]{1,2000}@|[^\s\"'<>]{1,200}?@(?:[^\s/\"'<>]{0,2000}@)?)"
)
_TOKEN_IN_URL = re.compile(r"(https?://)(?=[^\s/@:]{0,500}\d)[\w.~%-]{20,500}@")
_ORACLE = re.compile(r"(jdbc:oracle:\w{2,6}:[^\s/@]{1,60}/)[^\s@]{1,200}@")
_CURL_USER = re.compile(r"(?<=\s)((?:-u|--user)[ =]['\"]?(?!\d+:\d)[^\s:'\"]{1,60}:)[^\s'\"]+")
_SCHEME = re.compile(r"\b((?:Bearer|Basic|Negotiate)(?:\s{1,3}|%20))([\w.~+/=-]{8,})", re.IGNORECASE)
_IS_WORD = re.compile(r"[A-Z]?[a-z_]+[=.]?|[a-z_]+=[^=]\S*")
_TOKENS = re.compile(
    rf"{_START}(?:eyJ[\w-]{{10,}}(?:\.[\w-]*){{0,4}}"
    r"|(?:dapi|dose|dkea)[0-9a-f]{32}(?:-\d{1,2})?"
    r"|AIza[\w-]{35,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"
    r"|sk-(?:[a-z0-9]{2,12}-){0,2}(?=[\w-]{0,60}?\w{16})[\w-]{20,300}"
    r"|github_pat_\w{22,}|npm_[A-Za-z0-9]{36,}|xapp-\d-[\w-]{10,}|hf_[A-Za-z0-9]{30,}|hvs\.[\w-]{24,}"
    r"|ATATT3x[\w=-]{50,}|gAAAAA[\w-]{60,}={0,2}|\d{8,10}:AA[\w-]{33,}"
    r"|[\w~.-]{3}8Q~[\w~.-]{31,34})"
)
_STORAGE_KEY = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==")
# The domain stays: it may be the host that a person or a container is on.
_E_MAIL = re.compile(
    r"(?<![\w.+%-])(?<!//)(?!git@)[\w.+%-]{1,64}(?=@(?![\w.-]{0,200}\.(?:core\.windows\.net|gserviceaccount\.com))"
    r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}?\.(?:[a-z]{2,24}|[A-Z]{2,24})(?![\w-]))"
)


def _masked_credential(found: re.Match[str]) -> str:
    prose = _IS_WORD.fullmatch(found.group(2))
    return found.group() if prose else found.group(1) + MASK


ENCLOSING: tuple[Shape, ...] = (
    Shape(_PEM, MASK, ("private key",)),
    Shape(_PUTTY, rf"\1 {MASK}", ("private-lines",)),
    Shape(_IN_URL, rf"\1{MASK}@", ("://",)),
    Shape(_TOKEN_IN_URL, rf"\1{MASK}@", ("http",)),
    Shape(_ORACLE, rf"\1{MASK}@", ("jdbc:oracle",)),
    Shape(_CURL_USER, rf"\1{MASK}", ("-u", "--user")),
    Shape(_SCHEME, _masked_credential, ("bearer", "basic", "negotiate")),
)
_OWN_TOKENS = ("eyj", "dapi", "dose", "dkea", "aiza", "ya29.", "gocspx-", "sk-", "github_pat_", "npm_", "xapp-", "hf_",
               "hvs.", "atatt3x", "gaaaaa", ":aa", "8q~")  # fmt: skip


@cache
def tokens() -> tuple[Shape, ...]:
    """The shapes of tokens, read from detect-secrets on first use: a task process never needs them."""
    return (
        Shape(_TOKENS, MASK, _OWN_TOKENS),
        Shape(_STORAGE_KEY, MASK, ("==",)),
        *_from_library(),
        Shape(_E_MAIL, MASK, ("@",)),
    )


def _from_library() -> Iterator[Shape]:
    for path, needles in DETECTORS.items():
        module, _, detector = path.partition(".")
        for pattern in getattr(import_module(f"detect_secrets.plugins.{module}"), detector).denylist:
            # A vendor may make its tokens longer than its pattern says.
            whole = re.compile(rf"(?:{pattern.pattern})[\w-]*", pattern.flags)
            yield Shape(whole, MASK, needles)
