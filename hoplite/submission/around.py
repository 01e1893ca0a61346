"""What a submission is read against: the little of the server that it must know."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from hoplite.model.resource_property import PropertyTable
from hoplite.submission.launching_place import Homes


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """The server, and who asks."""

    properties: PropertyTable
    home: str
    """Of the account that the jobs will run as."""
    homes: Homes
    max_array: int
    max_script_bytes: int
    read_file: Callable[[str, str], str]
    """The text of a file that the caller may read, by its absolute path; the second argument is the
    option that names it, for errors."""
