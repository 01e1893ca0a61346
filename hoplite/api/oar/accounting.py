"""``GET /accounting[/<user>]``: what jobs asked for and used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, field

from hoplite.api.endpoint import LARGEST
from hoplite.api.oar.accounting_pages import accounting_page
from hoplite.api.oar.collection import Collection, whole
from hoplite.api.oar.endpoint import Answer, OarCall, OarRoutes, Options
from hoplite.exceptions import NotAuthorizedError
from hoplite.model.accounting import Consumption, Kind
from hoplite.model.caller import Visibility

routes = OarRoutes("OAR accounting")


class AccountingQuery(Options, frozen=True):
    """Which days: windows of accounting are days in UTC."""

    since: Annotated[
        int,
        Meta(
            ge=0,
            le=LARGEST,
            description="Days that end after then. Seconds since 1970.",
        ),
    ] = field(default=0, name="from")
    to: Annotated[
        int,
        Meta(ge=0, le=LARGEST, description="Days that begin before then. Seconds since 1970."),
    ] = LARGEST


class ProjectConsumption(msgspec.Struct, frozen=True):
    """Of one project, by `ASKED` and `USED`, and by user: resources times seconds, as text."""

    project: str
    consumptions: dict[Kind, dict[str, str]]


@routes.get(
    "/accounting",
    query=AccountingQuery,
    answers={200: Collection[ProjectConsumption]},
    raises=[NotAuthorizedError],
    page=accounting_page,
)
def get_accounting(call: OarCall[AccountingQuery, None]) -> Answer:
    """Tell what jobs that have ended asked for and used, by project and user.

    Administrators see everybody's, and so does everybody where the setting `visibility` is `full`;
    other users see their own.  Jobs are counted when they end.
    """
    return _answer(call, None if _sees_everybody(call) else call.caller.name)


@routes.get(
    "/accounting/<user>",
    query=AccountingQuery,
    parameters={"user": "A user's name."},
    answers={200: Collection[ProjectConsumption]},
    raises=[NotAuthorizedError],
    page=accounting_page,
)
def get_accounting_of_user(call: OarCall[AccountingQuery, None]) -> Answer:
    """Tell what the jobs of one user asked for and used, by project."""
    user = call.path["user"]
    if not _sees_everybody(call) and call.caller.name != user:
        raise NotAuthorizedError(
            f"what {user} used is for {user} and administrators to see (setting visibility)"
        )
    return _answer(call, user)


def _sees_everybody(call: OarCall[Any, Any]) -> bool:
    everybody = call.service.settings.visibility is Visibility.FULL
    return everybody or (call.known is not None and call.known.is_admin)


def _answer(call: OarCall[AccountingQuery, None], owner: str | None) -> Answer:
    query = call.query
    found = call.service.manager.table.journal.consumption(query.since, query.to, owner)
    return whole(call, _by_project(found), with_query=True)


def _by_project(found: Iterable[Consumption]) -> list[dict[str, Any]]:
    projects: dict[str, dict[Kind, dict[str, str]]] = {}
    for each in found:
        kinds = projects.setdefault(each.project, {Kind.ASKED: {}, Kind.USED: {}})
        kinds[Kind.ASKED][each.owner] = str(each.asked_s)
        kinds[Kind.USED][each.owner] = str(each.used_s)
    return [
        {"project": project, "consumptions": consumptions}
        for project, consumptions in projects.items()
    ]
