"""What attackers and children send, and what must come of it: whole messages, to be put into one connection.

Every message carries the right token somewhere it does not count, unless it is a fetch.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from hypothesis import strategies as st

from tests.fakes.sites import TOKEN

T = TOKEN.encode()
HOST = b"Host: 127.0.0.1\r\n"
PROOF = b"Authorization: " + T + b"\r\n"
FETCH = b"GET /credentials HTTP/1.1\r\n" + HOST + PROOF + b"\r\n"
"""A fetch, whole: what smugglers hide in bodies."""
LAST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
"""Makes the server answer once more and close."""
NOISE = b"\0" * 100_000
"""Ends any state a parser may be in."""


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes, and the status that they get when the connection still stands.

    What has a body `ends` the connection with its answer, and 400 does.
    """

    text: bytes
    status: int
    ends: bool = False


def _message(
    status: int, *headers: bytes, start: bytes = b"GET /credentials HTTP/1.1", body: bytes = b""
) -> Message:
    return Message(b"\r\n".join([start, *headers, b"", body]), status, ends=bool(body))


def _chunks(*parts: bytes, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    whole = b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts)
    return whole + b"0\r\n" + trailer + b"\r\n"


_HOST, _PROOF = HOST[:-2], PROOF[:-2]
_CHUNKED = b"Transfer-Encoding: chunked"
_SIZED = b"Content-Length: %d" % len(FETCH)

FRAMINGS: tuple[tuple[tuple[bytes, ...], bytes], ...] = (
    ((), b""),
    ((b"Content-Length: 0",), b""),
    ((_SIZED,), FETCH),
    ((_CHUNKED,), _chunks(FETCH)),
    ((_CHUNKED,), _chunks(b"GET ", FETCH[4:], trailer=PROOF)),
    ((_CHUNKED,), _chunks(FETCH, extension=b";" + T, trailer=b"X: 3\r\n")),
    ((b"transfer-encoding:\tCHUNKED",), _chunks(FETCH)),
    ((_SIZED, b"Content-Encoding: gzip"), FETCH),
)
"""Every legal way to have a body, most with a whole fetch in it that must not be taken for one."""

PLAIN = (
    b"Accept: */*",
    b"Cookie: Authorization=" + T,
    b"X-Long: " + b"x" * 4000,
    b"User-Agent: caf\xc3\xa9 \xff\xfe",
    b"Expect: the-unexpected",
    b"Upgrade: h2c",
    b"X-Host: evil.example",
)
"""Headers that change nothing."""

FETCHES = [
    _message(200, _HOST, _PROOF, extra, *framing, body=body)
    for extra, (framing, body) in product(PLAIN, FRAMINGS)
]
STRANGERS = [
    _message(403, *headers, *framing, body=body)
    for headers, (framing, body) in product(
        [
            (_HOST,),
            (_HOST, b"Authorization: " + T[:-1]),
            (_HOST, b"Authorization: " + T + b"\xe9"),
            (_HOST, b"Authorization: Bearer " + T),
            (_HOST, b"Authorization: " + T + b", " + T),
            (_HOST, b'Authorization: "' + T + b'"'),
            (_HOST, b"Authorization:", b"X-Authorization: " + T),
            (_HOST, b"Proxy-Authorization: " + T, b"Authorization_: " + T),
            (_HOST, b"Authorization: x", _PROOF),
            (_HOST, _PROOF, _PROOF),
            (b"Host: evil.example", _PROOF),
            (b"Host: 127.0.0.1.", _PROOF),
            (b"Host: 127.0.0.1@evil.example", _PROOF),
            (b"Host: 127.0.0.1, evil.example", _PROOF),
            (b"Host: ", _PROOF, b"X-Forwarded-Host: 127.0.0.1"),
            (_HOST, _PROOF, b"Origin: http://127.0.0.1"),
            (_HOST, _PROOF, b"SEC-FETCH-Site: same-origin"),
            (_HOST, _PROOF, b"x-forwarded-for: 127.0.0.1"),
        ],
        FRAMINGS,
    )
]
LOST = [
    _message(404, _HOST, _PROOF, start=b"GET " + target + b" HTTP/1.1")
    for target in (
        b"http://127.0.0.1/credentials",
        b"http://evil.example/credentials",
        b"/credentials;" + T,
        b"/credentials%00",
        b"/credentials#?",
        b"/./credentials",
    )
] + [
    _message(405, _HOST, _PROOF, *framing, start=method + b" /credentials HTTP/1.1", body=body)
    for method, (framing, body) in product((b"POST", b"PUT", b"OPTIONS", b"PROPFIND"), FRAMINGS)
]
ALIVE = [_message(200, _HOST, start=b"GET /healthz?" + T + b" HTTP/1.1")]

_BOTH = (
    (b"Content-Length: 4", _CHUNKED),
    (_CHUNKED, b"Content-Length: 4"),
    (b"Content-Length: 0", b"Content-Length: 5"),
    (b"Content-Length: 0", b"Content-Length: 0"),
    *((b"Content-Length: " + each,) for each in (b"0, 0", b"+0", b"-1", b"0x0", b"9" * 30, b"1 1", b"")),
    *(
        (b"Transfer-Encoding: " + each,)
        for each in (b"identity", b"xchunked", b"chunked, identity", b"\x0bchunked")
    ),
    (_CHUNKED, _CHUNKED),
    (b"Transfer-Encoding : chunked",),
    (b"Transfer-Encoding: chunked\r\n , identity",),
    (b"X: a\r\n " + PROOF[:-2],),
    (b"X: a\n" + PROOF[:-2],),
    (b"X: a\r" + PROOF[:-2],),
    (b"X: a\0b",),
    (b"X\0: a",),
    (b": a",),
    (b"X Y: a",),
    (b"X\xe9: a",),
    (b"no colon",),
    (_HOST,),
    (b"X: " + b"x" * 9000,),
    (b"x" * 9000 + b": x",),
    tuple(b"X-%d: x" % each for each in range(100)),
)
_STARTS = (
    b"GET * HTTP/1.1",
    b"GET 127.0.0.1:80 HTTP/1.1",
    b"GET /credentials HTTP/1.1x",
    b"GET /credentials HTTP/1.2",
    b"GET /credentials HTTP/3.0",
    b"GET /credentials http/1.1",
    b"GET\t/credentials\tHTTP/1.1",
    b"get /credentials HTTP/1.1",
    b"GET /\xe9credentials HTTP/1.1",
    b"GET /credentials",
    b"GET /credentials?" + b"x" * 9000 + b" HTTP/1.1",
    b"PRI * HTTP/2.0",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b" GET /credentials HTTP/1.1",
    b"GET /credentials HTTP/1.1\r\n ",
)
BROKEN = [
    *(_message(400, _HOST, _PROOF, *headers, body=FETCH) for headers in _BOTH),
    *(_message(400, _HOST, _PROOF, start=start, body=FETCH) for start in _STARTS),
    _message(400, body=FETCH),
    Message(FETCH.replace(b"\r\n", b"\n"), 400),
    Message(FETCH.replace(b"\r\n", b"\r"), 400),
]
"""What nobody should understand, because two readers of it might understand two things."""
BAD_CHUNKS = [
    _message(400, _HOST, b"Authorization: x", _CHUNKED, body=each + FETCH)
    for each in (
        b"zz\r\n",
        b"-1\r\n",
        b"0x1\r\na\r\n",
        b"f" * 20 + b"\r\n",
        b"1\na\n0\n\n",
        b"1;a\nb\r\na\r\n",
        b"1\r\nab\r\n",
    )
]
"""Begins like a request and goes wrong in the body."""

WHOLE = st.sampled_from([*FETCHES, *ALIVE]) | st.sampled_from(STRANGERS) | st.sampled_from(LOST)
"""A message after which another may come."""
