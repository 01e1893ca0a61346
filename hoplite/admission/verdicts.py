"""What rules said of a job.  No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from hoplite.admission.facts import JobFacts, Unusable, read_facts


class Refusal(msgspec.Struct, frozen=True):
    """A rule said no."""

    rule: int
    message: str
    field: str | None
    """The option that is to blame."""
    may: bool
    """False: it is who submits that may not; true: it is what was submitted."""


class Failure(msgspec.Struct, frozen=True):
    """A rule could not be run to its end."""

    rule: int
    error: str
    line: int | None = None
    column: int | None = None

    @property
    def why(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line is not None else ""
        return where + self.error


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """``job`` is None if it is refused, or a rule failed."""

    job: JobFacts | None = None
    said: tuple[str, ...] = ()
    steps: tuple[tuple[int, Any], ...] = ()
    """The job, unchecked, as it was after each rule that changed something."""
    refused: Refusal | None = None
    failed: Failure | None = None


def verdict_of(answer: dict[str, Any]) -> Verdict:
    """From what the child answered."""
    said, steps = tuple(answer["said"]), tuple((number, job) for number, job in answer["steps"])
    if "refused" in answer:
        return Verdict(said=said, refused=msgspec.convert(answer["refused"], Refusal))
    if "failed" in answer:
        return Verdict(said=said, failed=msgspec.convert(answer["failed"], Failure))
    try:
        return Verdict(said=said, steps=steps, job=read_facts(answer["job"]))
    except Unusable as error:
        return Verdict(said=said, failed=Failure(first_to_blame(steps, read_facts), str(error)))


def first_to_blame(steps: Iterable[tuple[int, Any]], use: Callable[[Any], object]) -> int:
    """The rule after which ``use`` raised :class:`Unusable` for the first time; 0: there is none."""
    for rule, job in steps:
        try:
            use(job)
        except Unusable:
            return rule
    return 0
