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
RESERVATION_REFUSED = 10
NOT_KNOWN = 52
BAD_REQUEST = 255

_BY_CLASS: dict[type[HopliteError], int] = {
    NotEnoughResourcesError: NOT_ENOUGH_RESOURCES,
    ReservationRefusedError: RESERVATION_REFUSED,
    RequestSyntaxError: BAD_REQUEST,
    NotAuthenticatedError: NOT_KNOWN,
}
_BY_OPTION = {"resubmit": RESUBMIT_IMPOSSIBLE, "array": BAD_ARRAY, "reservation": BAD_DATE}


def of_refusal(error: HopliteError) -> int:
    """A message about an option begins with its name."""
    of_class = _BY_CLASS.get(type(error))
    return of_class or _BY_OPTION.get(error.message.partition(":")[0], FAILURE)
