"""What submissions of both dialects are read against."""

from __future__ import annotations

from pathlib import Path

from hoplite.api.service import Service
from hoplite.exceptions import InvalidFieldError
from hoplite.execution.local.accounts import account
from hoplite.execution.local.owner_files import read_file
from hoplite.execution.protocol import RunAs
from hoplite.model.caller import Caller
from hoplite.submission.around import Around


def around(service: Service, caller: Caller) -> Around:
    """The server as ``caller`` submits to it.  Raises
    :class:`~hoplite.exceptions.NotAuthorizedError` for one whose jobs have no account to run as."""
    manager = service.manager
    limits, run_as = manager.limits, manager.account(caller.name)
    return Around(
        properties=manager.resources.properties,
        home=str(Path.home()) if run_as is None else run_as.home,
        homes=_home_of,
        max_array=limits.max_array,
        max_script_bytes=limits.max_config_bytes,
        read_file=lambda path, field: _text_of(path, field, run_as, limits.max_config_bytes),
    )


def _home_of(user: str) -> str | None:
    try:
        return account(user).home
    except KeyError:
        return None


def _text_of(path: str, field: str, run_as: RunAs | None, most: int) -> str:
    try:
        found = read_file(path, run_as, most + 1)
    except OSError as error:
        raise InvalidFieldError(f"{field}: {error}", field=field) from None
    if len(found) > most:
        raise InvalidFieldError(f"{field}: {path} has more than {most} bytes", field=field)
    return found.decode("utf-8", "replace")
