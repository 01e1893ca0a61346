"""A server that lives as long as a block, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hoplite.remote_enabler.server import close_connections

_STOP_S = 20.0


class ThrowAwayServer:
    """``address`` is what remote functions and clients take."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.address = url.partition("://")[2]
        self._log = log

    def __repr__(self) -> str:
        return f"<ThrowAwayServer at {self.address}>"

    def log_text(self) -> str:
        """The server's own log so far."""
        return self._log.read_text("utf-8", "replace")


@contextmanager
def throw_away_server(
    *options: str, environ: Mapping[str, str] | None = None
) -> Iterator[ThrowAwayServer]:
    """A server on a free port of 127.0.0.1, over an empty data directory, for the block.

    Its jobs find the modules that this process finds: they get its ``sys.path``.  ``options`` are those
    of ``hoplite-server``, ``environ`` is added to its environment.  At the end its jobs are killed.

    Raises RuntimeError, with its log, if it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="hoplite-", ignore_cleanup_errors=True) as folder:
        # A server that is root has jobs of other users in there.
        Path(folder).chmod(0o711)
        log = Path(folder, "server.log")
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [*_command(Path(folder, "data")), *options],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**_environ(), **(environ or {})},
                start_new_session=True,
            )
        try:
            yield ThrowAwayServer(_url(process, log), log)
        finally:
            _stop(process)
            close_connections()


def _command(data_dir: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "hoplite.cli.server", "--port", "0"),
        *("--data-dir", str(data_dir), "--stop-jobs", "--kill-grace", "1"),
    ]


def _environ() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HOPLITE_")}
    return kept | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}


def _url(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("hoplite serves "):
            return line.split()[2]
    process.wait(_STOP_S)
    said = log.read_text("utf-8", "replace")
    raise RuntimeError(f"hoplite-server did not start (exit code {process.returncode}):\n{said}")


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, 9)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
