"""Every partition of AWS: where STS is asked for a role there, when nothing names a region."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel_server.adapters.aws.base import BotoBase
from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.profiles import Profiles
from sentinel_server.identity.arn import parse_principal
from tests.fakes.clock import FakeClock

HOSTS = [
    ("aws", "", "sts.us-east-1.amazonaws.com"),
    ("aws", "ap-southeast-2", "sts.ap-southeast-2.amazonaws.com"),
    ("aws-cn", "", "sts.cn-north-1.amazonaws.com.cn"),
    ("aws-cn", "cn-northwest-1", "sts.cn-northwest-1.amazonaws.com.cn"),
    ("aws-us-gov", "", "sts.us-gov-west-1.amazonaws.com"),
    ("aws-us-gov", "us-gov-east-1", "sts.us-gov-east-1.amazonaws.com"),
    ("aws-iso", "", "sts.us-iso-east-1.c2s.ic.gov"),
    ("aws-iso-b", "", "sts.us-isob-east-1.sc2s.sgov.gov"),
    ("aws-iso-e", "", "sts.eu-isoe-west-1.cloud.adc-e.uk"),
    ("aws-iso-f", "", "sts.us-isof-south-1.csp.hci.ic.gov"),
    ("aws-eusc", "", "sts.eusc-de-east-1.amazonaws.eu"),
]


@pytest.mark.parametrize(("partition", "region", "host"), HOSTS)
async def test_sts_is_asked_in_the_partition_of_the_role(
    tmp_path: Path, partition: str, region: str, host: str
) -> None:
    text = f"[profile prod]\nrole_arn = arn:{partition}:iam::111122223333:role/prod\nsource_profile = jump\n"
    text += f"[profile jump]\nrole_arn = arn:{partition}:iam::111122223333:role/jump\n"
    text += "credential_source = Environment\n"
    if region:
        text = text.replace("[profile prod]\n", f"[profile prod]\nregion = {region}\n")
    (tmp_path / "config").write_text(text)
    base = BotoBase(
        Profiles(FileText(path="config", text=text), None),
        "prod",
        config_file=tmp_path / "config",
        credentials_file=tmp_path / "credentials",
        environment={"HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s"},
        clock=FakeClock(),
    )
    try:
        assert (await base.sts.get()).meta.endpoint_url == f"https://{host}"
        hops = [await hop.sts.get() for hop in base.hops]
        assert [client.meta.endpoint_url for client in hops] == [f"https://{host}"]
    finally:
        await base.close()


@pytest.mark.parametrize("partition", sorted({partition for partition, _, _ in HOSTS}))
def test_a_principal_of_every_partition_has_a_name(partition: str) -> None:
    sso = "AWSReservedSSO_Admin_0123456789abcdef"
    arn = f"arn:{partition}:sts::111122223333:assumed-role/{sso}/ann@example.com"
    found = parse_principal(arn, unique_id="AROAEXAMPLE:ann@example.com")
    assert (found.partition, found.name) == (partition, "ann@example.com")
