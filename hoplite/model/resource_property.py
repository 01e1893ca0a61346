"""Which properties resources have, of what type, and who may set them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum

import msgspec

from hoplite.exceptions import InvalidFieldError, NotAuthorizedError
from hoplite.model.resource import ResourceState, Value

MAX_TEXT_VALUE = 255
"""Characters of a text, as in OAR's columns."""
ALIASES = {"nodes": "network_address", "hostname": "network_address", "id": "resource_id"}
"""Other names that clients use: ``nodes`` in requests, ``hostname`` in new resources, ``id`` in answers."""
SQL_WORDS = frozenset(
    "ALL AND ANY AS BETWEEN CASE CAST DISTINCT ELSE END EXISTS FALSE FROM ILIKE IN IS LIKE LIMIT NOT"  # noqa: SIM905 - forty words, not forty lines
    " NULL OR ORDER SELECT SIMILAR SOME TABLE THEN TRUE UNION USER WHEN WHERE".split()
)
"""Words that name no property, in upper case."""
RESERVED_NAMES = frozenset(
    {"api_timestamp", "links", "uri", "node_uri", "jobs_uri", "properties"}  # keys of answers
    | {"jobs", "nodes", "details", "full", "generate"}  # addresses below /resources
    | {"walltime", *ALIASES, *map(str.lower, SQL_WORDS)}
)
_TOO_LARGE = 10**18
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,18}\s*", re.ASCII)


class PropertyType(StrEnum):
    INTEGER = "int"
    STRING = "string"


class Property(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One property of resources."""

    name: str
    """In lower case."""
    type: PropertyType
    standard: bool = False
    """Every installation has it; it is not removed and never NULL."""
    system: bool = False
    """The server sets it; administrators cannot."""
    requestable: bool = True
    """It can be a level of a resource request."""
    choices: tuple[str, ...] = ()
    """What a text may be; empty: any."""

    def literal(self, given: int | str) -> int | str | None:
        """A literal of a filter as this property's type, by PostgreSQL's rules; None: not possible."""
        if self.type is PropertyType.STRING:
            return given if isinstance(given, str) else None
        if isinstance(given, int):
            return given
        return int(given) if _WHOLE_NUMBER.fullmatch(given) else None

    def coerced(self, given: object) -> Value:
        """A value from a client's JSON, YAML or form as this property's type.

        ``true`` and ``false`` are YES and NO, which is what YAML makes of those two words.
        Raises :class:`InvalidFieldError`.
        """
        if given is None and not self.standard:
            return None
        value = self._number(given) if self.type is PropertyType.INTEGER else self._text(given)
        if value is None:
            raise InvalidFieldError(
                f"{self.name}: expected {self._wanted()}, got {_shown(given)}", field=self.name
            )
        return value

    def _number(self, given: object) -> int | None:
        if isinstance(given, str):
            return int(given) if _WHOLE_NUMBER.fullmatch(given) else None
        if isinstance(given, bool) or not isinstance(given, int):
            return None
        return given if abs(given) < _TOO_LARGE else None

    def _text(self, given: object) -> str | None:
        if isinstance(given, bool):
            given = "YES" if given else "NO"
        if isinstance(given, int) and self._number(given) is not None:
            given = str(given)
        if not isinstance(given, str) or len(given) > MAX_TEXT_VALUE or not given.isprintable():
            return None
        if self.choices and given not in self.choices:
            return None
        return given if given or not self.standard else None

    def _wanted(self) -> str:
        if self.type is PropertyType.INTEGER:
            return "a whole number of at most 18 digits"
        if self.choices:
            return " or ".join(self.choices)
        return f"a text of at most {MAX_TEXT_VALUE} printable characters"


def _shown(given: object) -> str:
    if isinstance(given, int) and abs(given) >= _TOO_LARGE:
        return "a larger one"
    text = repr(given) if isinstance(given, str | int | float | None) else type(given).__name__
    return text if len(text) <= 60 else text[:60] + "…"


class PropertyTable(msgspec.Struct, frozen=True, gc=False):
    """Every property that resources have.  Immutable: adding and removing give another table."""

    by_name: Mapping[str, Property]

    def get(self, name: str) -> Property | None:
        """The property of this name, in any case of letters."""
        return self.by_name.get(name.lower())

    def known(self, name: str) -> Property:
        """Raises :class:`InvalidFieldError` that suggests names alike."""
        found = self.get(name)
        if found is None:
            raise InvalidFieldError(self.unknown(name), field=name)
        return found

    def unknown(self, name: str) -> str:
        """The words for a name that no property has."""
        low = name.lower()
        near = [ALIASES[low]] if low in ALIASES else get_close_matches(low[:63], self.by_name, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return f"resources have no property {_shown(name)}{hint}"

    def added(self, name: str, kind: PropertyType) -> PropertyTable:
        """The table with one more property.  Raises :class:`InvalidFieldError`."""
        low = name.lower()
        if not _NAME.fullmatch(low):
            raise InvalidFieldError(
                f"{_shown(name)} cannot be a property's name: a letter, then up to 62 letters, "
                "digits and underscores",
                field="name",
            )
        if low in RESERVED_NAMES:
            raise InvalidFieldError(
                f"{low} has a meaning of its own; take another name", field="name"
            )
        if low in self.by_name:
            raise InvalidFieldError(f"there is a property {low} already", field="name")
        return PropertyTable({**self.by_name, low: Property(name=low, type=kind)})

    def removed(self, name: str) -> PropertyTable:
        """The table without an added property.

        Raises :class:`InvalidFieldError`, and :class:`NotAuthorizedError` for a standard one.
        """
        found = self.known(name)
        if found.standard:
            raise NotAuthorizedError(f"{found.name} is a standard property and stays", field=name)
        return PropertyTable({k: v for k, v in self.by_name.items() if k != found.name})

    def coerced(self, values: Mapping[str, object]) -> dict[str, Value]:
        """What an administrator sets, checked and typed, by the properties' own names.

        ``hostname`` is taken for network_address.  Raises :class:`InvalidFieldError`, and
        :class:`NotAuthorizedError` for what the server alone sets.
        """
        checked: dict[str, Value] = {}
        for given, value in values.items():
            found = self.known("network_address" if given == "hostname" else given)
            if found.system:
                raise NotAuthorizedError(
                    f'The property "{found.name}" is a system one and can\'t be assigned by the admin',
                    field=given,
                )
            if found.name in checked:
                raise InvalidFieldError(f"{found.name} is given twice", field=given)
            checked[found.name] = found.coerced(value)
        return checked

    @property
    def not_requestable(self) -> tuple[str, ...]:
        """What the server keeps for itself, so that no level of a request should name it."""
        return tuple(name for name, found in self.by_name.items() if not found.requestable)


_YES_NO = ("YES", "NO")


def _number(name: str, *, system: bool = False, requestable: bool = False) -> Property:
    return Property(
        name=name,
        type=PropertyType.INTEGER,
        standard=True,
        system=system,
        requestable=requestable,
    )


def _text(name: str, *choices: str, system: bool = False, requestable: bool = False) -> Property:
    return Property(
        name=name,
        type=PropertyType.STRING,
        standard=True,
        system=system,
        requestable=requestable,
        choices=choices,
    )


STANDARD_PROPERTIES = PropertyTable(
    {
        one.name: one
        for one in (
            _number("resource_id", system=True, requestable=True),
            _text("type"),
            _text("network_address", requestable=True),
            _text("state", *ResourceState, system=True),
            _number("state_num", system=True),
            _text("next_state", "UnChanged", *ResourceState, system=True),
            _text("finaud_decision", *_YES_NO, system=True),
            _text("next_finaud_decision", *_YES_NO, system=True),
            _text("suspended_jobs", *_YES_NO, system=True),
            _number("scheduler_priority", system=True),
            _number("cpuset"),
            _text("besteffort", *_YES_NO),
            _text("deploy", *_YES_NO),
            _number("expiry_date", system=True),
            _text("desktop_computing", *_YES_NO),
            _number("last_job_date", system=True),
            _number("available_upto"),
            _number("last_available_upto"),
            _text("drain", *_YES_NO),
        )
    }
)
"""The columns of OAR's table ``resources``; who may set and request them is OAR's rule as well."""
