"""The server that is measured: a real one, on a disk, with the benchmarks' plugins."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.server.process import ServerProcess

PLUGINS = Path(__file__).with_name("plugins")


def new_server(directory: Path, *options: str) -> ServerProcess:
    """Not started yet; its data is in ``directory / "data"``."""
    path = os.pathsep.join(filter(None, [str(PLUGINS), os.environ.get("PYTHONPATH", "")]))
    # As after an installation: plugins are compiled once, not in every job.
    environ = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""}
    return ServerProcess(directory / "data", *options, environ=environ)


@contextlib.contextmanager
def a_server(*options: str) -> Iterator[ServerProcess]:
    """A started one with no jobs, in a temporary directory.

    Name a directory on the disk to measure by ``TMPDIR`` where ``/tmp`` is memory.
    """
    with tempfile.TemporaryDirectory(prefix="hoplite-benchmark-") as directory:
        server = new_server(Path(directory), *options)
        try:
            server.start()
            assert server.url, server.log_text()
            yield server
        finally:
            server.close()
