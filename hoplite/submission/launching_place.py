"""Where a job runs and where its output goes, from the paths that were asked for."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from hoplite.exceptions import InvalidFieldError

Homes = Callable[[str], str | None]
"""The home directory of a Unix account by its name; None: there is no such account."""

_OUTPUT = re.compile(r"[A-Za-z0-9_./%\ -]+")
_USERS_HOME = re.compile(r"~(?P<user>[A-Za-z0-9._-]*)(?P<rest>(?:/.*)?)", re.DOTALL)
_HOME_WITHIN = re.compile(r"(?<![^\s'\"=:;|&<>()])/~/")


def launching_directory(workdir: str | None, directory: str | None, home: str, homes: Homes) -> str:
    """``directory`` as seen from ``workdir`` as seen from ``home``, as if the job's owner had changed
    to ``workdir`` before.  ``~``, ``~user`` and OAR's ``/~/`` at the beginning are homes.

    Raises :class:`~hoplite.exceptions.InvalidFieldError`.
    """
    place = home
    for field, path in (("workdir", workdir), ("directory", directory)):
        if path is not None:
            place = posixpath.join(place, with_home(path, home, homes, field))
    return posixpath.normpath(place)


def with_home(path: str, home: str, homes: Homes, field: str) -> str:
    """``path`` with the home that its beginning stands for.  Raises
    :class:`~hoplite.exceptions.InvalidFieldError` for the home of nobody."""
    if path == "/~" or path.startswith("/~/"):
        path = path[1:]
    match = _USERS_HOME.fullmatch(path)
    if match is None:
        return path
    found = homes(match["user"]) if match["user"] else home
    if found is None:
        raise InvalidFieldError(
            f"{field}: {path!r}: there is no user {match['user']!r} on this machine", field=field
        )
    return found.rstrip("/") + match["rest"] if match["rest"] else found


def output_file(pattern: str, home: str, field: str) -> str:
    """The name of an output file, with ``%jobid%`` and ``%jobname%`` still in it.

    Raises :class:`~hoplite.exceptions.InvalidFieldError` for characters that OAR refuses.
    """
    at_home = re.match(r"/?~/", pattern)
    name = pattern[at_home.end() :] if at_home else pattern
    if not _OUTPUT.fullmatch(name):
        raise InvalidFieldError(
            f"{field}: Invalid {field} file name {pattern!r}: letters, digits and _ . / % - and "
            "blanks are taken",
            field=field,
        )
    return posixpath.join(home, name) if at_home else name


def default_output(stream: str, name: str | None) -> str:
    """OAR's name for an output file that has none."""
    return f"OAR.%jobname%.%jobid%.{stream}" if name else f"OAR.%jobid%.{stream}"


def with_home_within(text: str, home: str) -> str:
    """A command with OAR's ``/~/`` replaced where a path may begin."""
    return _HOME_WITHIN.sub(lambda _: home.rstrip("/") + "/", text)
