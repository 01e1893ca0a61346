"""The engines that the conformance suite runs over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from hoplite.execution.local.executor import LocalExecutor
from hoplite.execution.local.job_files import JobFiles
from hoplite.execution.protocol import Executor
from tests.execution.recording import PLUGINS


class Engine(Protocol):
    """How the suite gets executors of one kind."""

    data_dir: Path

    def make(self) -> Executor:
        """Another executor over the same data, not opened."""
        ...

    def host(self) -> list[str]:
        """Arguments for ``python -m tests.execution.host`` that make one."""
        ...

    def has_claim(self, job_id: int) -> bool:
        """Whether the job was ever taken by a process."""
        ...


class LocalEngine:
    """Processes of this machine."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def make(self) -> LocalExecutor:
        return LocalExecutor(self.data_dir)

    def host(self) -> list[str]:
        return [str(self.data_dir)]

    def has_claim(self, job_id: int) -> bool:
        return JobFiles.of(self.data_dir, job_id).claims() > 0


ENGINES = {"local": LocalEngine}


def plugin_path(*more: Path) -> str:
    """A PYTHONPATH on which jobs find the test plugins."""
    here = [str(PLUGINS), *map(str, more)]
    return os.pathsep.join([*here, *filter(None, [os.environ.get("PYTHONPATH")])])
