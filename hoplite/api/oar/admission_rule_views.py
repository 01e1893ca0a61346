"""Admission rules as OAR shows them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hoplite.api.oar.endpoint import OarCall
from hoplite.api.oar.links import Link
from hoplite.model.admission_rule import AdmissionRule


class RuleItem(msgspec.Struct, frozen=True):
    """A rule.  Its ``links`` are one link, not an array of them, as in the document."""

    id: int
    priority: Annotated[int, Meta(description="Rules run from the lowest to the highest.")]
    enabled: Annotated[str, Meta(description="`YES` or `NO`.")]
    rule: Annotated[str, Meta(description="The text, in Starlark.")]
    links: Link


class RuleVersionItem(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule was from ``at`` on."""

    id: int
    version: int
    priority: int
    enabled: str
    rule: str
    deleted: Annotated[bool, Meta(description="With this version the rule ended.")]
    at: Annotated[int, Meta(description="Seconds since 1970.")]
    who: Annotated[str, Meta(description="Who made it so; `server`: it was shipped.")]


def rule_item(call: OarCall[Any, Any], rule: AdmissionRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "priority": rule.priority,
        "enabled": yes_or_no(rule.enabled),
        "rule": rule.rule,
        "links": call.link("self", f"/admission_rules/{rule.id}"),
    }


def version_item(rule: AdmissionRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "version": rule.version,
        "priority": rule.priority,
        "enabled": yes_or_no(rule.enabled),
        "rule": rule.rule,
        "deleted": rule.deleted,
        "at": int(rule.at),
        "who": rule.who,
    }


def yes_or_no(enabled: bool) -> str:
    return "YES" if enabled else "NO"
