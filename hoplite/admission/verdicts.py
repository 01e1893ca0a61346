"""What rules said of a job.  No I/O."""

from __future__ import annotations

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
    changed: dict[str, int] = {}
    """Keys of ``job`` that rules set, by the last rule that did."""
    refused: Refusal | None = None
    failed: Failure | None = None


def verdict_of(answer: dict[str, Any], before: JobFacts) -> Verdict:
    """From what the child answered."""
    said, by = tuple(answer["said"]), dict(answer["changed"])
    if "refused" in answer:
        return Verdict(said=said, changed=by, refused=msgspec.convert(answer["refused"], Refusal))
    if "failed" in answer:
        return Verdict(said=said, changed=by, failed=msgspec.convert(answer["failed"], Failure))
    try:
        return Verdict(said=said, changed=by, job=read_facts(answer["job"], before))
    except Unusable as error:
        return Verdict(said=said, changed=by, failed=Failure(by.get(error.key, 0), error.why))
