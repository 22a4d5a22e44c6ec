"""Sessions of one process read botocore's data files once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aioboto3
from aiobotocore.session import AioSession

from sentinel_server.adapters.aws.models import share_models, tidy


def session(data_path: Path | None = None) -> AioSession:
    """One that shares, and looks in `data_path` first."""
    made = AioSession()
    if data_path is not None:
        made.set_config_variable("data_path", str(data_path))
    share_models(made)
    return made


def loader(one: AioSession) -> Any:
    """What it reads data files with."""
    return one.get_component("data_loader")


def test_what_one_session_has_read_no_other_reads_again() -> None:
    read = loader(session()).load_service_model("sts", "service-2")
    assert loader(session()).load_service_model("sts", "service-2") is read


def test_sessions_with_data_of_their_own_share_nothing_with_others(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    mine = session(tmp_path)
    assert loader(mine).load_data("mine") == {}
    assert loader(mine) is not loader(session())
    assert loader(mine) is loader(session(tmp_path))


def test_however_many_sessions_boto3_makes_there_are_no_more_places_to_look() -> None:
    seen = set()
    for _ in range(3):
        core = session()
        aioboto3.Session(botocore_session=core)
        tidy(core)
        seen.add(tuple(loader(core).search_paths))
    (paths,) = seen
    assert len(paths) == len(set(paths))
