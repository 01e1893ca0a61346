"""Whom to tell what of a job: ``[END,ERROR]mail:somebody@example.org``, ``exec:/path/of/program words``."""

from __future__ import annotations

import re

from hoplite.exceptions import InvalidFieldError

_TAGS = r"\[\s*(?:RUNNING|END|ERROR|INFO|SUSPENDED|RESUMING)(?:\s*,\s*(?:RUNNING|END|ERROR|INFO|SUSPENDED|RESUMING))*\s*\]"
_NOTICE = re.compile(rf"(?:{_TAGS}\s*)?(?:mail:[^\s:,;<>()]+@[^\s:,;<>()]+|exec:[A-Za-z0-9_./ -]+)")


def checked_notice(text: str) -> str:
    """Raises :class:`~hoplite.exceptions.InvalidFieldError` for what OAR does not understand, or
    refuses as no safe command."""
    if not _NOTICE.fullmatch(text):
        raise InvalidFieldError(
            f"notify: {text!r}: right is mail:<address> or exec:<program> with words of letters, "
            "digits and _ . / -, perhaps after tags, like [END,ERROR]",
            field="notify",
        )
    return text
