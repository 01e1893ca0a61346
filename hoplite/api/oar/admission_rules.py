"""``/admission_rules``: the rules that submissions go through, for administrators."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hoplite.api.oar.admission_rule_views import (
    RuleItem,
    RuleVersionItem,
    rule_item,
    version_item,
    yes_or_no,
)
from hoplite.api.oar.collection import Collection, limit_of, paged, whole
from hoplite.api.oar.endpoint import Answer, OarCall, OarRoutes, Options, PageQuery, Right
from hoplite.api.oar.resource_views import digits
from hoplite.api.oar.rule_pages import (
    changed_page,
    new_rule,
    next_of_change,
    next_of_removal,
    rule_again,
    rule_page,
    rules_page,
)
from hoplite.api.oar.titled import Titled
from hoplite.exceptions import (
    InvalidFieldError,
    InvalidRequestError,
    RuleDoesNotExistError,
    UnavailableError,
)
from hoplite.model.admission_rule import AdmissionRule

routes = OarRoutes("OAR admission rules")

_SINGULAR = ["/admission_rule/<id>"]
_MISSING = (
    'An admission rule update must have either a "method=delete" or one of "priority"=<priority>, '
    '"enabled"=<enabled> and "rule"=<rule> fields!'
)
_TRUE, _FALSE = frozenset({"yes", "true", "1", "on"}), frozenset({"no", "false", "0", "off"})

Switch = Annotated[bool | int | str, Meta(description="`YES` or `NO`, or true or false.")]


class RuleBody(msgspec.Struct, frozen=True):
    """A rule to be.  What is left out is as by default: priority 100, enabled."""

    rule: Annotated[str | None, Meta(description="The text, in Starlark.")] = None
    priority: int | None = None
    enabled: Switch | None = None


class RuleChangeBody(RuleBody, frozen=True):
    """What is to be otherwise; what is left out stays as it is."""

    method: Annotated[str | None, Meta(description="`delete`: the rule goes.")] = None
    priorty: Annotated[
        int | None, Meta(description="The same as `priority`: OAR 2.5 wants it spelt so.")
    ] = None


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """The rule as it is now."""

    id: int
    priority: int
    enabled: str
    rule: str
    uri: str
    api_timestamp: int


class RuleDeleted(msgspec.Struct, frozen=True):
    """It is gone; its versions stay."""

    id: Annotated[str | int, Meta(description="A text in JSON, a number in YAML.")]
    status: str
    api_timestamp: int


@routes.get(
    "/admission_rules",
    right=Right.OAR,
    query=PageQuery,
    answers={200: Collection[RuleItem]},
    page=rules_page,
)
def list_admission_rules(call: OarCall[PageQuery, None]) -> Answer:
    """List the rules, by id."""
    rules = call.service.manager.rules.rules(call.caller)
    limit = limit_of(call)
    first = call.query.offset
    page = rules[first:] if limit is None else rules[first : first + limit]
    answer = paged(call, [rule_item(call, rule) for rule in page], len(rules))
    if call.structure == "oar" and isinstance(answer.value.items, dict):
        for each in answer.value.items.values():
            del each["id"]
    return answer


@routes.get(
    "/admission_rules/<id>",
    aliases=_SINGULAR,
    right=Right.OAR,
    answers={200: list[RuleItem]},
    raises=[RuleDoesNotExistError],
    page=rule_page,
)
def show_admission_rule(call: OarCall[Options, None]) -> Answer:
    """Show a rule, in an array of its own."""
    shown = rule_item(call, _rule(call))
    if call.structure == "oar":
        return Answer({str(shown.pop("id")): shown})
    return Answer([shown])


@routes.get(
    "/admission_rules/<id>/versions",
    right=Right.OAR,
    answers={200: Collection[RuleVersionItem]},
    raises=[RuleDoesNotExistError],
)
def list_admission_rule_versions(call: OarCall[Options, None]) -> Answer:
    """List what a rule has been, oldest first, who made it so and when (beyond OAR).

    Those of a deleted rule stay, too.
    """
    try:
        found = call.service.manager.rules.versions(call.caller, call.id)
    except RuleDoesNotExistError as error:
        raise _not_found(error) from None
    return whole(call, [version_item(rule) for rule in found])


@routes.post(
    "/admission_rules",
    right=Right.OAR,
    body=RuleBody,
    about="Admission rule",
    answers={201: Written},
    answer_headers={"Location": "The rule."},
    raises=[InvalidRequestError, UnavailableError],
    form=new_rule,
)
def add_admission_rule(call: OarCall[Options, RuleBody]) -> Answer:
    """Add a rule, for every submission from now on.  One that cannot be read is refused, with line
    and column."""
    body = call.body
    if body.rule is None:
        wrong = InvalidFieldError("An admission rule must have a rule field", field="rule")
        raise Titled("Missing Required Field", wrong)
    rule = call.service.manager.rules.add(
        call.caller, body.rule, priority=body.priority, enabled=_truth(body.enabled)
    )
    return _written(call, rule)


@routes.post(
    "/admission_rules/<id>",
    aliases=_SINGULAR,
    right=Right.OAR,
    body=RuleChangeBody,
    about="Admission rule",
    answers={201: Written, 202: RuleDeleted},
    answer_headers={"Location": "The rule, unless it is deleted."},
    raises=[InvalidRequestError, RuleDoesNotExistError, UnavailableError],
    page=changed_page,
    form=rule_again,
    then=next_of_change,
)
def update_admission_rule(call: OarCall[Options, RuleChangeBody]) -> Answer:
    """Change a rule, or with `method=delete` delete it."""
    method = call.body.method
    if method == "delete":
        return _deleted(call, 202)
    if method:
        wrong = InvalidFieldError(f"Could not understand {method[:100]} method", field="method")
        raise Titled("Bad query", wrong)
    return _changed(call, call.body)


@routes.put(
    "/admission_rules/<id>",
    aliases=_SINGULAR,
    right=Right.OAR,
    body=RuleChangeBody,
    about="Admission rule",
    answers={201: Written},
    answer_headers={"Location": "The rule."},
    raises=[InvalidRequestError, RuleDoesNotExistError, UnavailableError],
)
def put_admission_rule(call: OarCall[Options, RuleChangeBody]) -> Answer:
    """Change a rule."""
    return _changed(call, call.body)


@routes.delete(
    "/admission_rules/<id>",
    aliases=_SINGULAR,
    right=Right.OAR,
    answers={200: RuleDeleted},
    raises=[RuleDoesNotExistError],
    then=next_of_removal,
)
def delete_admission_rule(call: OarCall[Options, None]) -> Answer:
    """Delete a rule.  Its versions stay readable."""
    return _deleted(call, 200)


def _rule(call: OarCall[Any, Any]) -> AdmissionRule:
    try:
        return call.service.manager.rules.rule(call.caller, call.id)
    except RuleDoesNotExistError as error:
        raise _not_found(error) from None


def _changed(call: OarCall[Any, Any], body: RuleChangeBody) -> Answer:
    _rule(call)
    priority = body.priorty if body.priority is None else body.priority
    enabled = _truth(body.enabled)
    if body.rule is None and priority is None and enabled is None:
        raise Titled("Missing Required Field", InvalidFieldError(_MISSING, field="rule"))
    rule = call.service.manager.rules.change(
        call.caller, call.id, text=body.rule, priority=priority, enabled=enabled
    )
    return _written(call, rule)


def _deleted(call: OarCall[Any, Any], status: int) -> Answer:
    _rule(call)
    call.service.manager.rules.remove(call.caller, call.id)
    return Answer(RuleDeleted(digits(call, str(call.id)), "deleted", call.now), status)


def _written(call: OarCall[Any, Any], rule: AdmissionRule) -> Answer:
    uri = call.href(f"/admission_rules/{rule.id}")
    written = Written(
        id=rule.id,
        priority=rule.priority,
        enabled=yes_or_no(rule.enabled),
        rule=rule.rule,
        uri=uri,
        api_timestamp=call.now,
    )
    return Answer(written, 201, {"Location": uri})


def _truth(given: bool | int | str | None) -> bool | None:
    if given is None:
        return None
    text = str(given).strip().lower()
    if text not in _TRUE | _FALSE:
        raise InvalidFieldError(
            f"enabled: {str(given)[:100]!r} is neither YES nor NO", field="enabled"
        )
    return text in _TRUE


def _not_found(error: RuleDoesNotExistError) -> Titled:
    return Titled("Admission rule not found", error)
