"""`config.yaml` edited in its text: what was asked for changes, and nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sentinel_server.errors import InvalidSetting
from sentinel_server.settings.config_file import parse_config
from sentinel_server.settings.editing import edited
from sentinel_server.settings.resolve import Directories, known_settings

PATH = Path("/home/a/config.yaml")
DIRECTORIES = Directories(config=Path("/c"), state=Path("/s"))

OURS = """\
# of the team
policies: ssm://eu-central-1/sentinel/policies   # reviewed

# how far
lease: "strict"
audit:
  # never off
  required: true
  sinks: file  # for now
# the end
"""


def edit(text: str, **changes: str | None) -> str:
    """The text after these changes; `__` stands for a dot."""
    return edited(text, {key.replace("__", "."): value for key, value in changes.items()}, PATH, DIRECTORIES)


def values(text: str) -> Mapping[str, str]:
    """What a text sets."""
    return {name: value for name, (value, _) in parse_config(text.encode(), PATH, DIRECTORIES).values.items()}


def comments(text: str) -> list[str]:
    """The comments of a text in which no value holds a `#`."""
    return [line.partition("#")[2] for line in text.splitlines() if "#" in line]


def test_a_value_is_changed_where_it_stands() -> None:
    assert edit(OURS, lease="full") == OURS.replace('"strict"', "full")
    assert edit(OURS, audit__sinks="file,syslog") == OURS.replace("sinks: file ", 'sinks: "file,syslog" ')


def test_a_new_setting_comes_at_the_end_of_its_group_or_of_the_file() -> None:
    assert edit(OURS, max_session="8h") == OURS + "max_session: 8h\n"
    assert edit(OURS, audit__file_mib="8") == OURS.replace("now\n", "now\n  file_mib: 8\n")
    assert edit(OURS, keyring__backend="os") == OURS + "keyring:\n  backend: os\n"


def test_a_setting_goes_with_its_line_and_an_empty_group_with_its_name() -> None:
    assert edit(OURS, lease=None) == OURS.replace('lease: "strict"\n', "")
    assert edit(OURS, policies=None).startswith("# of the team\n\n# how far\n")
    bare = edit(OURS, audit__required=None, audit__sinks=None)
    assert bare == OURS[: OURS.index("audit:")] + "  # never off\n# the end\n"


def test_what_is_not_there_is_taken_out_without_a_change() -> None:
    assert edit(OURS, region=None) == OURS
    assert edit("", region=None) == ""


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ("", {"lease": "full"}, "lease: full\n"),
        ("# nothing yet", {"lease": "full"}, "# nothing yet\nlease: full\n"),
        ("---\n", {"lease": "full"}, "---\nlease: full\n"),
        ("lease: strict", {"region": "eu-west-1"}, "lease: strict\nregion: eu-west-1\n"),
        ("lease: strict\r\n", {"region": "a"}, "lease: strict\r\nregion: a\r\n"),
        ("  lease: strict\n", {"region": "a"}, "  lease: strict\n  region: a\n"),
        ("region:\nlease: full\n", {"region": "a"}, "region: a\nlease: full\n"),
        ("region:   # none\n", {"region": "a"}, "region: a   # none\n"),
        ("region: >\n  eu\n# end\n", {"region": "a"}, "region: a\n# end\n"),
        ("{lease: strict}\n", {"region": "a"}, "{lease: strict, region: a}\n"),
        ("{lease: strict}\n", {"lease": None}, "{}\n"),
        ("audit: {}\n", {"audit.required": "false"}, "audit: {required: false}\n"),
        (
            "audit: {required: true, file_mib: 8}\n",
            {"audit.required": None},
            "audit: {file_mib: 8}\n",
        ),
        (
            "audit: {required: true, file_mib: 8}\n",
            {"audit.file_mib": None},
            "audit: {required: true}\n",
        ),
        (
            "approvals: file:///a.yaml\n",
            {"approvals.signing": "required"},
            "approvals: file:///a.yaml\napprovals.signing: required\n",
        ),
        ("? lease\n: strict\n", {"lease": None}, ""),
        ("audit.required: true\n", {"audit.required": "false"}, "audit.required: false\n"),
        ("audit:\n  required: true", {"audit.file_mib": "8"}, "audit:\n  required: true\n  file_mib: 8\n"),
    ],
)
def test_every_way_of_writing_is_kept(before: str, changes: dict[str, str | None], after: str) -> None:
    assert edited(before, changes, PATH, DIRECTORIES) == after


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("approvals:\n  signing: required\n", {"approvals": "file:///a.yaml"}),
        ("lease: strict\n...\n", {"region": "a"}),
    ],
)
def test_what_cannot_be_edited_is_refused_and_said_where(text: str, changes: dict[str, str | None]) -> None:
    with pytest.raises(InvalidSetting) as caught:
        edited(text, changes, PATH, DIRECTORIES)
    assert caught.value.message.startswith(str(PATH))
    assert caught.value.hint == f"edit it by hand: {PATH}"


def test_what_is_no_configuration_is_said_with_its_line() -> None:
    with pytest.raises(InvalidSetting, match=r"config\.yaml:2:1: unknown setting 'leese'"):
        edit("region: a\nleese: full\n", region="b")


def test_people_stay_as_they_are() -> None:
    text = "people:\n  alice: # both\n    - sso:alice\n    - 'iam:111122223333:alice'\n"
    assert edit(text, lease="full") == text + "lease: full\n"


names = st.sampled_from(known_settings())
texts = st.one_of(
    st.sampled_from(
        ["30s", "true", "", " ", "a: b", "- a", "#x", "x #y", "'", '"', "{a}", "~", "null", "a\nb"]
    ),
    st.text(max_size=20),
)


@given(st.dictionaries(names, texts, max_size=4), names, st.none() | texts)
def test_exactly_what_was_asked_for_changes(there: dict[str, str], name: str, value: str | None) -> None:
    """Whatever the values are, and in files that we wrote ourselves."""
    assume("approvals" not in there or name != "approvals")
    try:
        text = edited("# first\nmax_session: 1h  # mine\n", there, PATH, DIRECTORIES)
        after = edited(text, {name: value}, PATH, DIRECTORIES)
    except InvalidSetting:
        assert any(not _writable(each) for each in [*there.values(), value or ""]) or _clash({*there, name})
        return
    wanted = dict(values(text))
    wanted.pop(name, None)
    assert values(after) == (wanted if value is None else {**wanted, name: value})
    if name != "max_session" and not any("#" in each for each in (*there.values(), value or "")):
        assert comments(after) == comments(text)


def _writable(value: str) -> bool:
    """Control and invisible characters are escaped, except those that JSON leaves as they are."""
    try:
        return values(edit("", region=value)) == {"region": value}
    except InvalidSetting:
        return False


def _clash(names: set[str]) -> bool:
    """A place and a group of one name, which are written in two ways."""
    return any(f"{name.partition('.')[0]}" in names for name in names if "." in name)
