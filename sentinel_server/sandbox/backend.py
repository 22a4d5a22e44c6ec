"""What answers once the front has no objection: moto in this process, or another endpoint for DynamoDB.

moto is called directly, without its own server. Its state is one per process, so calls take turns and every
embedded AWS of a process has an account of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from sentinel_server.errors import SentinelError
from sentinel_server.sandbox.wire import Refusal, Reply

_turn = threading.RLock()
_HOP = frozenset({"host", "content-length", "connection", "transfer-encoding", "expect", "x-moto-account-id"})
_NOT_FORWARDED = frozenset({"connection", "transfer-encoding", "date", "server", "status"})


def require_moto() -> None:
    """Raises SentinelError when the sandbox's optional packages are not installed."""
    try:
        import moto.core.botocore_stubber  # noqa: F401
    except ImportError as error:
        missing = (error.name or "moto").partition(".")[0]
        raise SentinelError(
            f"the sandbox needs {missing}, which is not installed", hint='pip install "sentinel[sandbox]"'
        ) from error


def ignore_profiles() -> None:
    """Keep moto from reading this machine's AWS configuration, where `AWS_PROFILE` may name no profile."""
    import boto3  # type: ignore[import-untyped]
    from botocore.session import Session
    from moto.core.base_backend import AccountSpecificBackend

    nothing = (None, None, None, None)
    session = boto3.Session(
        botocore_session=Session(
            session_vars={"profile": nothing, "config_file": (None, None, os.devnull, None)}
        )
    )
    AccountSpecificBackend.get_session = classmethod(lambda _: session)  # type: ignore[assignment]


def forget(account_id: str) -> None:
    """Drop everything moto remembers about an account."""
    from moto.core.base_backend import BackendDict

    with _turn:
        instances: list[Any] = list(BackendDict._instances)  # type: ignore[misc] # theirs is generic
        for backends in instances:
            if account_id in backends:
                backends[account_id].reset()
                backends.pop(account_id)


def ask_moto(
    account_id: str,
    service: str,
    region: str,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
) -> Reply:
    """moto's answer to a request. Raises Refusal where moto knows no such service or operation."""
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.compat import HTTPHeaders
    from moto.core.botocore_stubber import BotocoreStubber

    sent = HTTPHeaders()
    for name, value in headers.items():
        if name not in _HOP:
            sent[name] = value
    sent["x-moto-account-id"] = account_id
    url = f"https://{service}.{region}.amazonaws.com{target}"
    request = AWSPreparedRequest(method, url, sent, body, False)
    with _turn:
        try:
            answer = BotocoreStubber().process_request(request)
        except NotImplementedError as error:
            raise Refusal("NotImplemented", f"the sandbox cannot do this: {error}", 501) from error
        except Exception as error:  # moto's own mistakes must reach the client in a form it can read
            raise Refusal("InternalFailure", f"the sandbox failed: {error!r}", 500) from error
    if answer is None:
        raise Refusal("NotImplemented", f"the sandbox has no service {service}", 501)
    return _reply(*answer)


def match_operation(
    service: str, method: str, target: str, headers: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    """Operation and path parameters of a REST request. Raises Refusal when the service's model has none."""
    from botocore.exceptions import DataNotFoundError
    from moto.core.request import Request
    from moto.core.routing import get_service_router
    from werkzeug.exceptions import NotFound

    url = f"https://{service}.us-east-1.amazonaws.com{target}"
    try:
        operation, params = get_service_router(service).match(
            Request.from_primitives(method, url, dict(headers))
        )
    except (NotFound, NotImplementedError, ValueError, DataNotFoundError):
        message = f"the sandbox knows no {method} request of {service} like this"
        raise Refusal("NotImplemented", message, 501) from None
    return operation.name, dict(params)


def _reply(status: int, headers: Mapping[str, Any], body: str | bytes) -> Reply:
    kept = {str(name): str(value) for name, value in headers.items() if name.lower() not in _NOT_FORWARDED}
    return Reply(status=status, headers=kept, body=body.encode() if isinstance(body, str) else body)
