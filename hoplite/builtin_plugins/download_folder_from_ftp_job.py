"""The plugin ``hoplite.plugins.download_folder_from_ftp_job``: a folder of an FTP server."""

from __future__ import annotations

import contextlib
import ftplib
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from hoplite.builtin_plugins.constants import DownloadFolderFromFtpJobConstants as Keys
from hoplite.builtin_plugins.ftp_download import Download
from hoplite.builtin_plugins.ftp_session import Place
from hoplite.builtin_plugins.reporting import Status
from hoplite.exceptions import InvalidFieldError

Value = TypeVar("Value")
_KEYS = frozenset(value for name, value in vars(Keys).items() if name.isupper())


def run(config: Mapping[str, Any], status: Status) -> None:
    """Download all that is in ``ftp_root`` into the folder ``dest_root``, which must be there.

    ``server_address`` ("localhost"), ``server_port`` (21), ``ftp_root`` ("/"), ``dest_root`` (the
    job's own directory), ``username``, ``password``; ``tls`` (false), ``ca_file``, ``resume`` (true),
    ``timeout_s`` (60), ``retries`` (5), ``encoding`` ("utf-8").  The status gets ``files``,
    ``bytes`` and ``skipped``, or ``error``.
    """
    place = _place(config)
    source = _value(config, Keys.FTP_ROOT, "/")
    dest = Path(_value(config, Keys.DEST_ROOT, "."))
    resume = _value(config, Keys.RESUME, True)
    retries = _value(config, Keys.RETRIES, 5)
    try:
        download = Download(place, status, resume=resume, retries=retries)
    except socket.gaierror as error:
        _fail(status, str(error), error)
    with contextlib.closing(download):
        try:
            download.enter(source)
        except ftplib.error_perm as error:
            _fail(status, f"Could not open the ftp directory: '{source}'", error)
        if not dest.is_dir():
            _fail(status, f"Local path does not exist: '{dest}'")
        totals = download.fill(source, dest)
    status.update_at_end(totals._asdict())


def _fail(status: Status, message: str, error: Exception | None = None) -> NoReturn:
    status.update_at_end({"error": message})
    raise (FileNotFoundError(message) if error is None else type(error)(message)) from error


def _place(config: Mapping[str, Any]) -> Place:
    unknown = sorted(map(str, config.keys() - _KEYS))
    if unknown:
        raise InvalidFieldError(
            f"config has no field '{unknown[0]}': {', '.join(sorted(_KEYS))} are known",
            field=f"config.{unknown[0]}",
        )
    port = _value(config, Keys.SERVER_PORT, 21)
    if not 0 < port < 65536:
        raise InvalidFieldError(
            f"config.server_port is {port}; ports are 1 to 65535", field="config.server_port"
        )
    return Place(
        _value(config, Keys.SERVER_ADDRESS, "localhost"),
        port,
        _value(config, Keys.USERNAME, ""),
        _value(config, Keys.PASSWORD, ""),
        _value(config, Keys.TIMEOUT_S, 60.0),
        _value(config, Keys.ENCODING, "utf-8"),
        _value(config, Keys.TLS, False),
        _value(config, Keys.CA_FILE, "") or None,
    )


def _value(config: Mapping[str, Any], key: str, default: Value) -> Value:
    value = config.get(key)
    if value is None:
        return default
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default):
        raise InvalidFieldError(
            f"config.{key} must be of the type of {default!r}", field=f"config.{key}"
        )
    return value
