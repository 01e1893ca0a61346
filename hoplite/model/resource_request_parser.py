"""OAR's language of resource requests, read.

::

    request  = [ groups ] [ "," walltime ]       either part may be missing
    groups   = group { "+" group }
    group    = [ "{" filter "}" ] [ "/" ] [ level { "/" level } [ "/" ] ]
    level    = property "=" (whole number | ALL | BEST | BESTHALF)
    walltime = "walltime" "=" hours [ ":" minutes [ ":" seconds ] ]

Blanks and line ends may stand between any two words.  ``nodes`` is ``network_address``.  A group
without levels asks for one resource of its filter, an empty request for one resource.
"""

from __future__ import annotations

from hoplite.model.property_expression import Expression
from hoplite.model.property_filter import read_filter
from hoplite.model.request_tokens import Kind, Tokens
from hoplite.model.resource_property import ALIASES, PropertyTable
from hoplite.model.resource_request import (
    DEFAULT_REQUEST,
    CountWord,
    Group,
    Level,
    ResourceRequest,
)

MAX_GROUPS = 64
MAX_LEVELS = 16
MAX_COUNT = 2**31 - 1
MAX_WALLTIME_S = 2**31 - 1

_DEFAULT_LEVELS = DEFAULT_REQUEST.groups[0].levels
_WALLTIME_WANTED = "a walltime as hours, hours:minutes or hours:minutes:seconds"


def parse_request(text: str, properties: PropertyTable, field: str = "resource") -> ResourceRequest:
    """Read one request; the properties that it names are those of ``properties``.

    Raises :class:`RequestSyntaxError`, whatever the text is.
    """
    tokens = Tokens(text, field)
    if tokens.at_end():
        return DEFAULT_REQUEST
    if tokens.current.word == "WALLTIME":
        groups = DEFAULT_REQUEST.groups
    else:
        groups = _groups(tokens, properties)
        if tokens.at_end():
            return ResourceRequest(groups)
        tokens.expect(",", "/, +, a comma and walltime=, or the end")
    return ResourceRequest(groups, _walltime(tokens))


def parse_walltime(text: str, field: str = "walltime") -> int:
    """Seconds of ``hours[:minutes[:seconds]]``.  Raises :class:`RequestSyntaxError`."""
    return _duration(Tokens(text, field))


def _groups(tokens: Tokens, properties: PropertyTable) -> tuple[Group, ...]:
    groups = [_group(tokens, properties)]
    while tokens.accept("+"):
        if len(groups) == MAX_GROUPS:
            raise tokens.error(tokens.current.start, f"more than {MAX_GROUPS} groups")
        groups.append(_group(tokens, properties))
    return tuple(groups)


def _group(tokens: Tokens, properties: PropertyTable) -> Group:
    expression, text = _filter(tokens, properties)
    slash = tokens.accept("/")
    if expression is not None and not tokens.current.word:
        return Group(_DEFAULT_LEVELS, expression, text)
    wanted = "a property's name" if slash else "a property's name, / or {"
    levels = [_level(tokens, properties, wanted)]
    while tokens.accept("/") and not tokens.at_end():
        if tokens.at("+") or tokens.at(","):
            break
        if len(levels) == MAX_LEVELS:
            raise tokens.error(tokens.current.start, f"more than {MAX_LEVELS} levels")
        levels.append(_level(tokens, properties, "a property's name"))
    return Group(tuple(levels), expression, text)


def _filter(tokens: Tokens, properties: PropertyTable) -> tuple[Expression | None, str]:
    opening = tokens.current.end
    if not tokens.accept("{"):
        return None, ""
    expression = read_filter(tokens, properties)
    closing = tokens.current.start
    tokens.expect("}", "AND, OR or }")
    return expression, tokens.text[opening:closing].strip()


def _level(tokens: Tokens, properties: PropertyTable, wanted: str) -> Level:
    token = tokens.current
    if not token.word:
        raise tokens.expected(wanted)
    name = ALIASES["nodes"] if token.word == "NODES" else token.value
    found = properties.get(name)
    if found is None:
        raise tokens.error(token.start, properties.unknown(token.value))
    tokens.take()
    tokens.expect("=", "= and a count")
    return Level(found.name, _count(tokens))


def _count(tokens: Tokens) -> int | CountWord:
    token = tokens.current
    if token.word in CountWord.__members__:
        tokens.take()
        return CountWord[token.word]
    if token.kind is not Kind.NUMBER:
        raise tokens.expected("a whole number, ALL, BEST or BESTHALF")
    count = int(token.value)
    if not 1 <= count <= MAX_COUNT:
        raise tokens.error(token.start, f"a count is from 1 to {MAX_COUNT}")
    tokens.take()
    return count


def _walltime(tokens: Tokens) -> int:
    if not tokens.accept_word("WALLTIME"):
        raise tokens.expected("walltime=")
    tokens.expect("=", f"= and {_WALLTIME_WANTED}")
    return _duration(tokens)


def _duration(tokens: Tokens) -> int:
    start = tokens.current.start
    total = _whole_number(tokens) * 3600
    for unit in (60, 1):
        if not tokens.accept(":"):
            break
        total += _whole_number(tokens) * unit
    if not tokens.at_end():
        raise tokens.expected("the end after the walltime")
    if not 1 <= total <= MAX_WALLTIME_S:
        raise tokens.error(start, f"a walltime is from 1 to {MAX_WALLTIME_S} seconds")
    return total


def _whole_number(tokens: Tokens) -> int:
    if tokens.current.kind is not Kind.NUMBER:
        raise tokens.expected(_WALLTIME_WANTED)
    return int(tokens.take().value)
