"""Changes that are in flight together share one write.

The first caller to come leads: it writes what is waiting, its own included, and on leaving makes
the longest waiting caller the next leader.  There is no writer thread, so a lone caller writes at
once, without a change of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from hoplite.journal.changes import AnyChange


class Ticket:
    """One call of ``commit``: all of ``changes`` or none.  ``error`` is what became of it."""

    __slots__ = ("changes", "error", "leads", "settled", "turn")

    def __init__(self, changes: Sequence[AnyChange]) -> None:
        self.changes = changes
        self.error: BaseException | None = None
        self.settled = False
        self.leads = False
        self.turn = threading.Lock()
        self.turn.acquire()

    def settle(self, error: BaseException | None = None) -> None:
        self.error = error
        self.settled = True


class GroupCommit:
    """``write`` gets the waiting tickets, in order, and settles each; one call at a time."""

    def __init__(self, write: Callable[[Sequence[Ticket]], None]) -> None:
        self._write = write
        self._mutex = threading.Lock()
        self._waiting: list[Ticket] = []
        self._led = False

    def commit(self, changes: Sequence[AnyChange]) -> None:
        """Returns when the changes are written; raises what their ticket was settled with."""
        ticket = Ticket(changes)
        with self._mutex:
            self._waiting.append(ticket)
            ticket.leads = not self._led
            self._led = True
        if not ticket.leads:
            self._wait(ticket)
        if ticket.leads:
            self._lead()
        if ticket.error is not None:
            raise ticket.error

    def _wait(self, ticket: Ticket) -> None:
        """Until the ticket is settled or leads."""
        try:
            ticket.turn.acquire()
        except BaseException:
            # A signal handler raised in here; the others must not wait for a leader who left.
            with self._mutex:
                if ticket in self._waiting:
                    self._waiting.remove(ticket)
                heir = self._appoint() if ticket.leads else None
            if heir is not None:
                heir.turn.release()
            raise

    def _lead(self) -> None:
        with self._mutex:
            batch, self._waiting = self._waiting, []
        try:
            self._write(batch)
        except BaseException as error:
            for ticket in batch:
                if not ticket.settled:
                    ticket.settle(error)
            raise
        finally:
            with self._mutex:
                heir = self._appoint()
            if heir is not None:
                heir.turn.release()
            for ticket in batch:
                ticket.turn.release()

    def _appoint(self) -> Ticket | None:
        """Make the first who waits the leader; call with the mutex held."""
        if not self._waiting:
            self._led = False
            return None
        self._waiting[0].leads = True
        return self._waiting[0]
