"""Every answer about admission rules that differs, on purpose, from the recorded one of OAR 2.5.9."""

from __future__ import annotations

from collections.abc import Mapping

from tests.oar.golden import YAML, Difference

_RIGHT = "A known user without the right gets 401"
_PERL = "Admission rules are Perl that runs in the server's own process"
_HEADERS = "The answer to a new or changed rule has a second block of headers before its body"
_NEW = "A new rule needs ``priority`` and ``enabled``"
_ENABLED = "A rule is stored as enabled whatever ``enabled`` says"
_UPDATE = "An update of a rule needs ``priorty``, ``priority``, ``enabled`` and ``rule``"
_DELETE = "``DELETE /admission_rules/<id>`` answers nothing and deletes nothing"

RULES: Mapping[str, Difference] = {
    "635-rules-user": Difference(_RIGHT, 403),
    "665-rule-delete-user": Difference(_RIGHT, 403),
    "649-rule-post-seed-example": Difference(_PERL, 400, changes=("title: Invalid Field",)),
    "650-rule-post-missing-enabled": Difference(_NEW, 201),
    "652-rule-post-ok": Difference(
        _HEADERS,
        201,
        changes=(
            "enabled: new",
            "enalbed: missing",
            "id: text is number",
            "priority: text is number",
        ),
    ),
    "653-rule-post-ok-yaml": Difference(
        _HEADERS, 201, YAML, changes=("enabled: new", "enalbed: missing")
    ),
    "656-rule-post-update-full": Difference(_UPDATE, 201),
    "658-rule-post-update-rule-only": Difference(_UPDATE, 201),
    "667-rule-delete-yaml": Difference(_DELETE, 200, YAML, changes=("the answer: null is object",)),
    "668-rule-delete-unknown": Difference(_DELETE, 404),
}
VALUES: Mapping[str, str] = {"655-rule-created-get": _ENABLED, "661-rule-after-update": _ENABLED}
"""Cases that differ in a value, by the row that says so."""
