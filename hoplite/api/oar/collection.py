"""Items and collections ("Pagination and common rules into output data" of the document)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from hoplite.api.oar.endpoint import Answer, OarCall, PageQuery
from hoplite.api.oar.links import Link, encoded, query_pairs, uris

T = TypeVar("T")


class Collection(msgspec.Struct, Generic[T], frozen=True):
    """A page of items.  With ``structure=oar`` ``items`` is a hash of them by id.  Empty
    collections have no ``api_timestamp``."""

    items: list[T] | dict[str, T]
    links: list[Link]
    offset: int
    total: int
    api_timestamp: int | UnsetType = UNSET


def limit_of(call: OarCall[Any, Any]) -> int | None:
    """How many items to read for the page that is asked for; None: all that there are."""
    query: PageQuery = call.query
    if query.limit is None:
        return call.service.settings.page_limit
    return query.limit or None


Items = Sequence[Mapping[str, Any]]


def paged(call: OarCall[Any, Any], items: Items, total: int, *, hash_by_id: bool = True) -> Answer:
    """The page ``items`` of ``total``; ``call.query`` is a :class:`PageQuery`, whose ``offset`` and
    :func:`limit_of` say which items these are.  ``hash_by_id``: what ``structure=oar`` does to it."""
    keyed = hash_by_id and call.structure == "oar"
    return _collection(call, items, call.query.offset, total, _page_links(call, total), keyed)


def whole(
    call: OarCall[Any, Any], items: Items, *, hash_by_id: bool = False, with_query: bool = False
) -> Answer:
    """A collection that is not paged.  ``with_query``: what was asked for is part of its address."""
    address = _at(call, None) if with_query else call.base.again(call.request)
    links = [Link("self", address)]
    keyed = hash_by_id and call.structure == "oar"
    return _collection(call, items, 0, len(items), links, keyed)


def item(
    call: OarCall[Any, Any],
    values: Mapping[str, Any],
    links: Sequence[Link],
    *,
    with_uris: bool = False,
) -> dict[str, Any]:
    """``values`` with ``links`` and ``api_timestamp``; ``with_uris``: also with ``uri``,
    ``node_uri`` and ``jobs_uri``, for links ``self`` and those titled "node" and "jobs"."""
    found = {**values, "links": list(links), "api_timestamp": call.now}
    return {**found, **uris(links)} if with_uris else found


def _collection(
    call: OarCall[Any, Any], items: Items, offset: int, total: int, links: list[Link], keyed: bool
) -> Answer:
    if total == 0:
        return Answer(Collection(items=[], links=[], offset=0, total=0))
    shown: Any = {str(each["id"]): each for each in items} if keyed else list(items)
    return Answer(
        Collection(items=shown, links=links, offset=offset, total=total, api_timestamp=call.now)
    )


def _page_links(call: OarCall[Any, Any], total: int) -> list[Link]:
    limit, offset = limit_of(call), call.query.offset
    if limit is None:
        return [Link("self", _at(call, None))]
    links = [Link("self", _at(call, offset))]
    if offset + limit < total:
        links.append(Link("next", _at(call, offset + limit)))
    if offset - limit >= 0:
        links.append(Link("previous", _at(call, offset - limit)))
    return links


def _at(call: OarCall[Any, Any], offset: int | None) -> str:
    pairs = [pair for pair in query_pairs(call.request) if pair[0] != "offset"]
    if offset is not None:
        pairs.append(("offset", str(offset)))
    return call.base.again(call.request) + ("?" + encoded(pairs) if pairs else "")
