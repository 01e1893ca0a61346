"""Following a job: its output and progress as they come, until it has ended."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Literal

from hoplite.exceptions import HopliteError, TimeoutError, TooManyStreamsError

if TYPE_CHECKING:
    from hoplite.cli.client_commands.display import Display
    from hoplite.client import JobInfo, RemoteJob

_WAITS_S = 2.0
"""A job that has not begun by then is said to wait."""
_LAST_WORDS_S = 30.0
_AT_MOST_EVERY_S = 0.1
_AT_ONCE = 20
"""So many changes are shown as they come."""


class Following:
    """:meth:`until_it_ends` may be interrupted and called again."""

    def __init__(self, job: RemoteJob, display: Display) -> None:
        self._job = job
        self._display = display
        self._changes = 0
        self._ended = threading.Event()
        self._copying = [
            # Nobody waits for them when the program is interrupted.
            threading.Thread(target=self._copy, args=(stream,), daemon=True)
            for stream in ("stdout", "stderr")
        ]
        for thread in self._copying:
            thread.start()

    def until_it_ends(self) -> JobInfo:
        """The job as it ended; all of its output is shown by then."""
        info = self._begun()
        while not info["finished"]:
            info = self._job.wait_for_change()
            self._show(info)
        self._ended.set()
        for thread in self._copying:
            thread.join(_LAST_WORDS_S)
        return info

    def _begun(self) -> JobInfo:
        """The job once it is more than waiting; if that takes long, why is said."""
        info = self._job.info(force=True)
        deadline = time.monotonic() + _WAITS_S
        while info["started_at"] is None and not info["finished"]:
            try:
                info = self._job.wait_for_change(max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                self._display.note(f"job {info['id']} waits: {self._job.why()['message']}")
                break
        self._show(info)
        return info

    def _show(self, info: JobInfo) -> None:
        self._display.progress(info.get("progress"))
        self._changes += 1
        if self._changes > _AT_ONCE and not info["finished"]:
            time.sleep(_AT_MOST_EVERY_S)

    def _copy(self, stream: Literal["stdout", "stderr"]) -> None:
        try:
            self._copy_as_it_comes(stream)
        except HopliteError as error:
            self._display.note(f"the {stream} of the job cannot be shown: {error}")
        except OSError:
            # Whoever read it has seen enough.
            return

    def _copy_as_it_comes(self, stream: Literal["stdout", "stderr"]) -> None:
        shown = False
        try:
            for piece in self._job.follow_log(stream):
                shown = True
                self._display.write(stream, piece)
        except TooManyStreamsError:
            if shown:
                raise
            # The server lets no more follow: then all of it, when it is over.
            self._ended.wait()
            self._display.write(stream, self._job.log(stream))
