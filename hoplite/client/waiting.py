"""Waiting for a job by the server's long poll, through restarts of the server."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

from hoplite.client.job_info import JobInfo
from hoplite.client.patience import Deadline, Patience
from hoplite.client.server_connection import ServerConnection, may_pass
from hoplite.exceptions import HopliteError, TimeoutError, TooManyStreamsError

_LONGEST_WAIT_S = 50.0
"""Of one request: proxies give up after a minute."""
_AT_THE_END_S = 2.0
"""How much later than the caller's limit an answer may come."""
_AT_ONCE_S = 0.5
_FULL_PAUSE_S = 0.1


def wait_for(
    connection: ServerConnection,
    uuid: str,
    enough: Callable[[JobInfo], bool],
    timeout_s: float | None,
    query: Mapping[str, Any],
) -> JobInfo:
    """The job as soon as it is ``enough``; ``query`` says the same to the server.

    Raises :class:`~hoplite.exceptions.TimeoutError`, and
    :class:`~hoplite.exceptions.ConnectionError` if the server stays away too long.
    """
    deadline = Deadline(timeout_s)
    away, early = Patience(connection.reconnect_s), Patience(float("inf"))
    while True:
        began = time.monotonic()
        answer = _asked(connection, uuid, query, deadline)
        if isinstance(answer, requests.Response):
            job = connection.job_of(answer)
            if enough(job):
                return job
            away.renew()
            problem = None
        else:
            problem = answer
        if deadline.over:
            _timed_out(uuid, problem)
        if problem is not None:
            _endure(problem, away, early, deadline)
        elif time.monotonic() - began < _AT_ONCE_S:
            # It is stopping, or lets nobody wait.
            early.pause(at_most_s=deadline.left_s)
        else:
            early.renew()


def _asked(
    connection: ServerConnection, uuid: str, query: Mapping[str, Any], deadline: Deadline
) -> requests.Response | HopliteError:
    wait_s = min(_LONGEST_WAIT_S, deadline.left_s)
    last = wait_s < _LONGEST_WAIT_S
    patience_s = min(connection.timeout_s, _AT_THE_END_S) if last else connection.timeout_s
    return connection.attempt(
        "GET",
        f"/jobs/{uuid}",
        params={**query, "wait": f"{wait_s:.3f}"} if wait_s else {},
        answer_s=wait_s + patience_s,
    )


def _endure(problem: HopliteError, away: Patience, early: Patience, deadline: Deadline) -> None:
    if isinstance(problem, TooManyStreamsError):
        # The server is there; a place will become free, or the job end without one.
        early.pause(_FULL_PAUSE_S, deadline.left_s)
    elif not may_pass(problem) or not away.pause(at_most_s=deadline.left_s):
        raise problem


def _timed_out(uuid: str, problem: HopliteError | None) -> None:
    if problem is None:
        raise TimeoutError(uuid)
    if not may_pass(problem):
        raise problem
    raise TimeoutError(uuid, f"Timed out waiting for job {uuid}: {problem}")
