"""A server whose files are asked for."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pwd
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import psutil
import pytest

from hoplite.accounts import AccountStore
from hoplite.data_directory import ACCOUNTS_FILE, prepare
from hoplite.model.caller import Role
from tests.oar.golden import PASSWORD, USERS
from tests.server.process import ServerProcess

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
NOBODY = "nobody"
SERVERS = "root" if os.geteuid() == 0 else NOBODY
"""A caller for whom the server acts with its own account."""
OCTETS = {"Content-Type": "application/octet-stream"}
ACCOUNTS = {**USERS, NOBODY: Role.USER, "daemon": Role.USER, "root": Role.ADMIN, "bin": Role.READER}


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)


class MediaServer(ServerProcess):
    """Requests go out as they are written, dots and slashes too."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        super().__init__(data_dir, "--auth", "users", *options)
        prepare(data_dir)
        with AccountStore(data_dir / ACCOUNTS_FILE) as accounts:
            for name, role in ACCOUNTS.items():
                accounts.add_user(name, role, PASSWORD)

    def connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def media(
        self,
        method: str,
        path: str | bytes | Path,
        by: str = SERVERS,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        query: str = "",
    ) -> Answer:
        """The answer at ``/oarapi-priv/media<path>``."""
        given = bytes(path) if isinstance(path, Path) else path
        address = "/oarapi-priv/media" + quote(given, safe="/~") + query
        # Errors in JSON, unless the test wants them otherwise.
        sent = {
            "Accept": "application/json",
            "Authorization": self.authorization(by),
            **(headers or {}),
        }
        connection = self.connect()
        connection.request(method, address, body, sent)
        response = connection.getresponse()
        answer = Answer(response.status, dict(response.getheaders()), response.read())
        connection.close()
        return answer

    @staticmethod
    def authorization(by: str = SERVERS) -> str:
        return "Basic " + b64encode(f"{by}:{PASSWORD}".encode()).decode()

    def keepers(self) -> list[int]:
        """The processes that file operations are forked from."""
        found = []
        for each in psutil.Process(self.pid).children():
            with contextlib.suppress(psutil.Error):
                if "hoplite.files.keeper" in each.cmdline():
                    found.append(each.pid)
        return found

    def names(self, path: str | Path, by: str = SERVERS) -> list[str]:
        """What ``GET /media/ls`` lists."""
        answer = self.media("GET", f"/ls{path}", by)
        assert answer.status == 200, answer.body
        return [each["name"] for each in answer.said["items"]]


def entries(directory: Path) -> list[bytes]:
    """The names in a directory, which need not be text."""
    return sorted(each.name for each in os.scandir(bytes(directory)))


def owned_by(name: str, directory: Path) -> Path:
    """``directory``, made, that belongs to an account, if the tests run as root."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        account = pwd.getpwnam(name)
        os.chown(directory, account.pw_uid, account.pw_gid)
        for above in directory.parents:
            if above.owner() == "root" and above.name.startswith("pytest"):
                above.chmod(0o711)
    return directory
