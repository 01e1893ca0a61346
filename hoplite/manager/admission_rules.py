"""The admission rules: the only writer of them.  Journal first, then memory."""

from __future__ import annotations

import threading
import time
from typing import Any

import msgspec
import structlog

from hoplite.admission.defaults import default_rules
from hoplite.admission.pool import RulePool
from hoplite.exceptions import InvalidFieldError, NotAuthorizedError, RuleDoesNotExistError
from hoplite.journal.protocol import Change, Happened, Journal, RuleVersioned
from hoplite.manager.timeline import jobless_entry
from hoplite.model.admission_rule import DEFAULT_PRIORITY, AdmissionRule, in_order
from hoplite.model.caller import Caller
from hoplite.model.timeline import Happening

MAX_RULES = 1000
MAX_RULE_BYTES = 1 << 16

_SERVER = "server"
_PRIORITIES = range(-(2**31), 2**31)

log = structlog.get_logger("hoplite.manager")


class AdmissionRules:
    """Every command and question about rules.  All methods may be called from any thread.

    All are for administrators: others get :class:`~hoplite.exceptions.NotAuthorizedError`.  A
    command that returns is on disk, and holds for every submission that comes after.
    """

    def __init__(self, journal: Journal, pool: RulePool) -> None:
        self._journal = journal
        self._pool = pool
        self._lock = threading.Lock()
        self._show(journal.rules())

    def open(self) -> None:
        """At the first start of all, make the default rules."""
        with self._lock:
            if self._journal.last_rule_id():
                return
            made = default_rules(_SERVER)
            told = [_told(Happening.RULE_ADDED, rule) for rule in made]
            self._journal.commit(*map(RuleVersioned, made), *told)
            self._show(made)

    @property
    def enabled(self) -> tuple[AdmissionRule, ...]:
        """Those that submissions go through, in order; the same tuple until one changes."""
        return self._enabled

    def rules(self, caller: Caller) -> list[AdmissionRule]:
        """All of them, by ascending id."""
        check_administers(caller)
        return sorted(self._by_id.values(), key=lambda rule: rule.id)

    def rule(self, caller: Caller, rule_id: int) -> AdmissionRule:
        """Raises :class:`~hoplite.exceptions.RuleDoesNotExistError`."""
        check_administers(caller)
        return self._of(rule_id)

    def versions(self, caller: Caller, rule_id: int) -> list[AdmissionRule]:
        """Every version of a rule, oldest first; those of a deleted one too."""
        check_administers(caller)
        found = self._journal.rule_versions(rule_id)
        if not found:
            raise _unknown(rule_id)
        return found

    def add(
        self,
        caller: Caller,
        text: str,
        *,
        priority: int | None = None,
        enabled: bool | None = None,
    ) -> AdmissionRule:
        """A new rule; enabled, and of priority 100, unless said otherwise.

        Raises :class:`~hoplite.exceptions.InvalidFieldError` for one that cannot be read, with
        line and column.
        """
        check_administers(caller)
        self.check(text, priority)
        with self._lock:
            if len(self._by_id) >= MAX_RULES:
                raise InvalidFieldError(f"rule: there are {MAX_RULES} rules already", field="rule")
            rule = AdmissionRule(
                id=self._journal.last_rule_id() + 1,
                priority=DEFAULT_PRIORITY if priority is None else priority,
                enabled=enabled is not False,
                rule=text,
                at=time.time(),
                who=caller.name,
            )
            self._keep(rule, Happening.RULE_ADDED)
        return rule

    def change(
        self,
        caller: Caller,
        rule_id: int,
        *,
        text: str | None = None,
        priority: int | None = None,
        enabled: bool | None = None,
    ) -> AdmissionRule:
        """The next version of a rule; what is None stays.  Raises as :meth:`add` does, and
        :class:`~hoplite.exceptions.RuleDoesNotExistError`."""
        check_administers(caller)
        self._of(rule_id)
        self.check(text, priority)
        with self._lock:
            rule = self._of(rule_id)
            asked = {"rule": text, "priority": priority, "enabled": enabled}
            new = {name: value for name, value in asked.items() if value is not None}
            if any(getattr(rule, name) != value for name, value in new.items()):
                rule = self._next(caller, rule, **new)
                self._keep(rule, Happening.RULE_CHANGED)
        return rule

    def remove(self, caller: Caller, rule_id: int) -> AdmissionRule:
        """Its versions stay readable, and its id is not given again."""
        check_administers(caller)
        with self._lock:
            rule = self._next(caller, self._of(rule_id), deleted=True)
            self._keep(rule, Happening.RULE_REMOVED)
        return rule

    def check(self, text: str | None, priority: int | None = None) -> None:
        """Raises :class:`~hoplite.exceptions.InvalidFieldError` for what cannot be a rule."""
        if priority is not None and priority not in _PRIORITIES:
            raise InvalidFieldError(
                "priority: a whole number of 32 bits is right", field="priority"
            )
        if text is None:
            return
        if not text.strip():
            raise InvalidFieldError("rule: it is empty; right is a text in Starlark", field="rule")
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > MAX_RULE_BYTES:
            raise InvalidFieldError(
                f"rule: {size} bytes; at most {MAX_RULE_BYTES} are taken", field="rule"
            )
        wrong = self._pool.check(text)
        if wrong is not None:
            raise InvalidFieldError(f"rule: {wrong.why}", field="rule")

    @staticmethod
    def _next(caller: Caller, rule: AdmissionRule, /, **new: Any) -> AdmissionRule:
        return msgspec.structs.replace(
            rule, version=rule.version + 1, at=time.time(), who=caller.name, **new
        )

    def _keep(self, rule: AdmissionRule, what: Happening) -> None:
        self._journal.commit(RuleVersioned(rule), _told(what, rule))
        others = [each for each in self._by_id.values() if each.id != rule.id]
        self._show(others if rule.deleted else [*others, rule])
        log.info(what.value.replace("_", " "), rule=rule.id, version=rule.version, who=rule.who)

    def _show(self, rules: list[AdmissionRule]) -> None:
        self._by_id = {rule.id: rule for rule in rules}
        self._enabled = in_order([rule for rule in rules if rule.enabled])

    def _of(self, rule_id: int) -> AdmissionRule:
        try:
            return self._by_id[rule_id]
        except KeyError:
            raise _unknown(rule_id) from None


def _unknown(rule_id: int) -> RuleDoesNotExistError:
    return RuleDoesNotExistError(f"No admission rule corresponding to id={rule_id}")


def check_administers(caller: Caller) -> None:
    """Raises :class:`~hoplite.exceptions.NotAuthorizedError`."""
    if not caller.is_admin:
        raise NotAuthorizedError(
            f"{caller.name} is not an administrator; admission rules are for administrators"
        )


def _told(what: Happening, rule: AdmissionRule) -> Change:
    """The text of the rule is in the version that the entry names."""
    detail = {
        "rule": rule.id,
        "version": rule.version,
        "priority": rule.priority,
        "enabled": rule.enabled,
    }
    return Happened(jobless_entry(what, rule.who, rule.at, detail))
