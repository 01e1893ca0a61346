"""A client on this machine is the Unix user that owns its end of the connection."""

from __future__ import annotations

import sys
from collections.abc import Collection

from hoplite.api.auth.addresses import Networks, is_loopback, parsed_address
from hoplite.api.auth.socket_owner import Connection, owner_of
from hoplite.api.auth.unix_users import UserNames, own_name
from hoplite.api.serving.environ import CONNECTION, SERVED_BY, Environ, local_address, peer
from hoplite.model.caller import Caller, Role

_UID = "uid"


class KernelAuthenticator:
    """Loopback clients by what the kernel says of their connection.

    The server's own user, root and ``admins`` are administrators.  Where the server is root every
    Unix user may submit, for jobs run as their owners; otherwise only ``submitters``, for whom jobs
    run under the server's account, and the others are readers.

    Connections from ``proxies`` are never identified: they would all be the proxy's user.  Where
    there is no such kernel (not Linux), every loopback client is the server's own user.
    """

    def __init__(
        self,
        *,
        admins: Collection[str],
        submitters: Collection[str],
        is_root: bool,
        own_uid: int | None,
        proxies: Networks | None = None,
    ) -> None:
        self._admins = frozenset(admins)
        self._submitters = frozenset(submitters)
        self._is_root = is_root
        self._own_uid = own_uid
        self._proxies = proxies or Networks(())
        self._names = UserNames()

    def identify(self, environ: Environ) -> Caller | None:
        host, port = peer(environ)
        if not is_loopback(host) or host in self._proxies:
            return None
        if sys.platform != "linux":
            return Caller(own_name(), Role.ADMIN, "kernel")
        uid = _owner(environ, host, port)
        if uid is None:
            return None
        name = self._names.name_of(uid)
        return Caller(name, self._role(uid, name), "kernel")

    def challenges(self) -> list[str]:
        """An answer 401 must offer something; no client can act on it but by coming over
        loopback."""
        return ['Unix-User realm="hoplite"']

    def _role(self, uid: int, name: str) -> Role:
        if uid in (0, self._own_uid) or name in self._admins:
            return Role.ADMIN
        if self._is_root or name in self._submitters:
            return Role.USER
        return Role.READER


def _owner(environ: Environ, host: str, port: int | None) -> int | None:
    """The uid at the client's end.  A socket keeps its owner, and a connection its two sockets, so
    the kernel is asked once for each connection; one that it does not know is asked for again."""
    known = environ.get(CONNECTION)
    if known is not None and _UID in known:
        uid: int = known[_UID]
        return uid
    connection = _connection(host, port, local_address(environ) or _likely_end(environ, host))
    found = None if connection is None else owner_of(connection)
    if known is not None and found is not None:
        known[_UID] = found
    return found


def _likely_end(environ: Environ, host: str) -> tuple[str, int] | None:
    """Under somebody else's server: who connects to a loopback address mostly does so from the same
    one.  Where that is wrong the kernel knows no such connection, and nobody is identified."""
    port = str(environ.get("SERVER_PORT", ""))
    return (host, int(port)) if environ.get(SERVED_BY) == "wsgi" and port.isdecimal() else None


def _connection(host: str, port: int | None, server: tuple[str, int] | None) -> Connection | None:
    if port is None or server is None:
        return None
    client_address, server_address = parsed_address(host), parsed_address(server[0])
    if client_address is None or server_address is None:
        return None
    if client_address.version != server_address.version:
        return None
    return Connection(client_address, port, server_address, server[1])
