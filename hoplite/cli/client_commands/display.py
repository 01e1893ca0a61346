"""Where the output and the progress of a job go."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from hoplite.cli.client_commands.output import progress_parts, progress_text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_STEPS = 10


class Display(Protocol):
    """Used by several threads."""

    def write(self, stream: str, text: str) -> None:
        """What the job printed to ``stdout`` or ``stderr``."""

    def progress(self, reported: object) -> None:
        """What the job reported as its progress."""

    def note(self, text: str) -> None:
        """A line that is not the job's."""

    def held(self) -> contextlib.AbstractContextManager[None]:
        """Within it nothing is shown; what comes meanwhile waits."""

    def close(self) -> None:
        """After this nothing is shown any more."""


def display(name: str, *, aside: bool) -> Display:
    """A bar where standard error is a terminal, else plain lines.

    ``name`` begins the notes; ``aside``: the job's standard output goes to standard error.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # What this terminal cannot show must not end the following.
            stream.reconfigure(errors="replace")
    kind = BarDisplay if sys.stderr.isatty() else PlainDisplay
    return kind(name, aside=aside)


class PlainDisplay:
    """The job's output as it is; progress as a line now and then."""

    def __init__(self, name: str, *, aside: bool) -> None:
        self._name = name
        self._aside = aside
        self._lock = threading.Lock()
        self._closed = False
        self._step = -1

    def write(self, stream: str, text: str) -> None:
        with self._lock:
            if not self._closed:
                self._write(stream, text)

    def _write(self, stream: str, text: str) -> None:
        out = sys.stdout if stream == "stdout" and not self._aside else sys.stderr
        out.write(text)
        out.flush()

    def progress(self, reported: object) -> None:
        parts = progress_parts(reported)
        if parts is None:
            return
        step = int(parts[0] / parts[1] * _STEPS)
        if step != self._step:
            self._step = step
            self.note(f"progress {progress_text(reported)}")

    def note(self, text: str) -> None:
        self.write("stderr", f"{self._name}: {' '.join(text.split())}\n")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        with self._lock:
            self._stop()
            yield

    def _stop(self) -> None:
        """Leave the terminal to others."""

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._stop()


class BarDisplay(PlainDisplay):
    """A bar below the output, as soon as the job reports progress; it goes when the job ends."""

    def __init__(self, name: str, *, aside: bool) -> None:
        super().__init__(name, aside=aside)
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def progress(self, reported: object) -> None:
        parts = progress_parts(reported)
        if parts is None:
            return
        done, total, text = parts
        with self._lock:
            if self._closed:
                return
            bar, task = self._started()
            bar.update(task, completed=done, total=total, description=text)

    def _started(self) -> tuple[Progress, TaskID]:
        if self._bar is None or self._task is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

            self._bar = Progress(
                BarColumn(),
                TaskProgressColumn(),
                # What a job says is no markup.
                TextColumn("{task.description}", markup=False),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=sys.stdout.isatty(),
            )
            self._task = self._bar.add_task("", total=None)
            self._bar.start()
        return self._bar, self._task

    def _stop(self) -> None:
        if self._bar is not None:
            for stream in (sys.stdout, sys.stderr):
                # The beginning of a line, which waits for its end.
                stream.flush()
            self._bar.stop()
            self._bar = None
