"""Where an answer ends, which HTTP lets a host say in several ways, and `http.client` believes most."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPResponse

from sentinel_server.adapters.aws.direct.protocols import NoAnswer

_BODILESS = frozenset({204, 304})


def ends_for_certain(response: HTTPResponse) -> bool:
    """Whether it says once, and in one way, how long it is; else its rest may be taken for the next answer.

    An interim answer (1xx) has another one to follow, and nothing tells what may follow one without a body.
    """
    lengths: list[str] = response.headers.get_all("content-length", [])
    codings: list[str] = response.headers.get_all("transfer-encoding", [])
    if response.status < 200 or response.status in _BODILESS:
        return False
    if codings:
        return response.chunked and len(codings) == 1 and not lengths
    return (
        len(lengths) == 1 and lengths[0].isascii() and lengths[0].isdecimal() and response.length is not None
    )


def body_of(response: HTTPResponse, largest: int) -> bytes:
    """All of it, or as far as it goes. Raises NoAnswer for more than `largest` bytes."""
    # By pieces where there are chunks: one may have any size, and below zero it would be read for ever.
    found = b"".join(_pieces(response, largest)) if response.chunked else response.read(largest + 1)
    if len(found) > largest:
        raise NoAnswer
    return found


def _pieces(response: HTTPResponse, largest: int) -> Iterator[bytes]:
    read = 0
    while read <= largest and (piece := response.read1(65536)):
        read += len(piece)
        yield piece
