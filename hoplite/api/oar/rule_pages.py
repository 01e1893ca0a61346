"""What browsers are shown of admission rules, and the form for new ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from hoplite.api.oar.endpoint import OarCall, OarRoutes, Options
from hoplite.api.oar.formats import Format
from hoplite.api.oar.input import is_form
from hoplite.api.oar.pages import Next, Page, page
from hoplite.exceptions import NotAcceptableError

routes = OarRoutes("OAR admission rules")

_GENERIC = Page("oar/value.html")
_NEW = {"priority": "100", "enabled": "YES"}


def rules_page(call: OarCall[Any, Any], value: Any) -> Page:
    """All rules."""
    if call.structure == "oar":
        return _GENERIC
    rows = [{**each, "about": _about(each["rule"])} for each in value["items"]]
    return Page("oar/rules.html", {"heading": "Admission rules", "rows": rows})


def _about(text: str) -> str:
    """Its first comment, or its first line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0].lstrip("# ") if lines else ""


def rule_page(call: OarCall[Any, Any], value: Any) -> Page:
    """One rule, with forms to change and to delete it."""
    if call.structure == "oar":
        return _GENERIC
    return _of_rule(call, value[0])


def changed_page(call: OarCall[Any, Any], value: Any) -> Page:
    """The rule as it is now; or that it is gone."""
    return _GENERIC if "status" in value else _of_rule(call, value)


def rule_again(call: OarCall[Any, Any]) -> Page:
    """The page of a rule with the form as it was sent."""
    return _of_rule(call, {})


def rehearsed_page(call: OarCall[Any, Any], value: Any) -> Page:
    """What a rule would have done, with the form that it came from."""
    again = rehearsal_again(call)
    jobs = {**value, "job_href": call.href("/jobs/0").replace("/0", "/{}")}
    return Page(again.template, {**again.values, "rehearsed": jobs})


def rehearsal_again(call: OarCall[Any, Any]) -> Page:
    """The form that was sent: of a new rule, or of one that is there."""
    sent = _sent(call).get("id", "")
    number = int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 16 else None
    return new_rule(call) if number is None else _of_rule(call, {}, number)


def _of_rule(call: OarCall[Any, Any], rule: Mapping[str, Any], number: int | None = None) -> Page:
    number = call.id if number is None else number
    own = call.href(f"/admission_rules/{number}")
    shown = {
        "heading": f"Admission rule {number}",
        "number": number,
        "rehearse": call.href("/admission_rules/rehearse"),
        "filled": {**rule, **_sent(call)},
        "action": f"{own}?then=page",
        "button": "Change the rule",
        "remove": f"{own}?method=delete&then=page",
        "versions": call.href(f"/admission_rules/{number}/versions"),
    }
    return Page("oar/rule.html", shown)


def next_of_removal(call: OarCall[Any, Any]) -> Next:
    return Next(call.href("/admission_rules"), f"Rule {call.id} is deleted")


def next_of_change(call: OarCall[Any, Any]) -> Next:
    return Next(call.href(f"/admission_rules/{call.id}"), "The rule is changed")


@routes.get("/admission_rules/form", answers={200: "text/html"})
def rule_form(call: OarCall[Options, None]) -> Response:
    """Show the form for a new admission rule."""
    if call.wanted.format is not Format.HTML and call.request.path.endswith((".json", ".yaml")):
        raise NotAcceptableError("the form is a page: ask for it as text/html")
    shown = new_rule(call)
    return page(shown.template, **shown.values)


def new_rule(call: OarCall[Any, Any]) -> Page:
    """The form for a new rule, empty or as it was sent."""
    shown = {
        "heading": "New admission rule",
        "number": None,
        "rehearse": call.base.href("/admission_rules/rehearse", extension=".html"),
        "filled": {**_NEW, **_sent(call)},
        "action": call.base.href("/admission_rules", extension=".html") + "?then=page",
        "button": "Add the rule",
        "remove": None,
        "versions": None,
    }
    return Page("oar/rule.html", shown)


def _sent(call: OarCall[Any, Any]) -> dict[str, str]:
    posted = call.request.method == "POST" and is_form(call.request)
    return call.request.form.to_dict() if posted else {}
