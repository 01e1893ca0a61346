"""Where a call is to run, and whether what comes from there may be unpickled."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import Unpack

from hoplite.client.address import parse_address
from hoplite.client.remote_job_manager import RemoteJobManager
from hoplite.client.server_connection import ConnectionOptions
from hoplite.remote_enabler.loopback import is_of_me_or_root

_KEPT = 16
_ENVIRONMENT = ("HOPLITE_TOKEN", "NETRC", "HOPLITE_CLIENT_CONFIG", "REQUESTS_CA_BUNDLE")


class Server:
    """A server to call, with more said of it than its address.

    Give it in place of the address: ``remote_f(Server("https://build", trust_server=True), 1)``.
    ``options`` are those of :class:`~hoplite.client.ConnectionOptions`.

    ``trust_server``: unpickle what it answers, which lets it run any code here.  Over loopback that is
    so without asking, if the server belongs to root or to this account; elsewhere only with
    ``https`` and its certificate verified, because otherwise nobody knows whose answer it is:
    ValueError.  Without trust, results must be JSON.
    """

    def __init__(
        self,
        address: str,
        port: int | str = 5000,
        *,
        trust_server: bool = False,
        **options: Unpack[ConnectionOptions],
    ) -> None:
        self.address = parse_address(address, port)
        self.trust_server = trust_server
        verified = self.address.scheme == "https" and options.get("verify", True) is not False
        if trust_server and not verified and not self.address.is_loopback:
            raise ValueError(
                f"trust_server: {self.address.url} cannot be known to be who answers; give its "
                "address with https://, and do not turn verify off"
            )
        self.manager = RemoteJobManager(address, port, **options)

    def __repr__(self) -> str:
        return f"<Server {self.address}{', trusted' if self.trust_server else ''}>"

    @property
    def may_be_unpickled(self) -> bool:
        """Whether what it answers may."""
        if self.trust_server:
            return True
        return self.address.is_loopback and is_of_me_or_root(self.address.host, self.address.port)

    def close(self) -> None:
        """Close the idle connections; it can be used again."""
        self.manager.close()


Address = str | Server
"""``host``, ``host:port``, ``[IPv6]:port``, a URL, or a :class:`Server`."""


class _Servers:
    """Those that were named by an address, so that connections are kept from call to call."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str | None, ...], Server] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, address: str, trust_server: bool) -> Server:
        # What is read when a connection is made counts as part of its name.
        key = (address, str(trust_server), *map(os.environ.get, _ENVIRONMENT))
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                found = self._kept[key] = Server(address, trust_server=trust_server)
            self._kept.move_to_end(key)
            dropped = self._kept.popitem(last=False)[1] if len(self._kept) > _KEPT else None
        if dropped is not None:
            dropped.close()
        return found

    def forget(self, server: Server) -> None:
        """Make it anew when it is named again."""
        with self._lock:
            for key in [key for key, kept in self._kept.items() if kept is server]:
                del self._kept[key]

    def clear(self) -> None:
        with self._lock:
            kept, self._kept = self._kept, OrderedDict()
        for server in kept.values():
            server.close()


_servers = _Servers()


def server_at(address: Address, trust_server: bool | None = None) -> Server:
    """The server that ``address`` names."""
    if isinstance(address, Server):
        if trust_server is None or trust_server == address.trust_server:
            return address
        raise ValueError("trust_server: it is said by the Server already")
    if not isinstance(address, str):
        raise TypeError(
            "the first argument of a remote call is the address of a server, not "
            f"{type(address).__name__}"
        )
    return _servers.of(address, bool(trust_server))


def forget_credentials(server: Server) -> None:
    """It does not take them: the next call looks for them again."""
    _servers.forget(server)


def close_connections() -> None:
    """Close the idle connections to the servers that were named by their addresses."""
    _servers.clear()


if hasattr(os, "register_at_fork"):

    def _new_lock() -> None:
        # Another thread of the parent may have held it.
        _servers._lock = threading.Lock()

    os.register_at_fork(after_in_child=_new_lock)
