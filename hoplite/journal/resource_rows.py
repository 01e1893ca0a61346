"""Resources and the definitions of their properties as rows, and back."""

from __future__ import annotations

import msgspec

from hoplite.journal.rows import Row
from hoplite.model.resource import STANDARD_FIELDS, Resource, ResourceState, Value
from hoplite.model.resource_property import Property, PropertyType

_FIELDS = tuple(STANDARD_FIELDS.values())
_COLUMNS = (*_FIELDS, "properties")
_STATES = {state.value: state for state in ResourceState}
_decode_properties = msgspec.json.Decoder(dict[str, Value]).decode

SELECT_RESOURCES = f"SELECT {', '.join(_COLUMNS)} FROM resources ORDER BY id"
INSERT_RESOURCE = (
    f"INSERT INTO resources ({', '.join(_COLUMNS)}) SELECT {', '.join('?' * len(_COLUMNS))}"
    " WHERE ? > ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'resources'), 0)"
)
"""Inserts nothing where the id was given before."""
UPDATE_RESOURCE = (
    f"UPDATE resources SET {', '.join(f'{name} = ?' for name in _COLUMNS)} WHERE id = ?"
)


def resource_values(resource: Resource) -> Row:
    """For :data:`INSERT_RESOURCE` and :data:`UPDATE_RESOURCE`."""
    values = (getattr(resource, field) for field in _FIELDS)
    return (
        *(value.value if isinstance(value, ResourceState) else value for value in values),
        msgspec.json.encode(resource.properties).decode(),
        resource.id,
    )


def resource_of(row: Row) -> Resource:
    """A row of :data:`SELECT_RESOURCES`."""
    known = dict(zip(_COLUMNS, row, strict=True))
    known["state"] = _STATES[known["state"]]
    known["properties"] = _decode_properties(known["properties"])
    return Resource(**known)


SELECT_PROPERTIES = "SELECT name, type FROM resource_properties ORDER BY name"


def property_of(row: Row) -> Property:
    """A row of :data:`SELECT_PROPERTIES`."""
    return Property(name=row[0], type=PropertyType(row[1]))
