"""The rules that a new server begins with."""

from __future__ import annotations

import time
from importlib import resources

from hoplite.model.admission_rule import AdmissionRule

DISABLED = frozenset({"11-longest-walltime"})
"""Shipped as an example."""


def default_rules(who: str) -> list[AdmissionRule]:
    """With ids and priorities from 1, in the order of their files' names."""
    now = time.time()
    return [
        AdmissionRule(
            id=number, priority=number, enabled=name not in DISABLED, rule=text, at=now, who=who
        )
        for number, (name, text) in enumerate(sorted(default_texts().items()), 1)
    ]


def default_texts() -> dict[str, str]:
    """The texts of the rules, by the names of their files, without ``.star``."""
    folder = resources.files("hoplite.admission").joinpath("default_rules")
    return {
        file.name.removesuffix(".star"): file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".star")
    }
