"""Modes as chmod(1) takes them: ``755``, ``u+rwx,go-w``, ``a=rX``."""

from __future__ import annotations

import re

_OCTAL = re.compile("[0-7]{1,5}")
_CLAUSE = re.compile("([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)")
_ACTION = re.compile("([-+=])([ugo]|[rwxXst]*)")
_CLASSES = {"u": 0o4700, "g": 0o2070, "o": 0o1007}
_EVERYBODY = 0o7777
_SET_IDS = 0o6000
_RIGHTS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}


class BadModeError(ValueError):
    """This is no mode."""


def changed(mode: str, before: int, *, directory: bool, umask: int) -> int:
    """The permission bits that ``mode`` makes of ``before``; raises :class:`BadModeError`.

    As in GNU's chmod, a directory keeps its set-user-id and set-group-id bits under an octal mode of
    less than five digits, and a clause for nobody in particular leaves out what ``umask`` does.
    """
    if _OCTAL.fullmatch(mode):
        bits = int(mode, 8)
        if bits > _EVERYBODY:
            raise BadModeError(mode)
        return bits | (before & _SET_IDS if directory and len(mode) < 5 else 0)
    if not mode:
        raise BadModeError(mode)
    for clause in mode.split(","):
        found = _CLAUSE.fullmatch(clause)
        if found is None:
            raise BadModeError(mode)
        for how, rights in _ACTION.findall(found[2]):
            before = _one(before, found[1], how, rights, directory=directory, umask=umask)
    return before


def check(mode: str) -> None:
    """Raises :class:`BadModeError`."""
    changed(mode, 0, directory=False, umask=0)


def _one(before: int, who: str, how: str, rights: str, *, directory: bool, umask: int) -> int:
    affected = _EVERYBODY if "a" in who else sum(_CLASSES[each] for each in set(who))
    asked = _asked(rights, before, directory=directory)
    mentioned = asked & (affected or _EVERYBODY)
    # A directory keeps its set-id bits where they are not named.
    kept = _SET_IDS & ~mentioned if directory else 0
    asked &= (affected or ~umask) & ~kept
    if how == "+":
        return before | asked
    if how == "-":
        return before & ~asked
    return before & ((~affected if affected else 0) | kept) | asked


def _asked(rights: str, before: int, *, directory: bool) -> int:
    if rights in ("u", "g", "o"):
        shift = {"u": 6, "g": 3, "o": 0}[rights]
        return (before >> shift & 0o7) * 0o111
    bits = 0
    for each in rights:
        if each == "X":
            bits |= 0o111 if directory or before & 0o111 else 0
        else:
            bits |= _RIGHTS[each]
    return bits
