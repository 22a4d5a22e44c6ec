"""Text of any kind becomes the value of that kind, or every reason why it cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sentinel_server.policy.approval import ApprovalPolicy
from sentinel_server.policy.bootstrap import Bootstrap
from sentinel_server.policy.breakglass import BreakGlassPolicy
from sentinel_server.policy.events import Entries, Items, Node, Scalar
from sentinel_server.policy.fields import Field
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.outline import read_root
from sentinel_server.policy.parse import read_policy
from sentinel_server.policy.ratelimit import RateLimitPolicy
from sentinel_server.policy.read_approval import read_approval
from sentinel_server.policy.read_bootstrap import read_bootstrap
from sentinel_server.policy.read_breakglass import read_breakglass
from sentinel_server.policy.read_ratelimit import COUNTS, LIMITS, read_ratelimit
from sentinel_server.policy.report import Report
from sentinel_server.policy.schema import Policy

Document = Policy | ApprovalPolicy | BreakGlassPolicy | RateLimitPolicy | Bootstrap
"""What a document may be."""

_READERS: Mapping[DocumentKind, Callable[[Field], Document]] = {
    DocumentKind.POLICY: read_policy,
    DocumentKind.APPROVAL: read_approval,
    DocumentKind.BREAKGLASS: read_breakglass,
    DocumentKind.RATELIMIT: read_ratelimit,
    DocumentKind.BOOTSTRAP: read_bootstrap,
}
_TOP_SIGNS = {"policy_root": DocumentKind.BOOTSTRAP}
_RULE_SIGNS = {
    **dict.fromkeys(("effect", "conditions", "match"), DocumentKind.POLICY),
    **dict.fromkeys(("approvers", "approvals_required", "auto_approve"), DocumentKind.APPROVAL),
    **dict.fromkeys(("allowed_reason_codes", "mfa"), DocumentKind.BREAKGLASS),
    **dict.fromkeys((*LIMITS, *COUNTS, "quota_window"), DocumentKind.RATELIMIT),
}


def parse_document(text: bytes | str, *, file: str, kind: DocumentKind | None = None) -> Document:
    """The value that `text` says, of the kind it names, or else of `kind`, or else of the one it has keys of.

    Raises InvalidPolicy, and nothing else, with every problem found. A header that names another kind than
    `kind` is one, and so is a text that could be of several kinds or of none.
    """
    return read_document(text, file=file, kind=kind)[1]


def read_document(
    text: bytes | str, *, file: str, kind: DocumentKind | None = None
) -> tuple[DocumentKind, Document]:
    """The same with the kind it turned out to be."""
    report = Report(file=file)
    field = read_root(text, report)
    kind = kind or _named(field) or _told(field)
    document = _READERS[kind](field) if kind else None
    report.raise_any()
    if kind is None or document is None:
        raise report.error()
    return kind, document


def _named(field: Field) -> DocumentKind | None:
    if not isinstance(field.node, Entries):
        return None
    for key, value in field.node.pairs:
        if isinstance(key, Scalar) and key.text == "kind":
            named = Field(node=value, path="kind", report=field.report)
            return named.word(DocumentKind)
    return None


def _told(field: Field) -> DocumentKind | None:
    if field.report.problems:
        return None
    told = {_TOP_SIGNS[key] for key in _keys(field.node) if key in _TOP_SIGNS}
    told |= {_RULE_SIGNS[key] for key in _rule_keys(field.node) if key in _RULE_SIGNS}
    if len(told) == 1:
        return told.pop()
    words = ", ".join(kind.value for kind in DocumentKind)
    could = " or ".join(kind.words for kind in DocumentKind if kind in told)
    what = f"could be {could}" if could else "does not say what kind of document it is"
    field.problem(what, f"write `kind:` at the top, one of {words}")
    return None


def _keys(node: Node) -> set[str]:
    pairs = node.pairs if isinstance(node, Entries) else ()
    return {key.text for key, _ in pairs if isinstance(key, Scalar)}


def _rule_keys(node: Node) -> set[str]:
    pairs = node.pairs if isinstance(node, Entries) else ()
    lists = [value for key, value in pairs if isinstance(key, Scalar) and key.text == "rules"]
    return {key for rules in lists if isinstance(rules, Items) for rule in rules.nodes for key in _keys(rule)}
