"""Where the server learns which plugins there are.

A :class:`PluginSource` is done when it passes ``tests/conformance/test_plugin_source.py``.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import msgspec

from hoplite.exceptions import InternalServerError

DISCOVERY = Path(__file__).with_name("discovery.py")


class Plugin(msgspec.Struct, frozen=True, kw_only=True):
    """One installed plugin.  ``doc`` is the docstring of its ``run``, if it could be read."""

    name: str
    entry_point: str
    """``package.module`` or ``package.module:attribute``."""
    package: str
    """The name of the distribution that it came with."""
    version: str
    doc: str | None = None


class PluginSource(Protocol):
    """All methods may be called from any thread; what they return does not change later."""

    def plugins(self) -> Mapping[str, Plugin]:
        """By name, in the order of the names, as of the last reload."""
        ...

    def paths(self) -> list[str]:
        """Where packages are looked for, in order."""
        ...

    def problems(self) -> list[str]:
        """What is wrong with the packages, in words."""
        ...

    def reload(self) -> None:
        """See what was installed, upgraded or removed before this call.

        Raises :class:`~hoplite.exceptions.InternalServerError` and keeps what was known before if
        it cannot be found out.
        """
        ...


class Found(msgspec.Struct, frozen=True):
    """What one run of the discovery printed."""

    plugins: list[Plugin]
    paths: list[str]
    problems: list[str]


class EntryPointSource:
    """The plugins of an entry-point group, as a fresh interpreter sees them.

    Nothing is looked up before the first call.  ``timeout_s`` (seconds) bounds one look-up.
    """

    def __init__(
        self, group: str, *, python: str = sys.executable, timeout_s: float = 30.0
    ) -> None:
        self._command = [python, "-P", str(DISCOVERY), group]
        self._timeout_s = timeout_s
        self._found: Found | None = None
        self._plugins: Mapping[str, Plugin] = MappingProxyType({})
        self._lock = threading.Lock()
        self._begun = 0
        self._done = 0

    def plugins(self) -> Mapping[str, Plugin]:
        self._known()
        return self._plugins

    def paths(self) -> list[str]:
        return list(self._known().paths)

    def problems(self) -> list[str]:
        """In words: broken packages, and names that two packages give."""
        return list(self._known().problems)

    def reload(self) -> None:
        enough = self._begun + 1
        with self._lock:
            # Callers that waited while a look-up begun after their call ran are served by it.
            if self._done < enough:
                self._begun += 1
                self._look()
                self._done = self._begun

    def _known(self) -> Found:
        if self._found is None:
            self.reload()
        assert self._found is not None
        return self._found

    def _look(self) -> None:
        found = _run(self._command, self._timeout_s)
        self._plugins = MappingProxyType({plugin.name: plugin for plugin in found.plugins})
        self._found = found


def _run(command: Sequence[str], timeout_s: float) -> Found:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=True
        )
        # A .pth file or sitecustomize may print before us.
        return msgspec.json.decode(done.stdout.rstrip().rpartition(b"\n")[2], type=Found)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise InternalServerError(
            f"The installed plugins could not be listed: {error}{_last_words(error)}"
        ) from error


def _last_words(error: Exception) -> str:
    stderr = getattr(error, "stderr", None) or b""
    return "".join(f"; {line}" for line in stderr.decode(errors="replace").splitlines()[-1:])


class FixedSource:
    """Plugins that are given, for embedding and for tests; a reload changes nothing."""

    def __init__(self, plugins: Mapping[str, Plugin]) -> None:
        self._plugins = MappingProxyType(dict(sorted(plugins.items())))

    def plugins(self) -> Mapping[str, Plugin]:
        return self._plugins

    def paths(self) -> list[str]:
        return list(sys.path)

    def problems(self) -> list[str]:
        return []

    def reload(self) -> None:
        """There is nothing to look up."""
