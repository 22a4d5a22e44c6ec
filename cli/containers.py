"""What a container on this machine needs to use our endpoint: as words to type, or in files that tools read.

No secret is in any of it. The container takes the variables from the shell that starts it, which is our
child: `docker run --env NAME`, a Compose variable without a value, `${localEnv:NAME}` in a devcontainer.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentinel_server.errors import AlreadyExists, BadInput
from sentinel_server.frozen import frozen

VARIABLES = (
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
)
"""What a container gets of the environment of our child. The token's file stays outside."""

COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""Where Compose looks, in its order (docs.docker.com/compose/intro/compose-application-model)."""

OVERRIDE = "compose.sentinel.yaml"

DEVCONTAINER_FILES = (".devcontainer/devcontainer.json", ".devcontainer.json")
"""Where one configuration is looked for (containers.dev/implementors/spec, devcontainer.json)."""

_MARK = "# Written by `sentinel exec --server --docker --write compose`; no secret is in it."


@frozen
class Needs:
    """How containers reach the endpoint: over the network of the host, or at an address of its own.

    `user`, as `UID:GID`, is whom they must run as so that we serve them; None when it does not matter.
    """

    host_network: bool
    user: str | None = None


def docker_run(needs: Needs) -> str:
    """The command that runs an image, in lines for a terminal of 80 columns."""
    first = ["docker run", *(["--network host"] if needs.host_network else [])]
    first += [f"--user {needs.user}"] if needs.user else []
    return " \\\n    ".join([" ".join(first), *(f"--env {name}" for name in VARIABLES), "IMAGE"])


def compose_override(services: Mapping[str, Any], needs: Needs) -> str:
    """A Compose file to lay over the one that has these services. `!reset` needs Compose 2.24 or later."""
    lines = [_MARK, "services:"]
    for name, service in services.items():
        lines.append(f"  {json.dumps(name)}:")
        if needs.host_network:
            lines.append("    network_mode: host")
            taken = [key for key in ("networks", "ports") if isinstance(service, dict) and key in service]
            lines += [f"    {key}: !reset null  # of no use with the network of the host" for key in taken]
        lines += [f"    user: {json.dumps(needs.user)}"] if needs.user else []
        lines += ["    environment:", *(f"      {variable}:" for variable in VARIABLES)]
    return "\n".join(lines) + "\n"


def in_devcontainer(settings: Mapping[str, Any], needs: Needs) -> dict[str, Any]:
    """The settings of a devcontainer with ours among them; giving it twice adds nothing more.

    Raises TypeError and ValueError for what are no such settings.

    `remoteEnv` is read whenever a tool attaches; what `containerEnv` had would last as long as the container.
    """
    if not isinstance(settings, dict):
        raise TypeError("the settings are an object")
    merged = dict(settings)
    if needs.host_network:
        arguments = list(merged.get("runArgs", []))
        merged["runArgs"] = arguments + [a for a in ("--network=host",) if a not in arguments]
    ours = {name: f"${{localEnv:{name}}}" for name in VARIABLES}
    merged["remoteEnv"] = {**merged.get("remoteEnv", {}), **ours}
    return merged


def write_for(tool: str, needs: Needs, directory: Path) -> Path:
    """Write what `tool`, compose or devcontainer, needs into the project in `directory`; the file's path.

    Raises BadInput where there is no such project or what is there cannot be read, and AlreadyExists for a
    file that somebody else wrote.
    """
    return _write_compose(needs, directory) if tool == "compose" else _write_devcontainer(needs, directory)


def _write_compose(needs: Needs, directory: Path) -> Path:
    source = _first(directory, COMPOSE_FILES, "Compose", "go to the directory of a Compose project first")
    path = directory / OVERRIDE
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(_MARK):
        raise AlreadyExists(f"{path} is there, and not written by sentinel", hint=f"look at it: cat {path}")
    _replace(path, compose_override(_services(source), needs))
    return path


def _services(source: Path) -> Mapping[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"cannot read {source}: {str(error).splitlines()[0]}") from None
    services = found.get("services") if isinstance(found, dict) else None
    if not isinstance(services, dict) or not services or not all(isinstance(name, str) for name in services):
        raise BadInput(f"{source} has no services")
    return services


def _write_devcontainer(needs: Needs, directory: Path) -> Path:
    path = _first(
        directory, DEVCONTAINER_FILES, "devcontainer", "make one first, then run this again in its project"
    )
    by_hand = json.dumps(in_devcontainer({}, needs), indent=2)
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        settings = json.loads(text)
        merged = in_devcontainer(settings, needs)
    except (ValueError, TypeError, AttributeError):
        raise BadInput(
            f"{path} has comments, or more that plain JSON has not, which would be lost",
            hint=f"add to it by hand: {by_hand}",
        ) from None
    if merged != settings:
        indent = "\t" if "\n\t" in text else 4 if '\n    "' in text and '\n  "' not in text else 2
        _replace(path, json.dumps(merged, indent=indent, ensure_ascii=False) + "\n")
    return path


def _first(directory: Path, names: tuple[str, ...], what: str, hint: str) -> Path:
    found = next((directory / name for name in names if (directory / name).is_file()), None)
    if found is None:
        raise BadInput(f"no {what} file in {directory}: none of {', '.join(names)}", hint=hint)
    return found


def _replace(path: Path, text: str) -> None:
    """Write the file whole or not at all, with the permissions it had."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as draft:
        draft.write(text)
    Path(draft.name).chmod(mode)
    Path(draft.name).replace(path)


def our_user() -> str | None:
    """`UID:GID` of this process, where the server looks at users: on Linux."""
    if sys.platform == "linux":
        return f"{os.getuid()}:{os.getgid()}"
    else:
        return None
