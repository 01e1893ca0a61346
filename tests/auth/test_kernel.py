"""Kernel identity, by real connections of real users."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
from ipaddress import ip_address

import pytest

from hoplite.api.auth.addresses import Networks
from hoplite.api.auth.kernel import KernelAuthenticator
from hoplite.api.auth.socket_owner import Connection, Netlink, find_in_proc, owner_of
from hoplite.model.caller import Caller, Role
from tests.auth.connections import Ends, connected
from tests.auth.environs import environ

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")

ME = pwd.getpwuid(os.geteuid()).pw_name
NOBODY = pwd.getpwnam("nobody")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def kernel(**changes: object) -> KernelAuthenticator:
    given: dict[str, object] = {
        "admins": (),
        "submitters": (),
        "is_root": False,
        "own_uid": os.geteuid(),
        **changes,
    }
    return KernelAuthenticator(**given)  # type: ignore[arg-type] # each test changes one


def connection(ends: Ends) -> Connection:
    host, port = ends.client.getsockname()[:2]
    server, server_port = ends.client.getpeername()[:2]
    client_address, server_address = ip_address(host), ip_address(server)
    return Connection(
        getattr(client_address, "ipv4_mapped", None) or client_address,
        port,
        getattr(server_address, "ipv4_mapped", None) or server_address,
        server_port,
    )


LOOPBACKS = pytest.mark.parametrize(
    ("host", "to"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "127.8.9.10"),
        ("::1", "::1"),
        ("::", "::1"),
        ("::", "127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("::", "::ffff:127.0.0.1"),
    ],
)


@LOOPBACKS
def test_the_servers_own_user_is_administrator(host: str, to: str) -> None:
    with connected(host, to) as ends:
        assert kernel().identify(ends.environ()) == Caller(ME, Role.ADMIN, "kernel")


@LOOPBACKS
def test_both_ways_to_ask_find_the_same_socket(host: str, to: str) -> None:
    with connected(host, to) as ends:
        netlink = Netlink()
        try:
            asked = netlink.find(connection(ends))
        finally:
            netlink.close()
        assert asked is not None
        assert asked == find_in_proc(connection(ends))
        assert asked.inode == os.fstat(ends.client.fileno()).st_ino


def test_a_client_that_has_closed_its_end_is_unknown() -> None:
    """The kernel reports the remains of its socket as root's."""
    with connected() as ends:
        request = ends.environ()
        ends.client.close()
        assert kernel().identify(request) is None


def test_a_client_that_has_ended_its_request_is_still_known() -> None:
    with connected() as ends:
        ends.client.shutdown(socket.SHUT_WR)
        assert kernel().identify(ends.environ()) == Caller(ME, Role.ADMIN, "kernel")


def test_a_listening_socket_on_the_clients_port_is_not_the_client() -> None:
    """Netlink falls back to it where there is no such connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        host = ip_address("127.0.0.1")
        assert owner_of(Connection(host, listening.getsockname()[1], host, 9)) is None


def test_a_connection_that_does_not_exist_has_no_owner_in_proc() -> None:
    host = ip_address("127.0.0.1")
    assert find_in_proc(Connection(host, 1, host, 2)) is None


@pytest.mark.parametrize("missing", ["REMOTE_PORT", "hoplite.local_address"])
def test_nobody_is_known_where_the_server_does_not_tell_the_ends(missing: str) -> None:
    with connected() as ends:
        request = ends.environ()
        del request[missing]
        assert kernel().identify(request) is None


def test_other_machines_are_unknown() -> None:
    assert kernel().identify(environ("192.0.2.7")) is None


def test_everybody_behind_a_proxy_is_not_the_proxys_user() -> None:
    with connected() as ends:
        assert kernel(proxies=Networks(["127.0.0.1"])).identify(ends.environ()) is None


def identified_as_nobody(authenticator: KernelAuthenticator) -> Caller | None:
    """Who a client run by the user nobody is."""
    program = (
        "import socket, sys\n"
        "with socket.create_connection(('127.0.0.1', int(sys.argv[1]))) as s: s.recv(1)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = subprocess.Popen(
            ["/usr/bin/env", "python3", "-c", program, str(listening.getsockname()[1])],
            user=NOBODY.pw_uid,
            group=NOBODY.pw_gid,
            extra_groups=[],
            cwd="/",
        )
        try:
            listening.settimeout(20)
            server, _ = listening.accept()
            with server:
                caller = authenticator.identify(Ends(server, server).environ())
        finally:
            client.wait(20)
        return caller


@as_root
def test_another_user_is_a_reader_where_jobs_run_as_the_server() -> None:
    caller = identified_as_nobody(kernel(own_uid=12345))
    assert caller == Caller("nobody", Role.READER, "kernel")


@as_root
def test_another_user_may_submit_where_the_server_is_root() -> None:
    caller = identified_as_nobody(kernel(is_root=True))
    assert caller == Caller("nobody", Role.USER, "kernel")


@as_root
def test_those_listed_may_submit_or_administer() -> None:
    submitter = identified_as_nobody(kernel(submitters=["nobody"]))
    assert submitter == Caller("nobody", Role.USER, "kernel")
    administrator = identified_as_nobody(kernel(admins=["nobody"]))
    assert administrator == Caller("nobody", Role.ADMIN, "kernel")


@as_root
def test_a_uid_without_a_name_is_told_by_number() -> None:
    """No user can have this name: a colon separates the fields of the user database."""
    with connected() as ends:
        os.fchown(ends.client.fileno(), 54321, -1)
        caller = kernel(is_root=True).identify(ends.environ())
        assert caller == Caller("uid:54321", Role.USER, "kernel")
