"""Versions of admission rules as rows, and back."""

from __future__ import annotations

from hoplite.journal.rows import Row
from hoplite.model.admission_rule import AdmissionRule

_COLUMNS = ("id", "version", "priority", "enabled", "rule", "deleted", "at", "who")
_ALL = f"SELECT {', '.join(_COLUMNS)} FROM admission_rules"

SELECT_RULES = (
    f"{_ALL} AS this WHERE NOT deleted AND version ="
    " (SELECT max(version) FROM admission_rules WHERE id = this.id) ORDER BY id"
)
SELECT_VERSIONS = f"{_ALL} WHERE id = ? ORDER BY version"
LAST_RULE = "SELECT ifnull(max(id), 0) FROM admission_rules"
INSERT_VERSION = (
    f"INSERT INTO admission_rules ({', '.join(_COLUMNS)})"
    f" SELECT {', '.join('?' * len(_COLUMNS))} WHERE ? ="
    " 1 + (SELECT ifnull(max(version), 0) FROM admission_rules WHERE id = ?)"
)
"""Inserts nothing unless the version is the next one of its rule."""


def rule_values(rule: AdmissionRule) -> Row:
    """For :data:`INSERT_VERSION`."""
    return (*(getattr(rule, name) for name in _COLUMNS), rule.version, rule.id)


def rule_of(row: Row) -> AdmissionRule:
    """A row of :data:`SELECT_RULES` or :data:`SELECT_VERSIONS`."""
    known = dict(zip(_COLUMNS, row, strict=True))
    known["enabled"], known["deleted"] = bool(known["enabled"]), bool(known["deleted"])
    return AdmissionRule(**known)
