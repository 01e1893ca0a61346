"""Who a client says it is: an argument, ``HOPLITE_TOKEN``, a netrc entry, or the client's file.

The first of them that there is counts.  A secret is in no ``repr``.
"""

from __future__ import annotations

import base64
import netrc
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs
from requests import PreparedRequest
from requests.auth import AuthBase

from hoplite.client.address import ServerAddress
from hoplite.exceptions import CredentialsError

PLACES = "credentials=, HOPLITE_TOKEN, a netrc entry, or the client's file"
_TOKEN_PREFIX = "hop_"


@dataclass(frozen=True)
class Credentials(AuthBase):
    """A token, or a user with a password; without either, nothing is sent."""

    source: str = ""
    """Where they are from, for messages; empty: there are none."""
    user: str | None = None
    secret: str = field(default="", repr=False)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if self.secret or self.user is not None:
            request.headers["Authorization"] = self._header()
        return request

    def _header(self) -> str:
        if self.user is None or self.secret.startswith(_TOKEN_PREFIX):
            return f"Bearer {self.secret}"
        return f"Basic {base64.b64encode(f'{self.user}:{self.secret}'.encode()).decode()}"


def find_credentials(
    address: ServerAddress, given: str | tuple[str, str] | None = None
) -> Credentials:
    """What to say to the server at ``address``.

    Raises :class:`~hoplite.exceptions.CredentialsError` if some are kept for it that cannot be used.
    """
    if given is not None:
        return _of_argument(given)
    if token := os.environ.get("HOPLITE_TOKEN", "").strip():
        return _token("HOPLITE_TOKEN", token)
    return _of_netrc(address) or _of_file(address) or Credentials()


def _of_argument(given: str | tuple[str, str]) -> Credentials:
    if isinstance(given, str):
        return _token("credentials=", given.strip())
    user, password = given
    return Credentials("credentials=", user, password)


def _token(source: str, token: str) -> Credentials:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialsError(f"what {source} gives is no token; tokens look like hop_1_...")
    return Credentials(source, None, token)


def _of_netrc(address: ServerAddress) -> Credentials | None:
    # Other programs' entries, and what is wrong with them, are not our matter.
    try:
        path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
        if address.host not in path.read_text("utf-8"):
            return None
    except (OSError, ValueError, RuntimeError):
        return None
    try:
        entry = netrc.netrc(str(path)).hosts.get(address.host)
    except netrc.NetrcParseError as error:
        raise CredentialsError(f"{path} cannot be read: line {error.lineno} is wrong") from None
    if entry is None:
        return None
    _check_closed(path)
    login, account, password = entry
    return Credentials(str(path), login or account or "", password or "")


def _file_text() -> tuple[Path, str | None]:
    """The client's file: ``HOPLITE_CLIENT_CONFIG``, or ``client.toml`` in the user's own place."""
    named = os.environ.get("HOPLITE_CLIENT_CONFIG")
    path = (
        Path(named).expanduser()
        if named
        else platformdirs.user_config_path("hoplite", appauthor=False) / "client.toml"
    )
    try:
        return path, path.read_text("utf-8")
    except (OSError, ValueError) as error:
        # A place that is closed to this user, as of a service without a home, is not the user's own.
        if named or not isinstance(error, OSError):
            raise CredentialsError(f"{path} cannot be read: {type(error).__name__}") from None
        return path, None


def _of_file(address: ServerAddress) -> Credentials | None:
    path, text = _file_text()
    if text is None:
        return None
    _check_closed(path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CredentialsError(f"{path} is no TOML: {_place(error)}") from None
    servers = tables.pop("servers", {})
    if tables or not isinstance(servers, dict):
        raise CredentialsError(f'{path} has tables [servers."host:port"] and nothing else')
    for name in (address.netloc, address.host):
        if name in servers:
            return _of_entry(path, name, servers[name])
    return None


def _place(error: tomllib.TOMLDecodeError) -> str:
    # The rest of the message may quote what is written there.
    return str(error).rpartition("(")[2].rstrip(")") or "somewhere"


def _of_entry(path: Path, name: str, entry: Any) -> Credentials:
    keys = set(entry) if isinstance(entry, dict) else set()
    if keys not in ({"token"}, {"user", "password"}) or not all(
        isinstance(value, str) for value in entry.values()
    ):
        raise CredentialsError(
            f"{path}: the entry of {name} needs either token or user and password, as strings"
        )
    if "token" in keys:
        return _token(str(path), entry["token"])
    return Credentials(str(path), entry["user"], entry["password"])


def _check_closed(path: Path) -> None:
    """Refuse what others can read or have written."""
    if os.name != "posix":
        return
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise CredentialsError(f"{path} holds credentials and belongs to another user")
    if found.st_mode & 0o077:
        raise CredentialsError(f"{path} holds credentials and is open to others: chmod 600 {path}")
