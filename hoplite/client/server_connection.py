"""Requests to one server: time-outs, repeats where they are harmless, errors as our own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, TypedDict, Unpack, cast

import msgspec
import requests

from hoplite.client.address import parse_address
from hoplite.client.answers import refusal
from hoplite.client.credentials import PLACES, find_credentials
from hoplite.client.failures import connection_error
from hoplite.client.job_info import JobInfo
from hoplite.client.patience import Patience
from hoplite.client.sessions import Sessions
from hoplite.exceptions import (
    ConnectionError,
    HopliteError,
    HostNotFoundError,
    NoAnswerError,
    NotAuthenticatedError,
    ShuttingDownError,
    StorageFullError,
    TlsError,
    UnavailableError,
)

_CONNECT_S = 10.0
_STREAM_SILENCE_S = 35.0
"""The server says that it is still there every 10 seconds."""


class ConnectionOptions(TypedDict, total=False):
    """What every client takes beside the address."""

    credentials: str | tuple[str, str]
    """A token, or a user and a password.  Else ``HOPLITE_TOKEN``, a netrc entry or the client's file."""
    verify: bool | str | os.PathLike[str]
    """With https: a file with the certificate to trust, or of its authority; False trusts any."""
    timeout_s: float
    """How long to wait for the answer to one request: 30."""
    retry_s: float
    """How long to ask again when the server is away or cannot now: 5."""
    reconnect_s: float
    """How long a wait, or an iterator, stays on when the server is away: 600."""


class ServerConnection:
    """May be used from any thread, and after a fork."""

    def __init__(
        self, address: str, port: int | str = 5000, **options: Unpack[ConnectionOptions]
    ) -> None:
        self.address = parse_address(address, port)
        self.timeout_s = options.get("timeout_s", 30.0)
        self.retry_s = options.get("retry_s", 5.0)
        self.reconnect_s = options.get("reconnect_s", 600.0)
        self._credentials = find_credentials(self.address, options.pop("credentials", None))
        self._verify = _verification(options.get("verify", True))
        self._sessions = Sessions(self._credentials, not self.address.is_loopback)

    def __repr__(self) -> str:
        return f"<ServerConnection to {self.address}>"

    def __getstate__(self) -> NoReturn:
        raise TypeError("a connection is not pickled, for its credentials: make one over there")

    def close(self) -> None:
        """Close what is idle; it can be used again."""
        self._sessions.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        retry_s: float | None = None,
        done_if_repeated: type[HopliteError] | None = None,
        **request: Any,
    ) -> requests.Response:
        """The answer, of a request that may be repeated without harm.

        ``done_if_repeated``: the error that a repeat is answered with if the first try, of which
        nothing was heard, has done it.  Raises what the server refused with, or
        :class:`~hoplite.exceptions.ConnectionError`.
        """
        patience = Patience(self.retry_s if retry_s is None else retry_s)
        unheard = False
        while True:
            answer = self.attempt(method, path, **request)
            if isinstance(answer, requests.Response):
                return answer
            if unheard and done_if_repeated and isinstance(answer, done_if_repeated):
                return requests.Response()
            unheard = unheard or isinstance(answer, NoAnswerError)
            if not may_pass(answer) or not patience.pause(_asked_pause_s(answer)):
                raise answer

    def value(self, method: str, path: str, key: str, **request: Any) -> Any:
        """What the answer to :meth:`ask` has under that key."""
        return self.decoded(self.ask(method, path, **request), key)[key]

    def job(self, method: str, path: str, **request: Any) -> JobInfo:
        """The job in the answer to :meth:`ask`."""
        return self.job_of(self.ask(method, path, **request))

    def job_of(self, answer: requests.Response) -> JobInfo:
        """The job in an answer."""
        return cast(JobInfo, self.decoded(answer, "job")["job"])

    def decoded(self, answer: requests.Response, key: str = "") -> Any:
        """Its JSON, an object with the key; raises HopliteError if it is something else."""
        try:
            told = msgspec.json.decode(answer.content)
        except ValueError:
            told = None
        if isinstance(told, dict) and (not key or key in told):
            return told
        said = answer.content[:200].decode(errors="replace")
        raise HopliteError(f"{self.address.url} is no hoplite server: it answered {said!r}")

    def attempt(
        self, method: str, path: str, *, answer_s: float | None = None, **request: Any
    ) -> requests.Response | HopliteError:
        """One try: the answer, or the error that says why there is none.

        It is not raised in here, so that it carries nothing of the request, with its
        credentials, along.
        """
        limit_s = self.timeout_s if answer_s is None else answer_s
        pid = os.getpid()
        session = self._sessions.take()
        try:
            answer = self._send(session, method, path, limit_s, request)
        except requests.RequestException as error:
            session.close()
            return connection_error(self.address, error, limit_s)
        except BaseException:
            session.close()
            raise
        self._sessions.give_back(session, pid)
        return answer if answer.ok and not answer.is_redirect else self._refusal(answer)

    @contextmanager
    def stream(
        self, path: str, params: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Iterator[requests.Response | HopliteError]:
        """The beginning of an answer that goes on, or why there is none.  Closed at the end."""
        session = self._sessions.take()
        request = {"params": params, "headers": headers, "stream": True}
        limit_s = max(self.timeout_s, _STREAM_SILENCE_S)
        answer: requests.Response | None = None
        try:
            try:
                answer = self._send(session, "GET", path, limit_s, request)
                problem = None if answer.ok else self._refusal(answer)
            except requests.RequestException as error:
                problem = connection_error(self.address, error, limit_s)
            yield problem or answer  # type: ignore[misc] # one of both is there
        finally:
            if answer is not None:
                answer.close()
            session.close()

    def _send(
        self,
        session: requests.Session,
        method: str,
        path: str,
        limit_s: float,
        request: Mapping[str, Any],
    ) -> requests.Response:
        return session.request(
            method,
            self.address.url + path,
            timeout=(min(_CONNECT_S, self.timeout_s), limit_s),
            verify=self._verify,
            allow_redirects=False,
            **request,
        )

    def _refusal(self, answer: requests.Response) -> HopliteError:
        url = answer.url.partition("?")[0]
        if answer.is_redirect:
            place = answer.headers["Location"]
            return HopliteError(f"{url} has moved to {place}: give the address of that server")
        oar_code = answer.headers.get("Hoplite-Error")
        error = refusal(url, answer.status_code, answer.content, oar_code)
        if isinstance(error, NotAuthenticatedError):
            source = self._credentials.source
            advice = (
                f"the credentials are from {source}" if source else f"no credentials: give {PLACES}"
            )
            return NotAuthenticatedError(f"{error} ({advice})")
        if isinstance(error, UnavailableError | StorageFullError):
            error.retry_after_s = _seconds(answer.headers.get("Retry-After"))  # type: ignore[misc] # the server's word for this once
        return error


def may_pass(error: HopliteError) -> bool:
    """Whether the same request may do better in a while."""
    if isinstance(error, ConnectionError):
        return not isinstance(error, TlsError | HostNotFoundError)
    return isinstance(error, UnavailableError | StorageFullError)


def _asked_pause_s(error: HopliteError) -> float:
    # Its successor, on the same address, may be there sooner than a stopping server can know.
    if isinstance(error, ShuttingDownError):
        return 0.0
    return float(getattr(error, "retry_after_s", 0.0))


def _seconds(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() else 0


def _verification(given: bool | str | os.PathLike[str]) -> bool | str:
    if given is True:
        # Read here, because the library looks only where it also looks for proxies.
        named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        return named or True
    return given if given is False else os.fspath(given)
