"""Whether a server is there."""

from __future__ import annotations

import time
from typing import Unpack

from hoplite.client.server_connection import ConnectionOptions, ServerConnection
from hoplite.exceptions import HopliteError, NotAuthenticatedError, TimeoutError

_ANSWER_S = 2.0


def answers(connection: ServerConnection) -> bool:
    """Whether a hoplite server answers, within two seconds."""
    answer = connection.attempt("GET", "/health/live", answer_s=_ANSWER_S)
    if isinstance(answer, HopliteError):
        # A server that refuses who we are is there.
        return isinstance(answer, NotAuthenticatedError)
    try:
        connection.decoded(answer, "status")
    except HopliteError:
        return False
    return True


def await_answers(connection: ServerConnection, retry_period_s: float, retries: int) -> None:
    """Wait until :func:`answers`; raises :class:`~hoplite.exceptions.TimeoutError`."""
    for number in range(max(1, retries)):
        if number:
            time.sleep(retry_period_s)
        if answers(connection):
            return
    where = connection.address.url
    raise TimeoutError(message=f"No hoplite server has answered at {where} in {retries} tries")


def is_hoplite_available(
    address: str, port: int | str = 5000, **options: Unpack[ConnectionOptions]
) -> bool:
    """Whether a hoplite server answers at the address, within two seconds."""
    connection = ServerConnection(address, port, **options)
    try:
        return answers(connection)
    finally:
        connection.close()


def wait_for_hoplite(
    address: str,
    port: int | str = 5000,
    retry_period_s: float = 10,
    retries: int = 30,
    **options: Unpack[ConnectionOptions],
) -> None:
    """Wait until a hoplite server answers at the address.

    Raises :class:`~hoplite.exceptions.TimeoutError` after that many tries.
    """
    connection = ServerConnection(address, port, **options)
    try:
        await_answers(connection, retry_period_s, retries)
    finally:
        connection.close()
