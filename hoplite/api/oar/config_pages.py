"""What browsers are shown of the configuration."""

from __future__ import annotations

from typing import Any

from hoplite.api.oar.endpoint import OarCall
from hoplite.api.oar.pages import Page

_GENERIC = Page("oar/value.html")


def config_page(call: OarCall[Any, Any], value: Any) -> Page:
    """All variables."""
    if call.structure == "oar":
        return _GENERIC
    shown = {"heading": "Configuration", "variables": value, "file": call.href("/config/file")}
    return Page("oar/config.html", shown)


def variable_page(call: OarCall[Any, Any], value: Any) -> Page:
    """One variable, with a form to change it where that can be done."""
    if call.structure == "oar":
        return _GENERIC
    (variable,) = value
    shown = {
        "heading": variable["id"],
        "variable": variable,
        "filled": {"value": call.request.form.get("value", variable["value"])},
        "action": call.href(f"/config/{variable['id']}") + "?then=page",
    }
    return Page("oar/variable.html", shown)
