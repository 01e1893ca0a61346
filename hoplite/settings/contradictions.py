"""Settings that are right alone and wrong together, or that would let strangers in."""

from __future__ import annotations

import importlib.util
import ipaddress
import sys

from hoplite.exceptions import SettingError
from hoplite.settings.fields import Settings


def refuse_contradictions(settings: Settings) -> None:
    """Raises :class:`~hoplite.exceptions.SettingError` for the first that is found."""
    _check_proxies(settings)
    _check_tls(settings)
    _check_http(settings)
    _check_auth(settings)
    _check_address(settings)
    _check_queues(settings)


def is_loopback(host: str) -> bool:
    """Only this machine can reach it.  Names other than ``localhost`` are not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def tells_client_port(http: str) -> bool:
    """Whether an HTTP server hands on the client's port, by which the kernel is asked for the
    user at the other end."""
    return http != "granian"


def _check_proxies(settings: Settings) -> None:
    for text in settings.behind_proxy:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            raise SettingError(
                f"setting behind_proxy: {error}; right would be an address like 127.0.0.1 or a "
                "network like 10.0.0.0/8",
                field="behind_proxy",
            ) from None


def _check_tls(settings: Settings) -> None:
    if settings.tls_cert and not settings.tls_key:
        raise SettingError("tls_cert is set without tls_key: set both", field="tls_key")
    if settings.tls_key and not settings.tls_cert:
        raise SettingError("tls_key is set without tls_cert: set both", field="tls_cert")
    if settings.tls_cert and settings.http != "granian":
        raise SettingError(
            f'tls_cert needs http = "granian": {settings.http} has no TLS; '
            "pip install 'hoplite[granian]'",
            field="http",
        )


def _check_http(settings: Settings) -> None:
    if settings.http == "granian" and importlib.util.find_spec("granian") is None:
        raise SettingError(
            "http = \"granian\" needs the package granian: pip install 'hoplite[granian]'",
            field="http",
        )


def _check_auth(settings: Settings) -> None:
    if "proxy" in settings.auth and not settings.behind_proxy:
        raise SettingError(
            'auth "proxy" needs behind_proxy: the addresses whose '
            f"{settings.proxy_user_header} header is believed",
            field="behind_proxy",
        )
    if "proxy" in settings.auth and any(
        ipaddress.ip_network(text).prefixlen == 0 for text in settings.behind_proxy
    ):
        raise SettingError(
            f'auth "proxy" with behind_proxy {",".join(settings.behind_proxy)} would let everybody '
            "name themselves: list the proxy's own addresses",
            field="behind_proxy",
        )
    if settings.behind_proxy and set(settings.auth) == {"kernel"}:
        raise SettingError(
            'behind_proxy needs auth "users" or "proxy": the kernel names the proxy\'s account for '
            "everybody behind it",
            field="auth",
        )
    if (
        "kernel" in settings.auth
        and sys.platform == "linux"
        and not tells_client_port(settings.http)
    ):
        raise SettingError(
            f'auth "kernel" does not work with http = "{settings.http}", which does not tell the '
            'client\'s port: set auth to "users" or "proxy", or http to "waitress"',
            field="auth",
        )


def _check_queues(settings: Settings) -> None:
    names = [queue.partition("=")[0] for queue in settings.queues]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingError(f"setting queues names {twice} twice: once is right", field="queues")
    for name in ("default", "besteffort"):
        if name not in names:
            raise SettingError(
                f"setting queues has no queue {name}, into which jobs go by themselves: add "
                f"{name} and its priority, like {name}={0 if name == 'besteffort' else 2}",
                field="queues",
            )


def _check_address(settings: Settings) -> None:
    if is_loopback(settings.host):
        return
    if not {"users", "proxy"} & set(settings.auth):
        raise SettingError(
            f'host {settings.host} is reached from other machines, which needs auth "users" or '
            '"proxy"; or listen on 127.0.0.1',
            field="auth",
        )
    if not (settings.tls_cert or settings.behind_proxy or settings.insecure_http):
        raise SettingError(
            f"host {settings.host} is reached from other machines, where passwords and tokens can "
            "be read on the way: set tls_cert and tls_key, or behind_proxy, or insecure_http",
            field="insecure_http",
        )
