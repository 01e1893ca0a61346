"""Files of parameters: each line makes one job of an array."""

from __future__ import annotations

from hoplite.exceptions import InvalidFieldError


def read_parameters(text: str, field: str) -> list[str]:
    """The parameters of each job.  Blank lines and those that begin with ``#`` are passed over.

    Raises :class:`~hoplite.exceptions.InvalidFieldError` if nothing is left.
    """
    lines = (line.strip() for line in text.split("\n"))
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise InvalidFieldError(
            f"{field}: it holds no parameters; right is one line for each job", field=field
        )
    return found
