from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.credentials.config_file import FileText, parse_sections, render
from sentinel_server.credentials.profiles import CredentialSource, ProfileKind, Profiles
from sentinel_server.errors import InvalidSetting, UnknownProfile

ROLE = "arn:aws:iam::111122223333:role/Deploy"
CONFIG = f"""
[default]
region = eu-west-1
output = json

[profile prod]
role_arn = {ROLE}
source_profile = work
external_id = x-1
duration_seconds = 7200
mfa_serial = arn:aws:iam::111122223333:mfa/alice
role_session_name = ignored
s3 =
    addressing_style = path
    max_concurrent_requests = 5
services = local

[profile work]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Developer

[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-central-1

[services local]
dynamodb =
    endpoint_url = http://127.0.0.1:8000

[profile "two words"]
credential_process = /usr/bin/get-keys

[profile ci]
role_arn = {ROLE}
web_identity_token_file = /var/run/token

[profile env]
role_arn = {ROLE}
credential_source = Environment

[preview]
cloudfront = true
"""
KEYS = """
[keys]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = very-secret

[default]
region = us-west-2
"""


def profiles(config: str = CONFIG, credentials: str = KEYS) -> Profiles:
    return Profiles(
        FileText(path="~/.aws/config", text=config), FileText(path="~/.aws/credentials", text=credentials)
    )


def test_profiles_of_both_files_are_listed() -> None:
    assert profiles().names() == ("ci", "default", "env", "keys", "prod", "two words", "work")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("prod", ProfileKind.ROLE),
        ("env", ProfileKind.ROLE),
        ("ci", ProfileKind.WEB_IDENTITY),
        ("work", ProfileKind.SSO),
        ("keys", ProfileKind.STATIC),
        ("two words", ProfileKind.PROCESS),
        ("default", ProfileKind.ENVIRONMENT),
    ],
)
def test_every_kind_of_profile_is_told_apart(name: str, kind: ProfileKind) -> None:
    assert profiles().get(name).kind is kind


def test_a_role_profile_is_read_whole() -> None:
    prod = profiles().get("prod")
    assert prod.assumes == ROLE
    assert (prod.source_profile, prod.external_id, prod.duration) == ("work", "x-1", timedelta(hours=2))
    assert prod.mfa_serial == "arn:aws:iam::111122223333:mfa/alice"
    assert prod.settings["s3"] == {"addressing_style": "path", "max_concurrent_requests": "5"}
    assert prod.services["dynamodb"] == {"endpoint_url": "http://127.0.0.1:8000"}
    assert prod.file == "~/.aws/config"


def test_an_sso_profile_has_what_its_session_section_says() -> None:
    work = profiles().get("work")
    assert (work.sso_start_url, work.sso_region) == ("https://corp.awsapps.com/start", "eu-central-1")
    assert work.assumes is None


def test_what_the_credentials_file_says_wins() -> None:
    assert profiles().get("default").region == "us-west-2"


def test_no_secret_is_kept() -> None:
    assert "very-secret" not in repr(profiles().get("keys"))
    assert "AKIAEXAMPLE" not in repr(profiles().get("keys").settings)
    assert "very-secret" not in repr(FileText(path="x", text=KEYS))


def test_w29b_the_base_of_a_role_profile_is_its_source_and_never_the_target() -> None:
    assert profiles().route("prod").leaf.profile == profiles().get("work")
    assert profiles().route("env").leaf.outside is CredentialSource.ENVIRONMENT


def test_the_base_of_a_profile_without_a_role_is_the_profile_itself() -> None:
    for name in ("work", "keys", "two words", "default"):
        assert profiles().route(name).leaf.profile == profiles().get(name)


def test_w29b_a_web_identity_role_is_a_base_and_cannot_be_stamped() -> None:
    assert profiles().get("ci").assumes is None
    assert profiles().route("ci").leaf.profile == profiles().get("ci")


def test_a_chain_runs_to_the_profile_with_credentials() -> None:
    config = f"""
[profile a]
role_arn = {ROLE}
source_profile = b
[profile b]
role_arn = {ROLE}
source_profile = keys
"""
    found = profiles(config)
    assert [profile.name for profile in found.chain("a")] == ["a", "b", "keys"]
    route = found.route("a")
    assert ([role.name for role in route.roles], route.leaf.profile) == (["b"], found.get("keys"))
    operator = found.route("a", itself=True)
    assert [role.name for role in operator.roles] == ["b", "a"]


def test_a_profile_may_be_its_own_source_when_it_has_keys() -> None:
    config = f"[profile keys]\nrole_arn = {ROLE}\nsource_profile = keys\n"
    found = profiles(config)
    base = found.route("keys").leaf.profile
    assert base is not None
    assert (base.name, base.assumes, base.has_static_keys) == ("keys", ROLE, True)
    assert found.route("keys").roles == ()
    assert found.route("keys", itself=True).roles == (base,)


@pytest.mark.parametrize(
    "config",
    [
        f"[profile a]\nrole_arn={ROLE}\nsource_profile=a\n",
        f"[profile a]\nrole_arn={ROLE}\nsource_profile=b\n[profile b]\nrole_arn={ROLE}\nsource_profile=a\n",
    ],
)
def test_sources_that_go_round_in_a_circle_are_refused(config: str) -> None:
    with pytest.raises(InvalidSetting, match="circle"):
        profiles(config).route("a")


@pytest.mark.parametrize(
    "command",
    [
        "sentinel credentials --profile a",
        "/usr/local/bin/sentinel --debug credentials --profile a",
        'C:\\Tools\\sentinel.exe credentials --profile "a b"',
        "sh -c 'cd /tmp; sentinel credentials --profile a'",
        "uvx sentinel credentials --profile a",
        "sentinel export --format credential_process --profile a",
        "sentinel exec --profile a -- aws configure export-credentials --format process",
        "sentinel 'credentials' --profile 'unclosed",
    ],
)
def test_w8_a_profile_that_asks_sentinel_is_refused_with_the_way_to_configure_it(command: str) -> None:
    direct = profiles(f"[profile a]\ncredential_process = {command}\n")
    with pytest.raises(InvalidSetting, match="runs sentinel") as refused:
        direct.route("a")
    assert "role_arn" in refused.value.hint
    below = f"[profile top]\nrole_arn={ROLE}\nsource_profile=a\n[profile a]\ncredential_process = {command}\n"
    with pytest.raises(InvalidSetting, match="runs sentinel"):
        profiles(below).route("top")


@pytest.mark.parametrize("command", ["get-keys --for sentinel", "/opt/sentinel/get-keys credentials", "x"])
def test_other_credential_processes_are_left_alone(command: str) -> None:
    found = profiles(f"[profile a]\ncredential_process = {command}\n").route("a")
    assert found.leaf.profile is not None


def test_the_mfa_device_nearest_to_the_keys_is_asked_for_a_code() -> None:
    config = """
[profile a]
role_arn = arn:aws:iam::111122223333:role/a
source_profile = b
mfa_serial = of-a
[profile b]
role_arn = arn:aws:iam::111122223333:role/b
source_profile = keys
"""
    assert profiles(config).route("a").serial == "of-a"
    assert profiles(config + "mfa_serial = of-b\n").route("a").serial == "of-b"
    assert profiles(config).route("b", itself=True).serial is None
    assert profiles(config).route("a", itself=True).serial == "of-a"


def test_an_unknown_profile_is_told_which_there_are_and_which_is_close() -> None:
    with pytest.raises(UnknownProfile, match="prod, two words, work") as refused:
        profiles().get("prud")
    assert "'prod'" in refused.value.hint
    with pytest.raises(UnknownProfile, match="no profiles"):
        Profiles(None, None).get("prod")


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (f"role_arn = {ROLE}", "nothing"),
        (f"role_arn = {ROLE}\nsource_profile = keys\ncredential_source = Environment", "and"),
        (f"role_arn = {ROLE}\ncredential_source = Ambient", "credential_source may be"),
        (f"role_arn = {ROLE}\nsource_profile = missing", "no source_profile 'missing'"),
        ("role_arn = Deploy\nsource_profile = keys", "cannot use the ARN"),
        (f"role_arn = {ROLE}\nsource_profile = keys\nduration_seconds = 1h", "duration_seconds"),
        (f"role_arn = {ROLE}\nsource_profile = keys\nduration_seconds = 899", "duration_seconds"),
        (f"role_arn = {ROLE}\nsource_profile = keys\nduration_seconds = 43201", "duration_seconds"),
        ("sso_session = nowhere", "sso-session nowhere"),
        ("region =\n  a = b", "not a block"),
    ],
)
def test_a_setting_that_means_nothing_is_refused_with_its_file(lines: str, why: str) -> None:
    with pytest.raises(InvalidSetting, match=why) as refused:
        profiles(f"[profile x]\n{lines}\n").route("x")
    assert "~/.aws/config" in refused.value.message


def test_the_default_profile_is_there_without_any_file() -> None:
    nothing = Profiles(None, None)
    assert nothing.names() == ()
    assert nothing.route("default").leaf.profile == nothing.get("default")
    assert nothing.get("default").kind is ProfileKind.ENVIRONMENT


@pytest.mark.parametrize("title", ["profile", "profile a b", 'profile "a', "profiles a", "sso-session x"])
def test_a_section_of_another_title_is_no_profile(title: str) -> None:
    assert profiles(f"[{title}]\nregion = x\n", "").names() == ()


def test_one_broken_profile_does_not_break_the_others() -> None:
    found = profiles(CONFIG + "\n[profile broken]\nrole_arn = nonsense\n")
    assert found.get("prod").assumes == ROLE


@pytest.mark.parametrize(
    "text",
    [
        "aws_secret_access_key = very-secret\n",
        "[a]\nvery-secret\n",
        "[a]\nk = very-secret\nk = very-secret\n",
        "[a]\nk = very-secret\n[a]\n",
        "[a]\ns3 =\n  very-secret\n",
    ],
)
def test_a_broken_file_is_named_with_its_line_and_never_quoted(text: str) -> None:
    with pytest.raises(InvalidSetting, match="creds") as refused:
        parse_sections(FileText(path="/home/x/creds", text=text))
    assert "very-secret" not in refused.value.line()
    assert refused.value.__cause__ is None


WORDS = st.sampled_from(["a", "region", "s3", "profile_x", "k1"])
VALUES = st.text("Az09:/._-=", min_size=1, max_size=8)
BLOCKS = st.dictionaries(WORDS, VALUES, min_size=1, max_size=2)


@given(st.dictionaries(WORDS, st.dictionaries(WORDS, VALUES | BLOCKS, max_size=3), max_size=3))
def test_what_is_rendered_is_parsed_back(sections: dict[str, dict[str, str | dict[str, str]]]) -> None:
    assert parse_sections(FileText(path="x", text=render(sections))) == sections


@given(st.text())
def test_any_text_is_either_read_or_refused_as_a_setting(text: str) -> None:
    try:
        found = Profiles(FileText(path="x", text=text), None)
    except InvalidSetting:
        return
    assert isinstance(found.names(), tuple)


def kept(config: str, *names: str) -> Profiles:
    return Profiles(FileText(path="config", text=config), None, names)


def test_a_profile_that_only_the_keyring_knows_is_there_and_has_its_keys() -> None:
    profiles = kept("[profile prod]\nrole_arn = " + ROLE + "\nsource_profile = base\n", "base")
    assert profiles.names() == ("base", "prod")
    assert profiles.get("base").has_kept_keys
    leaf = profiles.route("prod").leaf.profile
    assert leaf is not None
    assert (leaf.name, leaf.kind, leaf.has_kept_keys) == ("base", ProfileKind.ENVIRONMENT, True)


@pytest.mark.parametrize("source", ["", "source_profile = prod\n"])
def test_a_role_without_another_source_is_assumed_with_the_keys_kept_for_it(source: str) -> None:
    profiles = kept(f"[profile prod]\nrole_arn = {ROLE}\nmfa_serial = device\n{source}", "prod")
    route = profiles.route("prod")
    assert route.leaf.profile is not None
    assert (route.leaf.profile.name, route.roles, route.serial) == ("prod", (), "device")
    assert profiles.get("prod").assumes == ROLE
    itself = profiles.route("prod", itself=True)
    assert [role.name for role in itself.roles] == ["prod"]


@pytest.mark.parametrize(
    "line",
    [
        "aws_access_key_id = AKIA",
        "credential_process = something",
        "sso_account_id = 111122223333",
        f"role_arn = {ROLE}\nsource_profile = other",
        f"role_arn = {ROLE}\ncredential_source = Environment",
        f"role_arn = {ROLE}\nweb_identity_token_file = /token",
    ],
)
def test_what_a_profile_says_itself_goes_before_what_is_kept_for_it(line: str) -> None:
    profiles = kept(f"[profile base]\n{line}\n[profile other]\n", "base")
    assert not profiles.get("base").has_kept_keys


def test_a_role_without_a_source_is_refused_where_nothing_is_kept_for_it() -> None:
    with pytest.raises(InvalidSetting, match="needs one of"):
        kept(f"[profile prod]\nrole_arn = {ROLE}\n", "base").get("prod")
