"""Refusals as the SDKs can read them: JSON with both spellings, one line that says what to do next.

botocore, the AWS CLI, Go v2, Java and Terraform show the line to the person; each spelling has its readers.
"""

from __future__ import annotations

import json
import logging
import traceback

from sentinel_server.errors import BODY_LIMIT, NotAuthenticated, SentinelError
from sentinel_server.web.reply import Page, page

_log = logging.getLogger(__name__)


def refusal(error: SentinelError) -> Page:
    """The response to a request that ended in `error`, with the status of its class."""
    return page(error.http_status, body_of(error.code, error.line(BODY_LIMIT - 1)))


def body_of(code: str, message: str) -> bytes:
    """`{"code","message","Code","Message"}`; what a terminal would obey instead of show becomes `?`."""
    shown = message if message.isprintable() else "".join(c if c.isprintable() else "?" for c in message)
    words = {"code": code, "message": shown, "Code": code, "Message": shown}
    return json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode()


NOT_FOUND = page(404, body_of("NotFound", "there is nothing at this path; credentials are at /credentials"))
"""Any path that is not ours."""
NOT_ALLOWED = page(405, body_of("BadInput", "only GET is answered here"), allow="GET")
"""Any method but GET."""
MALFORMED = page(400, body_of("BadInput", "this is not an HTTP request that can be understood"))
"""What could not be parsed, or was larger than any SDK's request."""
NOT_AUTHENTICATED = refusal(NotAuthenticated("this request is not from the shell that sentinel started"))
"""The same for every cause: whoever is not our child learns nothing from it."""


def unexpected(error: BaseException) -> SentinelError:
    """The error a client is told of in place of `error`, which only the log learns about.

    Messages stay out of the log as well, because they may quote a secret; types and places do not.
    """
    places = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s\n%s", _kinds(error), places.rstrip())
    return SentinelError("the server failed in a way nobody expected", hint="its log says where; try again")


def _kinds(error: BaseException) -> str:
    cause = error.__cause__ or error.__context__
    kind = f"unexpected {type(error).__qualname__}"
    return f"{kind}, after {type(cause).__qualname__}" if cause is not None else kind
