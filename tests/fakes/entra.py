"""Entra ID as far as a receiver of its tokens sees it: a tenant with real RSA keys, and where it publishes them."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

TENANT = "11111111-2222-3333-4444-555555555555"
AUDIENCE = "api://rca.example.com"
AZURE_MONITOR = "461e8683-5575-4561-ac7f-899cc907d62a"


@cache
def _private_key(_kid: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def private_key(kid: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The key of this id; making one takes a moment, so that tests share them."""
    return _private_key(kid, bits)


def public_jwk(kid: str, bits: int = 2048, **changes: Any) -> dict[str, Any]:
    jwk: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(private_key(kid, bits).public_key()))
    return {**jwk, "kid": kid, "use": "sig", "x5t": kid, **changes}


@dataclass
class EntraServer:
    """`answers` are taken in turn, the last one for ever: a list of key ids, a status, bytes, or
    "trickle", "endless" or "reset".
    """

    answers: list[Any]
    url: str = ""
    paths: list[str] = field(default_factory=list)

    def next_answer(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Those of a version 2 token for Azure Monitor; None takes one away."""
        now = int(time.time())
        claims = {
            "iss": f"{self.url}/{TENANT}/v2.0",
            "aud": AUDIENCE,
            "azp": AZURE_MONITOR,
            "tid": TENANT,
            "roles": ["ActionGroupsSecureWebhook"],
            "ver": "2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, kid: str = "one", **changes: Any) -> str:
        return jwt.encode(self.claims(**changes), private_key(kid), algorithm="RS256", headers={"kid": kid})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, state: EntraServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.state.paths.append(self.path)
        answer = self.server.state.next_answer()
        with contextlib.suppress(OSError):
            if answer == "trickle":
                self._pour(b" ", pause=0.05)
            elif answer == "endless":
                self._pour(b" " * 65_536, pause=0)
            elif answer != "reset":
                self._answer(answer)

    def _answer(self, answer: Any) -> None:
        status, content = (answer, b"{}") if isinstance(answer, int) else (200, answer)
        if isinstance(content, list):
            keys = [public_jwk(kid) if isinstance(kid, str) else kid for kid in content]
            content = json.dumps({"keys": keys}).encode()
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _pour(self, drop: bytes, pause: float) -> None:
        """For as long as the other side listens."""
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(drop)
            time.sleep(pause)

    def log_message(self, *_: Any) -> None:
        """Not into the output of the tests."""


@contextmanager
def entra_server(*answers: Any) -> Iterator[EntraServer]:
    """Run one on a free port."""
    state = EntraServer(list(answers))
    httpd = _Server(state)
    state.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
