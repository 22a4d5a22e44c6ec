from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import InvalidArn
from sentinel_server.identity.arn import PARTITIONS, Arn, is_sso_role, parse_arn, parse_principal, parse_role
from sentinel_server.identity.principal import Kind

SSO = "AWSReservedSSO_Developer_0123456789abcdef"
NAMES = st.from_regex(r"[A-Za-z0-9_+=,.@-]{1,64}", fullmatch=True)


@pytest.mark.parametrize("partition", sorted(PARTITIONS))
@pytest.mark.parametrize(
    ("resource", "kind", "name", "role"),
    [
        ("iam::111122223333:root", Kind.ROOT, "root", None),
        ("iam::111122223333:user/alice", Kind.IAM_USER, "alice", None),
        ("iam::111122223333:user/eng/blue/alice@example.com", Kind.IAM_USER, "alice@example.com", None),
        ("iam::111122223333:user/root", Kind.IAM_USER, "root", None),
        ("sts::111122223333:assumed-role/Deploy/i-0abc", Kind.ASSUMED_ROLE, "i-0abc", "Deploy"),
        (f"sts::111122223333:assumed-role/{SSO}/bob@example.com", Kind.SSO_ROLE, "bob@example.com", SSO),
        ("sts::111122223333:federated-user/carol", Kind.FEDERATED_USER, "carol", None),
    ],
)
def test_every_kind_of_principal_is_read_in_every_partition(
    partition: str, resource: str, kind: Kind, name: str, role: str | None
) -> None:
    arn = f"arn:{partition}:{resource}"
    who = parse_principal(arn, unique_id="AIDAEXAMPLE")
    assert (who.partition, who.account, who.kind, who.name, who.role, who.arn, who.unique_id) == (
        partition, "111122223333", kind, name, role, arn, "AIDAEXAMPLE",
    )  # fmt: skip


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "alice",
        "arn:aws:iam::111122223333",
        "ARN:aws:iam::111122223333:user/alice",
        "arn:aws-moon:iam::111122223333:user/alice",
        "arn:aws:iam::11112222333:user/alice",
        "arn:aws:iam::11112222333a:user/alice",
        "arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:user/alice",
        "arn:aws:iam:eu west:111122223333:user/alice",
        "arn:aws:iam:eu-west-1:111122223333:user/alice",
        "arn:aws:iam::111122223333:user/",
        "arn:aws:iam::111122223333:user/eng/",
        "arn:aws:iam::111122223333:user",
        "arn:aws:iam::111122223333:user/*",
        "arn:aws:iam::111122223333:user/al ice",
        "arn:aws:iam::111122223333:user/alice\n",
        "arn:aws:iam::111122223333:user/ali\x00ce",
        "arn:aws:iam::111122223333:user/x\n/alice",
        "arn:aws:iam::111122223333:user/alicе",  # noqa: RUF001 - a Cyrillic e
        "arn:aws:iam::111122223333:root/",
        "arn:aws:iam::111122223333:root/alice",
        "arn:aws:iam::111122223333:role/Deploy",
        "arn:aws:iam::111122223333:assumed-role/Deploy/x",
        "arn:aws:sts::111122223333:assumed-role/Deploy",
        "arn:aws:sts::111122223333:assumed-role/Deploy/",
        "arn:aws:sts::111122223333:assumed-role//x",
        "arn:aws:sts::111122223333:assumed-role/Deploy/x/y",
        "arn:aws:sts::111122223333:federated-user/",
        "arn:aws:sts::111122223333:user/alice",
        "arn:aws:s3:::bucket",
    ],
)
def test_an_arn_that_names_nobody_is_refused(arn: str) -> None:
    with pytest.raises(InvalidArn):
        parse_principal(arn, unique_id="AIDAEXAMPLE")


@pytest.mark.parametrize("unique_id", ["", "AIDA\n"])
def test_a_principal_without_a_unique_id_is_refused(unique_id: str) -> None:
    with pytest.raises(InvalidArn):
        parse_principal("arn:aws:iam::111122223333:user/alice", unique_id=unique_id)


@given(st.text())
def test_any_text_is_either_an_arn_or_an_invalid_one(text: str) -> None:
    try:
        arn = parse_arn(text)
    except InvalidArn:
        return
    assert str(arn) == text


@given(st.sampled_from(sorted(PARTITIONS)), NAMES, NAMES)
def test_what_is_formatted_is_parsed_back(partition: str, role: str, session: str) -> None:
    resource = f"assumed-role/{role}/{session}"
    arn = Arn(partition=partition, service="sts", account="111122223333", resource=resource)
    assert parse_arn(str(arn)) == arn
    who = parse_principal(str(arn), unique_id="AROA:x")
    assert (who.role, who.name) == (role, session)


@pytest.mark.parametrize(
    "role",
    [
        "Developer",
        "AWSReservedSSO_Developer",
        "AWSReservedSSO_Developer_0123456789ABCDEF",
        "AWSReservedSSO_Developer_0123456789abcde",
        "AWSReservedSSO__0123456789abcdef",
        "xAWSReservedSSO_Developer_0123456789abcdef",
        "AWSReservedSSO_Developer_0123456789abcdef0\n",
    ],
)
def test_only_the_exact_form_of_an_identity_center_role_is_trusted(role: str) -> None:
    assert not is_sso_role(role)
    assert is_sso_role(SSO)


def test_a_role_arn_may_have_a_path_and_must_be_a_role() -> None:
    assert parse_role("arn:aws:iam::111122223333:role/eng/Deploy").account == "111122223333"
    for wrong in ("user/alice", "role/", "role", "role/a b", "assumed-role/Deploy/x"):
        with pytest.raises(InvalidArn):
            parse_role(f"arn:aws:iam::111122223333:{wrong}")
