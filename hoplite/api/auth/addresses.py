"""IP addresses as peers and proxies are compared."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network


@functools.lru_cache(maxsize=1024)
def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address; an IPv4 address written as IPv6 (``::ffff:127.0.0.1``) becomes IPv4, a zone
    (``%eth0``) is dropped; None for what is no address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(text: str) -> bool:
    """Whether it is an address of this machine that no other can reach."""
    address = parsed_address(text)
    return address is not None and address.is_loopback


class Networks:
    """A set of addresses and networks like ``10.0.0.0/8``."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._networks = [ip_network(text, strict=False) for text in texts]

    def __contains__(self, address: str) -> bool:
        parsed = parsed_address(address)
        return parsed is not None and any(parsed in network for network in self._networks)
