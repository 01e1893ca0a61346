"""Why a request got no answer, as one of our errors, with advice."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import requests

from hoplite.client.address import ServerAddress
from hoplite.exceptions import ConnectionError, HostNotFoundError, NoAnswerError, TlsError

_PLAIN = "it speaks no TLS, perhaps: give its address with http://"


def connection_error(
    address: ServerAddress, error: BaseException, waited_s: float
) -> ConnectionError:
    """What ``error``, from the HTTP library, means; ``waited_s`` was the limit for the answer."""
    where = address.url
    causes = list(_causes(error))
    if isinstance(error, requests.exceptions.ProxyError):
        return ConnectionError(
            where,
            "the proxy that the environment names (HTTP_PROXY, HTTPS_PROXY) does not lead there:"
            f" name {address.host} in NO_PROXY to go without",
        )
    for cause in causes:
        if isinstance(cause, ssl.SSLError | requests.exceptions.SSLError):
            return TlsError(where, _tls(cause))
        if isinstance(cause, socket.gaierror):
            return HostNotFoundError(
                where, f"the host {address.host!r} is not known: check its spelling, or the DNS"
            )
    if any("handshake operation timed out" in str(cause) for cause in causes):
        return TlsError(where, f"no answer to the TLS handshake: {_PLAIN}")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return ConnectionError(
            where, "connection refused: is hoplite-server running there, and is this its port?"
        )
    if isinstance(error, requests.ConnectTimeout):
        return ConnectionError(where, "the host does not answer: a wrong address, or a firewall?")
    if any(isinstance(cause, TimeoutError | requests.ReadTimeout) for cause in causes):
        return NoAnswerError(
            where, f"no answer within {waited_s:g} s (timeout_s): is it overloaded?"
        )
    return NoAnswerError(where, f"it hung up without a whole answer ({_first_words(causes)})")


def _tls(error: BaseException) -> str:
    said = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        why = said.partition("certificate verify failed: ")[2].partition(" (_ssl")[0]
        return (
            f"its certificate is not trusted ({why or 'verification failed'}): give"
            " verify='path of the certificate or its authority' (--ca-file on the command line),"
            " and the name that it is made for"
        )
    if "WRONG_VERSION_NUMBER" in said or "record layer" in said or "UNKNOWN_PROTOCOL" in said:
        return _PLAIN
    return f"no secure connection ({type(error).__name__}): {said[:200]}"


def _first_words(causes: list[BaseException]) -> str:
    innermost = causes[-1]
    return f"{type(innermost).__name__}: {innermost}"[:200]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and all that it was made from: urllib3 keeps some in ``args`` and ``reason``."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]
