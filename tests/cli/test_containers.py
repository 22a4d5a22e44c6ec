"""What a container needs, as a command and as files of the tools that start containers."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.containers import (
    OVERRIDE,
    VARIABLES,
    Needs,
    compose_override,
    docker_run,
    in_devcontainer,
    our_user,
    write_for,
)
from sentinel_server.errors import AlreadyExists, BadInput

HOST = Needs(host_network=True, user="1000:1000")
BRIDGE = Needs(host_network=False)


class _Loader(yaml.SafeLoader):
    """Reads `!reset` as Compose does."""


_Loader.add_constructor("!reset", lambda loader, node: "reset")


def read(text: str) -> Any:
    return yaml.load(text, _Loader)


def test_the_command_hands_variables_over_by_name_and_never_by_value() -> None:
    text = docker_run(HOST)
    assert all(f"--env {name}" in text for name in VARIABLES)
    assert "=" not in text
    assert "--network host --user 1000:1000" in text
    assert max(map(len, text.splitlines())) <= 78
    assert text.endswith("IMAGE")


def test_at_an_address_of_its_own_the_container_keeps_its_network_and_its_user() -> None:
    assert "--network" not in docker_run(BRIDGE)
    assert "--user" not in docker_run(BRIDGE)
    override = read(compose_override({"app": {"networks": ["x"]}}, BRIDGE))
    assert override["services"]["app"] == {"environment": dict.fromkeys(VARIABLES)}
    assert "runArgs" not in in_devcontainer({}, BRIDGE)


def test_every_service_gets_the_variables_the_network_and_the_user() -> None:
    services = {"app": {"image": "x", "ports": ["80:80"], "networks": ["front"]}, "we:ird #1": None}
    made = read(compose_override(services, HOST))["services"]
    both = {"network_mode": "host", "user": "1000:1000", "environment": dict.fromkeys(VARIABLES)}
    assert made == {"app": {**both, "networks": "reset", "ports": "reset"}, "we:ird #1": both}


@pytest.mark.parametrize("name", ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"])
def test_the_override_is_written_beside_the_file_of_the_project(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("services: {app: {image: x}}\n")
    path = write_for("compose", HOST, tmp_path)
    assert path == tmp_path / OVERRIDE
    assert list(read(path.read_text())["services"]) == ["app"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([name, OVERRIDE])


def test_our_own_file_is_written_anew_and_that_of_others_never(tmp_path: Path) -> None:
    project = tmp_path / "compose.yaml"
    project.write_text("services: {app: {image: x}}\n")
    path = write_for("compose", HOST, tmp_path)
    project.write_text("services: {other: {image: x}}\n")
    assert list(read(write_for("compose", HOST, tmp_path).read_text())["services"]) == ["other"]
    path.write_text("services: {}\n")
    with pytest.raises(AlreadyExists, match="not written by sentinel"):
        write_for("compose", HOST, tmp_path)
    assert path.read_text() == "services: {}\n"


@pytest.mark.parametrize(
    ("text", "saying"),
    [
        ("services: [", "cannot read"),
        *((text, "no services") for text in ("{}", "[]", "services: {}", "services: {1: {}}", "a: &a [*a]")),
    ],
)
def test_a_project_without_services_is_said_and_nothing_is_written(
    tmp_path: Path, text: str, saying: str
) -> None:
    (tmp_path / "compose.yaml").write_text(text)
    with pytest.raises(BadInput, match=saying):
        write_for("compose", HOST, tmp_path)
    assert not (tmp_path / OVERRIDE).exists()


@pytest.mark.parametrize("tool", ["compose", "devcontainer"])
def test_a_directory_without_a_project_is_said_with_the_names_looked_for(tmp_path: Path, tool: str) -> None:
    with pytest.raises(BadInput, match=r"none of .*compose|none of .*devcontainer\.json"):
        write_for(tool, HOST, tmp_path)


@pytest.mark.parametrize("indent", [2, 4, "\t"])
def test_a_devcontainer_keeps_what_it_has_and_its_indentation(tmp_path: Path, indent: int | str) -> None:
    before = {"name": "Käse", "image": "x", "runArgs": ["--init"], "remoteEnv": {"A": "b"}}
    path = tmp_path / ".devcontainer" / "devcontainer.json"
    path.parent.mkdir()
    path.write_text(json.dumps(before, indent=indent, ensure_ascii=False))
    path.chmod(0o640)
    assert write_for("devcontainer", HOST, tmp_path) == path
    after = json.loads(path.read_text())
    assert after == {
        **before,
        "runArgs": ["--init", "--network=host"],
        "remoteEnv": {"A": "b", **{name: f"${{localEnv:{name}}}" for name in VARIABLES}},
    }
    assert path.read_text() == json.dumps(after, indent=indent, ensure_ascii=False) + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    written = path.read_bytes()
    write_for("devcontainer", HOST, tmp_path)
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    "text", ["// mine\n{}", '{"a": 1,}', "[]", '{"remoteEnv": []}', '{"runArgs": 1}', ""]
)
def test_a_devcontainer_that_is_more_than_json_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".devcontainer.json"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        write_for("devcontainer", HOST, tmp_path)
    assert path.read_text() == text
    assert "localEnv:AWS_CONTAINER_AUTHORIZATION_TOKEN" in caught.value.hint


def test_the_user_is_the_one_the_server_will_look_for() -> None:
    found = our_user()
    assert found is None or all(part.isdecimal() for part in found.split(":"))
