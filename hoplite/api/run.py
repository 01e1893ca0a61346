"""Running the server: what ``hoplite-server`` does."""

from __future__ import annotations

import json
import shutil
import sys

import structlog
from flask import Flask

from hoplite.api.factory import Hoplite
from hoplite.api.serving import serve
from hoplite.data_directory import allowed_mode, prepare
from hoplite.server_log import set_level, set_up_logging
from hoplite.settings import Loaded, Settings
from hoplite.settings.configuration import Configuration

log = structlog.get_logger("hoplite")

_AUTH_WORDS = {
    "kernel": "the Unix user at the other end of a loopback connection, asked of the kernel",
    "users": "passwords and tokens (hoplite-server user add, hoplite-server token create)",
    "proxy": "the header {header} from {proxies}",
}


def run(loaded: Loaded) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises :class:`~hoplite.exceptions.SettingError` if the address cannot be had, and
    :class:`~hoplite.exceptions.StorageUnavailableError` if the data directory cannot.
    """
    settings = loaded.settings
    set_up_logging(settings)
    prepare(settings.data_dir)
    _warn_of_open_directory(settings)
    server = _Server(loaded)
    serve(server.load, settings, on_listening=server.announce, on_stop=server.stop_taking_work)
    server.close()


def _warn_of_open_directory(settings: Settings) -> None:
    mode = settings.data_dir.stat().st_mode & 0o777
    if mode & ~allowed_mode():
        log.warning(
            "the data directory is open to others",
            directory=str(settings.data_dir), mode=f"{mode:04o}", right=f"{allowed_mode():04o}",
        )  # fmt: skip


class _Server:
    """One server, in the process that answers requests (with granian, a worker)."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._settings = loaded.settings
        self._hoplite: Hoplite | None = None

    def load(self) -> Flask:
        configuration = Configuration.of(self._loaded)
        configuration.subscribe(set_level)
        hoplite = Hoplite(configuration)
        if self._settings.http == "granian":
            hoplite.report_to_listener()
        hoplite.open()
        self._hoplite = hoplite
        return hoplite.app

    def announce(self, url: str) -> None:
        assert self._hoplite is not None
        if self._settings.http == "waitress":
            self._hoplite.manager.serve_at(url)
        self._hoplite.lock.announce(url)
        print(banner(self._settings, url), file=sys.stdout, flush=True)

    def stop_taking_work(self) -> None:
        if self._hoplite is not None:
            self._hoplite.manager.begin_stop()
            if self._settings.http == "granian":
                self.close()

    def close(self) -> None:
        if self._hoplite is not None:
            self._hoplite.close()


def banner(settings: Settings, url: str) -> str:
    """What the server says when it listens."""
    ways = [
        _AUTH_WORDS[mode].format(
            header=settings.proxy_user_header, proxies=", ".join(settings.behind_proxy)
        )
        for mode in settings.auth
    ]
    lines = [
        f"hoplite serves {url}",
        f"  data       {settings.data_dir}",
        f"  who is it  {'; or '.join(ways)}",
        f"  try        {_curl_line(settings, url)}",
    ]
    if shutil.which("curl") is None:
        lines[-1] += "   (curl is not installed here)"
    return "\n".join(lines)


def _curl_line(settings: Settings, url: str) -> str:
    job = {
        "name": "hoplite.plugins.shell_command",
        "config": {"command": "echo hello"},
        "run": True,
    }
    who = "-u NAME " if set(settings.auth) == {"users"} else ""
    return f"curl {who}{url}/jobs -d '{json.dumps(job)}'"
