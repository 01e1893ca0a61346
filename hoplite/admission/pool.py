"""Warm children that run admission rules, for any number of threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import structlog

from hoplite.admission.child import Child, Died
from hoplite.admission.facts import CHANGEABLE, JobFacts, SiteFacts
from hoplite.admission.verdicts import Failure, Verdict, verdict_of
from hoplite.exceptions import UnavailableError
from hoplite.model.admission_rule import AdmissionRule

CHILDREN = 2
WAITING = 4
"""Submissions that may wait for a child that takes long.  More would leave no thread to answer
anything else."""

_LONG_S = 0.3
_TROUBLED_S = 2.0
"""So long after the loss of a child rules are taken for slow."""
_PATIENCE_S = 10.0
_LOOK_S = 0.05

Run = Callable[[Sequence[AdmissionRule], JobFacts, SiteFacts], Verdict]

log = structlog.get_logger("hoplite.admission")


class RulePool:
    """Children are started when they are first needed, and again when one is lost."""

    def __init__(self, seconds: float, memory_bytes: int) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._idle: list[Child] = []
        self._free = threading.Semaphore(CHILDREN)
        self._room = threading.Semaphore(CHILDREN + WAITING)
        self._began: dict[int, float] = {}
        self._lost_at = float("-inf")
        self._closed = False

    def run(self, rules: Sequence[AdmissionRule], job: JobFacts, site: SiteFacts) -> Verdict:
        """The rules in order over a job, in one go; ``rules`` is told from another by identity.

        Raises :class:`~hoplite.exceptions.UnavailableError` if too many others wait for rules that
        take long.
        """
        with self._child() as child:
            return run_in(child, rules, job, site)

    def check(self, text: str) -> Failure | None:
        """What is wrong with a rule, before it ever runs."""
        with self._child() as child:
            return check_in(child, text)

    @contextmanager
    def beside(self) -> Iterator[Run]:
        """As :meth:`run`, in a child beside the others, for what takes long."""
        children = [self._new()]

        def run(rules: Sequence[AdmissionRule], job: JobFacts, site: SiteFacts) -> Verdict:
            if not children[-1].lives:
                children.append(self._new())
            return run_in(children[-1], rules, job, site)

        try:
            yield run
        finally:
            for child in children:
                child.close()

    def become(self, seconds: float, memory_bytes: int) -> None:
        """Other limits, for what is run from now on."""
        if (seconds, memory_bytes) != (self._seconds, self._memory_bytes):
            self._seconds, self._memory_bytes = seconds, memory_bytes
            self._close_idle()

    def close(self) -> None:
        """May be called twice."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    @contextmanager
    def _child(self) -> Iterator[Child]:
        self._enter()
        try:
            with self._free:
                yield from self._taken()
        finally:
            self._room.release()

    def _enter(self) -> None:
        """Many may come at once: rules that are quick make room at once."""
        deadline = time.monotonic() + _PATIENCE_S
        while not self._room.acquire(timeout=_LOOK_S):
            if self._is_held_up() or time.monotonic() > deadline:
                raise UnavailableError(
                    "admission rules hold up too many submissions already; submit again later"
                )

    def _is_held_up(self) -> bool:
        now = time.monotonic()
        if now - self._lost_at < _TROUBLED_S:
            return True
        return any(now - began > _LONG_S for began in list(self._began.values()))

    def _taken(self) -> Iterator[Child]:
        child = self._warm()
        if child is None:
            child = self._new()
        else:
            # Of a new one it is not known how long it takes to be there.
            self._began[id(child)] = time.monotonic()
        try:
            yield child
        except BaseException:
            child.close()
            raise
        finally:
            self._began.pop(id(child), None)
        if child.lives and not self._closed:
            self._idle.append(child)
            return
        if not child.lives:
            self._lost_at = time.monotonic()
        child.close()

    def _warm(self) -> Child | None:
        while self._idle:
            try:
                child = self._idle.pop()
            except IndexError:
                return None
            if child.lives and child.limits == (self._seconds, self._memory_bytes):
                return child
            child.close()
        return None

    def _new(self) -> Child:
        return Child(self._seconds, self._memory_bytes)


def run_in(child: Child, rules: Sequence[AdmissionRule], job: JobFacts, site: SiteFacts) -> Verdict:
    """As :meth:`RulePool.run`; the child may be dead afterwards."""
    request: dict[str, Any] = {"job": job, "site": site}
    if child.knows is not rules:
        request["rules"] = [(rule.id, rule.rule) for rule in rules]
        request["may_set"] = CHANGEABLE
    try:
        answer = child.ask(request)
    except Died as died:
        log.warning("an admission rule was ended", rule=died.rule, why=died.why, user=job.user)
        return Verdict(failed=Failure(died.rule, died.why))
    child.knows = rules
    try:
        return verdict_of(answer)
    except (msgspec.ValidationError, KeyError, TypeError) as error:
        return Verdict(failed=Failure(0, f"its answer makes no sense: {error}"))


def check_in(child: Child, text: str) -> Failure | None:
    """As :meth:`RulePool.check`."""
    try:
        answer = child.ask({"check": text})
    except Died as died:
        return Failure(0, died.why)
    return msgspec.convert(answer["failed"], Failure) if "failed" in answer else None
