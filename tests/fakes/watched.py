"""A home in which every command is watched: what it writes and says, what it starts, and who may read it."""

from __future__ import annotations

import json
import re
import shutil
import stat
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tests.fakes.deployment import Deployment, Ran
from tests.fakes.forks import Forks
from tests.fakes.terminal import Terminal

PART = 20
"""Characters of a secret that are enough to know it by."""


@dataclass(slots=True, kw_only=True)
class Watched:
    """A home and all that became of it.

    `open_files` may hold secrets in the clear, and are 0600 all the same; `public` ones anybody may read.
    """

    forks: Forks
    home: Path
    env: dict[str, str]
    record: Path
    open_files: set[Path] = field(default_factory=set)
    public: set[Path] = field(default_factory=set)
    told: list[str] = field(default_factory=list)
    _before: dict[Path, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._before = self._seen()

    def run(self, *words: str, say: str = "", broken: str | None = None, **env: str) -> Ran:
        """One command that has nothing secret to say."""
        done = self.forks.run(*words, env={**self.env, **env}, say=say, broken=broken, record=self.record)
        self.told += [done.err, done.out]
        return done

    def give(self, *words: str, **env: str) -> Ran:
        """One command whose stdout is not held against it, because that is where it gives a secret."""
        done = self.forks.run(*words, env={**self.env, **env}, record=self.record)
        self.told += [done.err]
        return done

    @contextmanager
    def typing(self, *words: str, **env: str) -> Iterator[Terminal]:
        """One command on a terminal, and all that is shown there."""
        with self.forks.typing(*words, env={**self.env, **env}, record=self.record) as terminal:
            yield terminal
        self.told += [terminal.shown]

    def leaks(self, canaries: set[str]) -> list[str]:
        """Where a part of a canary is that it must not be: in files, in what was said, in command lines."""
        forms = {form for canary in canaries for form in _forms(canary)}
        places = [(str(path), path.read_bytes().decode("latin-1")) for path in self._files()]
        places += [(f"output {number}: {text}", text) for number, text in enumerate(self.told)]
        places += [(f"started: {line}", line) for line in self.started()]
        return [where for where, text in places if any(form in text for form in forms)]

    def started(self) -> list[str]:
        """The command lines of all programs that the commands started."""
        return [" ".join(line[1]) for line in self._recorded() if line[0] == "start"]

    def strays(self) -> set[str]:
        """What was written outside of the home."""
        written = [Path(line[1]) for line in self._recorded() if line[0] == "write" and line[1] is not None]
        own = (self.home, Path("/dev"), Path("/proc"))
        return {str(path) for path in written if not any(path.is_relative_to(each) for each in own)}

    def too_open(self) -> dict[str, str]:
        """What the commands made and somebody else may look into, with its permissions."""
        found = {}
        for path, inode in self._seen().items():
            if inode == self._before.get(path) or path in self.public:
                continue
            mode = path.lstat().st_mode
            wanted = 0o700 if stat.S_ISDIR(mode) else 0o600
            if stat.S_IMODE(mode) != wanted:
                found[str(path.relative_to(self.home))] = oct(stat.S_IMODE(mode))
        return found

    def _files(self) -> list[Path]:
        return [path for path in self._seen() if path.is_file() and path not in self.open_files]

    def _seen(self) -> dict[Path, int]:
        """Everything in the home but links, and which file it is: one that was replaced is another."""
        return {path: path.lstat().st_ino for path in self.home.rglob("*") if not path.is_symlink()}

    def _recorded(self) -> list[list[str]]:
        if not self.record.exists():
            return []
        return [json.loads(line) for line in self.record.read_text().splitlines()]


def _forms(canary: str) -> set[str]:
    """The beginning and the end of a secret, as it is and as it would be in an address, in JSON, in bytes."""
    whole = {canary, quote(canary, safe=""), json.dumps(canary)[1:-1], canary.encode().hex()}
    whole.add(b64encode(canary.encode()).decode().rstrip("=")[:-2])
    assert all(len(text) >= PART for text in whole), "too short to be looked for"
    return {part for text in whole for part in (text[:PART], text[-PART:])}


def watched(forks: Forks, like: Deployment, into: Path) -> Watched:
    """A copy of a seeded home, in the same AWS, that nobody else uses."""
    old, new = like.seeded.directory, into / "home"
    shutil.copytree(old, new)
    env = {name: value.replace(str(old), str(new)) for name, value in like.env().items()}
    (new / "tmp").mkdir(mode=0o700)
    env |= {"HOME": str(new), "TMPDIR": str(new / "tmp")}
    return Watched(forks=forks, home=new, env=env, record=into / "record")


def own_aws(watched: Watched) -> set[Path]:
    """AWS's own files of a home, where keys stand in the clear."""
    return {watched.home / "aws" / "credentials", watched.home / "security" / "credentials"}


def without_keys(home: Watched, profile: str) -> None:
    """Take the keys of a profile out of AWS's file."""
    path = home.home / "aws" / "credentials"
    path.write_text(re.sub(rf"\[{profile}\]\n.*\n.*\n", "", path.read_text()))
