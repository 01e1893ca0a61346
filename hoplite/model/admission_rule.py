"""Admission rules: what every submission of a job that asks for resources goes through.  No I/O."""

from __future__ import annotations

import msgspec

DEFAULT_PRIORITY = 100


class AdmissionRule(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a rule.  Enabled rules run by ascending priority, then by id."""

    id: int
    version: int = 1
    """It counts the changes of the rule, from 1."""
    priority: int = DEFAULT_PRIORITY
    enabled: bool = True
    rule: str
    """Its text, in Starlark."""
    deleted: bool = False
    """This version is the end of the rule."""
    at: float
    """Since when it is so: seconds since 1970, UTC."""
    who: str
    """Who made it so."""


def in_order(rules: list[AdmissionRule]) -> tuple[AdmissionRule, ...]:
    """The rules in the order in which they run."""
    return tuple(sorted(rules, key=lambda rule: (rule.priority, rule.id)))
