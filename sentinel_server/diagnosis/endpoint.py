"""The credential endpoint as SDKs see it: where it is, whether it lets them in, and what they prefer to it.

No value of a variable is repeated, except hosts and names.
"""

from __future__ import annotations

from collections.abc import Mapping

from sentinel_server.diagnosis.model import Finding, Topic, ok, problem, warning
from sentinel_server.diagnosis.sdks import (
    FULL_URI,
    TOKEN,
    TOKEN_FILE,
    ActiveProfile,
    beaten,
    unaffected,
)
from sentinel_server.frozen import frozen

LINK_LOCAL = frozenset({"169.254.170.2", "169.254.170.23"})
"""Where containers find credentials; not every SDK of every age takes them over http."""

_LEAVE = "exit"


@frozen
class Tokens:
    """What is known of the token: whether the variable and the file's variable are set.

    `unreadable` says why the file cannot be read, `same` whether both hold the same, and `ends_in_newline` is
    of the file.
    """

    variable: bool
    file: bool
    unreadable: str = ""
    same: bool = True
    ends_in_newline: bool = False


@frozen
class Answer:
    """What the endpoint said: the status, our code and message of a refusal, and the type of the content."""

    status: int
    code: str
    message: str
    content_type: str
    seconds: float


@frozen
class Address:
    """Where an endpoint is. `netloc` is host and port as written."""

    scheme: str
    host: str
    netloc: str
    path: str

    @property
    def is_here(self) -> bool:
        """Whether a token may be shown there: it is this machine, or the address of containers."""
        known = self.host in ("127.0.0.1", "localhost", "::1") or self.host in LINK_LOCAL
        return self.scheme == "http" and known and "@" not in self.netloc


def no_endpoint(environ: Mapping[str, str], cleared: frozenset[str]) -> Finding:
    """What there is to say in a shell that nothing serves; `cleared` is what a child does not inherit."""
    names = sorted(name for name in environ if name in cleared and environ[name])
    if not names:
        return ok(Topic.ENDPOINT, "nothing serves this shell, and nothing here would beat an endpoint")
    return ok(
        Topic.ENDPOINT,
        f"nothing serves this shell; exec --server would hide from its child: {', '.join(names)}",
    )


def endpoint_findings(
    environ: Mapping[str, str], address: Address, tokens: Tokens, active: ActiveProfile
) -> list[Finding]:
    """How SDKs would find the endpoint of this environment, before anybody asks it."""
    found = [*_place(address), *_tokens(tokens), *_surroundings(environ)]
    for each in beaten(environ, active):
        what = f"{', '.join(each.sdks)} would not use it"
        found.append(problem(Topic.ENDPOINT, what, f"they prefer {each.by}", each.mend))
    if fine := unaffected(environ, active):
        found.append(ok(Topic.ENDPOINT, f"these would use it: {', '.join(fine)}"))
    if active.kind is None and active.named:
        why = "the AWS CLI and boto3 stop with ProfileNotFound"
        what = f"{active.named} names profile {active.name}, which is not there"
        found.append(problem(Topic.ENDPOINT, what, why, f"unset {active.named}"))
    return found


def answer_finding(address: Address, answer: Answer) -> Finding:
    """What came of one fetch, as an SDK makes it."""
    where = address.netloc
    took = f"{answer.seconds * 1000:.0f} ms"
    if answer.status != 200:
        what = f"{where} refuses: {answer.status} {answer.code}".rstrip()
        return problem(Topic.ENDPOINT, what, answer.message, "sentinel server-sessions --mine")
    if answer.seconds > 1:
        why = "JavaScript v2, Java, PHP and C++ give up after 1 s"
        return warning(Topic.ENDPOINT, f"{where} gives credentials, in {took}", why, "sentinel doctor")
    if answer.content_type != "application/json":
        why = "newer Go SDKs do not read its refusals"
        return warning(Topic.ENDPOINT, f"{where} answers as {answer.content_type[:40]}", why, _LEAVE)
    return ok(Topic.ENDPOINT, f"{where} gives credentials for this token, in {took}")


def _place(address: Address) -> list[Finding]:
    if not address.is_here:
        why = "the token is shown to no other place from here, and few SDKs ask one over http"
        return [problem(Topic.ENDPOINT, f"{FULL_URI} is not of this machine", why, _LEAVE)]
    if address.host != "127.0.0.1":
        why = "older SDKs take only 127.0.0.1 over http"
        return [warning(Topic.ENDPOINT, f"the endpoint is at {address.host}", why)]
    if address.path in ("", "/"):
        return [warning(Topic.ENDPOINT, "the endpoint has no path", "the Ruby SDK ignores it then", _LEAVE)]
    return []


def _tokens(tokens: Tokens) -> list[Finding]:
    if not (tokens.variable or tokens.file):
        why = "without one the endpoint refuses everybody"
        return [problem(Topic.ENDPOINT, f"neither {TOKEN} nor {TOKEN_FILE} is set", why, _LEAVE)]
    if tokens.unreadable:
        why = f"{tokens.unreadable}; most SDKs prefer it to the variable"
        return [problem(Topic.ENDPOINT, "the token file cannot be read", why, _LEAVE)]
    if not tokens.same:
        why = "Java and JavaScript v2 take the variable, the others the file"
        return [problem(Topic.ENDPOINT, f"{TOKEN} and {TOKEN_FILE} differ", why, f"unset {TOKEN}")]
    if tokens.ends_in_newline:
        why = "most SDKs refuse to send it"
        return [problem(Topic.ENDPOINT, "the token file ends in a newline", why, _LEAVE)]
    return []


def _surroundings(environ: Mapping[str, str]) -> list[Finding]:
    found = []
    if environ.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
        why = "what does not see the endpoint takes the machine's own role"
        mend = "export AWS_EC2_METADATA_DISABLED=true"
        found.append(warning(Topic.ENDPOINT, "AWS_EC2_METADATA_DISABLED is not true", why, mend))
    proxied = [name for name in ("HTTP_PROXY", "http_proxy") if environ.get(name)]
    direct = (environ.get("NO_PROXY") or environ.get("no_proxy") or "").split(",")
    if proxied and not {"127.0.0.1", "*"} & {host.strip() for host in direct}:
        why = "object_store asks the endpoint through the proxy, and shows it the token"
        mend = 'export NO_PROXY="$NO_PROXY,127.0.0.1" no_proxy="$no_proxy,127.0.0.1"'
        found.append(warning(Topic.ENDPOINT, f"{proxied[0]} is set without 127.0.0.1 in NO_PROXY", why, mend))
    if environ.get("AWS_REGION") and not environ.get("AWS_DEFAULT_REGION"):
        why = "boto3 and older AWS CLIs read only AWS_DEFAULT_REGION"
        mend = 'export AWS_DEFAULT_REGION="$AWS_REGION"'
        found.append(warning(Topic.ENDPOINT, "AWS_REGION is set and AWS_DEFAULT_REGION is not", why, mend))
    return found
