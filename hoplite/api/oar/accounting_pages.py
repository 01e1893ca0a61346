"""What browsers are shown of accounting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hoplite.api.oar.endpoint import OarCall
from hoplite.api.oar.pages import Page


class Share(NamedTuple):
    """What one user asked for and used in a project, in resources times seconds."""

    project: str
    user: str
    asked_s: int
    used_s: int


def accounting_page(call: OarCall[Any, Any], value: Any) -> Page:
    """A table of users by project."""
    rows = list(_rows(value["items"]))
    query = call.query
    shown = {
        "heading": "Accounting" + (f" of {call.path['user']}" if "user" in call.path else ""),
        "rows": rows,
        "since": query.since,
        "asked": sum(each.asked_s for each in rows),
        "used": sum(each.used_s for each in rows),
    }
    return Page("oar/accounting.html", shown)


def _rows(items: Any) -> Iterator[Share]:
    for item in items:
        asked, used = item["consumptions"]["ASKED"], item["consumptions"]["USED"]
        for user in sorted({*asked, *used}):
            yield Share(item["project"], user, int(asked.get(user, 0)), int(used.get(user, 0)))
