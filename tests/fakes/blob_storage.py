"""What stands between a task and its storage account, and has troubles of its own; all else it passes on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.fakes.azurite import BlobAccount
from tests.fakes.trouble import Service, ServiceHandler, running

# As Azure Storage words them, in a header and in the body.
CODES = {
    403: "AuthorizationFailure", 404: "ResourceNotFound", 429: "TooManyRequests", 500: "InternalError",
    503: "ServerBusy",
}  # fmt: skip
_NOT_PASSED_ON = {"transfer-encoding", "connection", "keep-alive", "content-length"}


@dataclass
class Gateway(Service):
    """To that account. The calls are the files' names, and "container" for making one."""

    account: BlobAccount | None = None

    @property
    def way(self) -> BlobAccount:
        assert self.account is not None
        return self.account.at(self.port)

    def error(self, status: int) -> Mapping[str, Any]:
        return {"Code": CODES[status], "Message": "As told."}


class _Handler(ServiceHandler):
    service: Gateway

    def do_PUT(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        call = path.rpartition("/")[2] if path.endswith(".gz") else "container"
        trouble = self.service.trouble(call)
        with contextlib.suppress(OSError):
            if trouble == "lost":
                # It is done, and nobody hears of it.
                self._pass_on(body)
                self._misbehave("reset", b"")
            elif trouble is not None:
                self._go_wrong(trouble, b"x" * 20)
            else:
                answer = self._pass_on(body)
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name not in _NOT_PASSED_ON:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

    def _pass_on(self, body: bytes) -> httpx.Response:
        assert self.service.account is not None
        headers = {name: value for name, value in self.headers.items() if name != "Accept-Encoding"}
        url = f"http://127.0.0.1:{self.service.account.port}{self.path}"
        return httpx.put(url, content=body, headers=headers)

    def _send(self, status: int, content: bytes, retry_after: str | None = None, length: int = 0) -> None:
        if status < 400:
            super()._send(status, content, retry_after, length)
            return
        error = json.loads(content)
        words = "".join(f"<{name}>{value}</{name}>" for name, value in error.items())
        content = f'<?xml version="1.0" encoding="utf-8"?><Error>{words}</Error>'.encode()
        self.send_response(status)
        self.send_header("x-ms-error-code", error["Code"])
        self.send_header("Content-Type", "application/xml")
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def gateway(account: BlobAccount, **troubles: Any) -> Iterator[Gateway]:
    """Run one in front of an account."""
    service = Gateway(troubles=dict(troubles), account=account)
    with running(service, _Handler):
        yield service
