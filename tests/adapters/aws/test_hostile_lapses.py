"""What a credential process says when it fails reaches the log and the child, so no key in it may."""

from __future__ import annotations

import pytest
from botocore.exceptions import CredentialRetrievalError

from sentinel_server.adapters.aws.lapses import source_errors
from sentinel_server.credentials.profiles import BaseSource, Profile, ProfileKind
from sentinel_server.errors import IdentityUnavailable

WORK = BaseSource(profile=Profile(name="work", kind=ProfileKind.PROCESS, file="config"))


def refusal(said: str) -> str:
    """The message when the process of `work` fails with these words."""
    with pytest.raises(IdentityUnavailable) as refused, source_errors(WORK):
        raise CredentialRetrievalError(provider="custom-process", error_msg=said)
    return refused.value.message


@pytest.mark.parametrize(
    "secret",
    ["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AKIAIOSFODNN7EXAMPLE", "IQoJb3JpZ2luX2VjEJr+8=" * 6],
)
def test_no_key_in_it_is_repeated(secret: str) -> None:
    assert secret[:20] not in refusal(f"+ export AWS_SECRET_ACCESS_KEY={secret}")
    assert secret[:10] not in refusal("x " * 70 + f" {secret}")
    assert secret[:20] not in refusal(f'{{"SecretAccessKey": "{secret}"}}')


def test_the_reason_is() -> None:
    assert "the vault at /var/lib/vaults/default is locked" in refusal(
        "the vault at /var/lib/vaults/default is locked"
    )
