"""botocore's data files, read once in a process and not once in each session, which took 40 ms."""

from __future__ import annotations

from functools import cache

from aiobotocore.session import AioSession
from botocore.loaders import Loader, create_loader


def share_models(session: AioSession) -> None:
    """Let `session` read from what others have read before, of the same AWS_DATA_PATH or `data_path`."""
    session.lazy_register_component("data_loader", lambda: _loader(session.get_config_variable("data_path")))


def tidy(session: AioSession) -> None:
    """Keep each place to look once: a session of boto3 adds its own to a loader that may have it."""
    paths = session.get_component("data_loader").search_paths
    paths[:] = dict.fromkeys(paths)


@cache
def _loader(data_path: str | None) -> Loader:
    loader: Loader = create_loader(data_path)
    return loader
