"""A server to read submissions against, without a server."""

from __future__ import annotations

from typing import Any

import msgspec

from hoplite.exceptions import InvalidFieldError
from hoplite.manager.requests import NewJob
from hoplite.model.batch import Batch
from hoplite.model.resource_property import STANDARD_PROPERTIES, PropertyType
from hoplite.submission.around import Around
from hoplite.submission.jobs import Submission, read_submission

FILES = {"/home/me/lines": "1\n2\n", "/home/me/bin/run.sh": "#!/bin/sh\n#OAR -n of-the-file\n"}
HOMES = {"other": "/home/other"}
PROPERTIES = (
    STANDARD_PROPERTIES.added("core", PropertyType.INTEGER)
    .added("cpu", PropertyType.INTEGER)
    .added("mem", PropertyType.INTEGER)
)


def _read(path: str, field: str) -> str:
    if path not in FILES:
        raise InvalidFieldError(f"{field}: there is no {path}", field=field)
    return FILES[path]


AROUND = Around(
    properties=PROPERTIES,
    home="/home/me",
    homes=HOMES.get,
    max_array=100,
    max_script_bytes=1000,
    read_file=_read,
)


def submitted(**options: Any) -> Submission:
    """Keywords are options, with underscores."""
    return read_submission(options, AROUND)


def batch(**options: Any) -> Batch:
    """What one job asks for."""
    (new,) = submitted(**options).jobs
    assert new.batch is not None
    return new.batch


def commands(jobs: tuple[NewJob, ...]) -> list[str]:
    """What bash is to run."""
    found = []
    for new in jobs:
        shell, option, command = msgspec.json.decode(new.config)["command"]
        assert (shell, option) == ("bash", "-c")
        found.append(command)
    return found
