"""As which account a caller's files are touched, and which file an address names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import g

from hoplite.api.oar.endpoint import OarCall
from hoplite.api.oar.links import path_of
from hoplite.api.oar.media_errors import Words, as_answer
from hoplite.exceptions import InvalidFieldError, NotAuthorizedError
from hoplite.execution.local.accounts import account
from hoplite.execution.protocol import RunAs
from hoplite.files.files import OutsideError
from hoplite.files.paths import BadPathError, Place


@dataclass(frozen=True)
class Asked:
    """Whom a request is done as (None: the server's own account), and to what."""

    account: RunAs | None
    place: Place

    @property
    def path(self) -> bytes:
        return self.place.path


def asked_file(call: OarCall[Any, Any], prefix: str, *, writes: bool = False) -> Asked:
    """What a request at ``<mount><prefix>/...`` is about.

    Raises :class:`~hoplite.exceptions.NotAuthorizedError` and
    :class:`~hoplite.exceptions.InvalidFieldError`.
    """
    as_whom = _account(call, writes=writes)
    named = path_of(call.request).removeprefix((call.base.mount + prefix).encode()).lstrip(b"/")
    return _asked(call, as_whom, named)


def asked_in(call: OarCall[Any, Any], directory: Asked, name: bytes) -> Asked:
    """The entry of the directory that is, or is to be, called so."""
    return _asked(call, directory.account, directory.path + b"/" + name)


def _asked(call: OarCall[Any, Any], as_whom: RunAs | None, named: bytes) -> Asked:
    try:
        return Asked(as_whom, call.service.files.place(as_whom, named))
    except BadPathError as error:
        raise InvalidFieldError(f"path: {error}", field="path") from None
    except OutsideError as outside:
        raise NotAuthorizedError(
            f"{call.caller.name} may read and write here below {outside} alone (setting "
            "media_roots)"
        ) from None


@contextmanager
def turn(call: OarCall[Any, Any], asked: Asked, words: Words) -> Iterator[None]:
    """While something is done to the file: it takes a place for streams, for file systems may be
    slow, and errors of the file system are said in ``words``."""
    g.long = True
    with call.service.files.turn(call.caller.name), call.service.streams.place():
        try:
            yield
        except OSError as error:
            raise as_answer(error, asked.path, words) from error


def _account(call: OarCall[Any, Any], *, writes: bool) -> RunAs | None:
    caller = call.caller
    if os.geteuid() != 0:
        # What this account may, whoever may submit jobs may by a job.
        if not caller.may_submit():
            raise NotAuthorizedError(
                f"files are read and written here as the server's own account, which is not for "
                f"{caller.name}, who may not submit jobs either"
            )
        return None
    try:
        found = account(caller.name)
    except KeyError:
        raise NotAuthorizedError(
            f"{caller.name} has no Unix account on this machine, and this server touches files as "
            "their callers"
        ) from None
    if found.uid == 0 and not caller.is_admin:
        raise NotAuthorizedError(
            f"files of {caller.name} would be touched with root's rights, which only "
            "administrators have"
        )
    if writes and not caller.may_submit():
        raise NotAuthorizedError(f"{caller.name} may look at files here, and change none")
    return None if found.uid == 0 else found
