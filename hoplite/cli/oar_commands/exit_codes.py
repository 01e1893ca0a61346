"""What ``hoplite-oar sub`` exits with when a submission is refused: oarsub's own codes, where the
answer tells which; docs/oar-commands.rst has the table."""

from __future__ import annotations

from hoplite.cli.exit_codes import FAILURE
from hoplite.exceptions import (
    HopliteError,
    NotAuthenticatedError,
    NotEnoughResourcesError,
    RequestSyntaxError,
    ReservationRefusedError,
)

RESUBMIT_IMPOSSIBLE = 4
BAD_ARRAY = 6
BAD_DATE = 7
NOT_ENOUGH_RESOURCES = 8
BAD_PROPERTY = NOT_ENOUGH_RESOURCES
RESERVATION_REFUSED = 10
NOT_KNOWN = 52
BAD_STDERR = 243
BAD_STDOUT = 244
UNKNOWN_QUEUE = 248
BAD_NOTIFY = 250
REFUSED_BY_RULE = 254
BAD_REQUEST = 255

_BY_CLASS: dict[type[HopliteError], int] = {
    NotEnoughResourcesError: NOT_ENOUGH_RESOURCES,
    ReservationRefusedError: RESERVATION_REFUSED,
    NotAuthenticatedError: NOT_KNOWN,
}
_BY_BEGINNING = {
    "resubmit": RESUBMIT_IMPOSSIBLE,
    "array": BAD_ARRAY,
    "reservation": BAD_DATE,
    "property": BAD_PROPERTY,
    "stderr": BAD_STDERR,
    "stdout": BAD_STDOUT,
    "queue": UNKNOWN_QUEUE,
    "notify": BAD_NOTIFY,
    "[ADMISSION RULE] Error": REFUSED_BY_RULE,
}


def of_refusal(error: HopliteError) -> int:
    """A message about an option begins with its name."""
    if (of_class := _BY_CLASS.get(type(error))) is not None:
        return of_class
    other = BAD_REQUEST if isinstance(error, RequestSyntaxError) else FAILURE
    return _BY_BEGINNING.get(error.message.partition(":")[0], other)
