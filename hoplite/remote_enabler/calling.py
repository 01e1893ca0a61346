"""The near side of a remote call."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from hoplite.client.remote_job import RemoteJob
from hoplite.exceptions import (
    HopliteError,
    JobFailedError,
    NotAuthenticatedError,
    RemoteCallError,
    TimeoutError,
    TooLargeError,
)
from hoplite.remote_enabler.answering import answer
from hoplite.remote_enabler.async_job import RemoteAsyncJobWrapper
from hoplite.remote_enabler.server import Address, Server, forget_credentials, server_at
from hoplite.remote_enabler.target import Prepared, Target, by_file, prepare, target_of

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("hoplite.remote_enabler")
_LATER_S = 5.0
Caller = Callable[[Prepared], Any]


class _Instead(NamedTuple):
    caller: Caller
    by_json: bool


_instead: list[_Instead] = []


class _Options(NamedTuple):
    """What remote functions take beside the arguments of the function itself."""

    remote_timeout: float | None = None
    trust_server: bool | None = None


@contextmanager
def instead(caller: Caller, by_json: bool) -> Iterator[None]:
    """Within the block, synchronous calls, of all threads, go to ``caller`` and not to a server."""
    mine = _Instead(caller, by_json)
    _instead.append(mine)
    try:
        yield
    finally:
        _instead.remove(mine)


def call(target: Target, address: Address, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Make the call and wait for what comes of it."""
    options = _taken_out(kwargs)
    if _instead:
        last = _instead[-1]
        return last.caller(prepare(target, args, kwargs, last.by_json))
    server = server_at(address, options.trust_server)
    limit_s = _limit(options.remote_timeout)
    # The server sees to it too, a little later: whoever waits here may be gone by then.
    there_s = None if limit_s is None else limit_s + _LATER_S
    job = _job(target, server, args, kwargs, run=True, limit_s=there_s)
    _log.debug("%s runs on %s as job %s", target.name, server.address, job.uuid)
    _wait(job, limit_s)
    return answer(job, server, target.name)


def _wait(job: RemoteJob, limit_s: float | None) -> None:
    try:
        job.join(limit_s)
    except JobFailedError:
        return  # what it failed of is told with the answer
    except TimeoutError as error:
        raise kill_late(job, error) from None
    except HopliteError:
        raise
    except BaseException:
        # Ctrl-C: nobody could ask for what it returns any more.
        with contextlib.suppress(HopliteError):
            job.kill()
        raise


def call_async(
    target: Target, address: Address, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> RemoteAsyncJobWrapper[Any]:
    """Create the call's job, and do not start it."""
    options = _taken_out(kwargs)
    if _instead:
        raise RemoteCallError(
            f"remote_async_{target.name} needs a server: use hoplite.testing.throw_away_server"
        )
    server = server_at(address, options.trust_server)
    limit_s = _limit(options.remote_timeout)
    job = _job(target, server, args, kwargs, run=False, limit_s=limit_s)
    return RemoteAsyncJobWrapper(job, target.name, server)


def kill_late(job: RemoteJob, error: TimeoutError) -> TimeoutError:
    """Kill the job of a call that took too long; the error to raise."""
    try:
        job.kill()
    except HopliteError as trouble:
        return TimeoutError(job.uuid, f"{error}; it could not be killed: {trouble}")
    return TimeoutError(job.uuid, f"{error}; it was killed")


def _job(
    target: Target,
    server: Server,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    run: bool,
    limit_s: float | None,
) -> RemoteJob:
    prepared = prepare(target, args, kwargs, by_json=not server.may_be_unpickled)
    try:
        return _submitted(prepared, server, run, limit_s)
    except NotAuthenticatedError:
        forget_credentials(server)
        raise


def _submitted(prepared: Prepared, server: Server, run: bool, limit_s: float | None) -> RemoteJob:
    limits: dict[str, Any] = {} if limit_s is None else {"time_limit_s": limit_s}
    create = server.manager.start_job if run else server.manager.create_job
    if prepared.argument_file is None:
        try:
            return create(prepared.plugin, prepared.config, **limits)
        except TooLargeError:
            return _submitted(by_file(prepared), server, run, limit_s)
    job = server.manager.create_job(prepared.plugin, prepared.config, **limits)
    try:
        job.put_input(prepared.argument_file)
    except BaseException:
        with contextlib.suppress(HopliteError):
            job.delete()
        raise
    if run:
        job.start()
    return job


def _taken_out(kwargs: dict[str, Any]) -> _Options:
    return _Options(**{name: kwargs.pop(name) for name in _Options._fields if name in kwargs})


def _limit(remote_timeout: float | None) -> float | None:
    """Seconds; None: without limit, as are 0 and less."""
    if remote_timeout is None:
        return None
    if isinstance(remote_timeout, bool) or not isinstance(remote_timeout, int | float):
        raise TypeError(f"remote_timeout is a number of seconds, not {remote_timeout!r}")
    return remote_timeout if remote_timeout > 0 else None


def remote(
    function: Callable[P, R],
    *,
    remote_timeout: float | None = None,
    trust_server: bool | None = None,
) -> Callable[Concatenate[Address, P], R]:
    """``remote(f)(address, ...)`` is ``remote_f(address, ...)`` with the types of ``f``.

    For functions and methods, decorated or not: ``remote(instance.method)("build", 1)``.
    """
    target = target_of(function)
    options = {"remote_timeout": remote_timeout, "trust_server": trust_server}

    def calling(address: Address, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return call(target, address, args, {**kwargs, **options})  # type: ignore[no-any-return] # what the function returns

    return calling


def remote_async(
    function: Callable[P, R],
    *,
    remote_timeout: float | None = None,
    trust_server: bool | None = None,
) -> Callable[Concatenate[Address, P], RemoteAsyncJobWrapper[R]]:
    """``remote_async(f)(address, ...)`` is ``remote_async_f(address, ...)`` with the types of ``f``."""
    target = target_of(function)
    options = {"remote_timeout": remote_timeout, "trust_server": trust_server}

    def calling(address: Address, /, *args: P.args, **kwargs: P.kwargs) -> RemoteAsyncJobWrapper[R]:
        return call_async(target, address, args, {**kwargs, **options})

    return calling
