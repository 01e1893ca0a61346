"""How a route of the OAR dialect is declared, and how it answers.

::

    routes = OarRoutes("OAR resources")

    @routes.get("/resources", query=PageQuery, answers={200: Collection[ResourceItem]})
    def list_resources(call: OarCall[PageQuery, None]) -> Answer:
        "The first line is the summary, the rest the description."
        return paged(call, [item(call, row, links) for row in rows], total)

    @routes.post("/resources/<id>/state", right=Right.OAR, body=StateBody, about="Resource state",
                 answers={200: StateAnswer}, raises=[NotFoundError])
    def set_state(call: OarCall[NoOptions, StateBody]) -> Answer:
        return Answer({"id": str(call.id), "uri": call.href(f"/resources/{call.id}")})

A path is declared once, without mount and extension; it is served below ``/oarapi`` and
``/oarapi-priv``, bare and with ``.json``, ``.yaml`` and ``.html``.  ``<id>`` in it is a whole number
(``call.id``; a job's uuid will do too), any other ``<name>`` one segment (``call.path["name"]``, without
the extension), ``<number:name>`` digits, ``<file:name>`` the path of a file, and ``<path:name>``
all the rest;
``parameters={"address": "The node's name."}`` says what each means in the OpenAPI document.  ``aliases``
are further paths for the same.  Add the module's ``routes`` to ``OAR_ROUTES`` in
:mod:`hoplite.api.oar.mount`; menu and index show what is there by themselves.

*Rights*: ``Right.PUBLIC`` (nobody need be known: ``call.known`` may be None, and what such a one may
see of a job is for the route to decide), ``Right.USER`` (an identified caller: ``call.caller``),
``Right.OAR`` (an administrator).

*What comes in*: ``query`` is a struct that derives from :class:`Options` or :class:`PageQuery`; other
parameters are passed over, as OAR does.  ``body`` is a msgspec type, decoded from JSON, YAML or a form
(there all values are text, so numbers and booleans are read from text, and a key that comes twice is
a list): a struct, or ``Hash`` where any key may come, or a union like ``Hash | list[Hash]``.  ``about``
is the noun in errors ("Resource description must be in YAML or JSON").  Without ``body`` the request's
body is left alone.

*What goes out*: an :class:`Answer` (its value is put into the asked format), from :func:`paged`,
:func:`whole` and :func:`item` of :mod:`~hoplite.api.oar.collection`, or of your own; or a
:class:`flask.Response` as it is, for files and forms (:func:`~hoplite.api.oar.pages.page`).

*Pages*: browsers are shown an answer key by key, unless ``page=`` gives a function from the call and
the value to a :class:`~hoplite.api.oar.pages.Page`.  A form of our own pages is sent to an address with
``?then=page``: where it succeeds, the browser is led on to what the answer links to, or to the
:class:`~hoplite.api.oar.pages.Next` of the function in ``then=``; where it is refused, ``form=`` (a function
of the call, whose body is None) is the page of the form again, with what was filled in and the error.

*Errors*: raise from :mod:`hoplite.exceptions`; ``raise Titled("Missing Required Field", error)`` gives
OAR's own title.  The frame writes ``{code, title, message}`` in the asked format.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from flask import Response
from msgspec import Meta

from hoplite.api.endpoint import LARGEST, Call, Operation
from hoplite.api.oar.formats import Format, Wanted
from hoplite.api.oar.links import OPEN, Base, Link
from hoplite.api.oar.pages import Next, Page
from hoplite.api.oar.titled import OarError
from hoplite.exceptions import (
    HopliteError,
    NotAcceptableError,
    NotAuthorizedError,
    NotFoundError,
)

Q = TypeVar("Q")
B = TypeVar("B")

Hash = dict[str, Any]
"""A body of any keys."""


class Right(Enum):
    """Who may: the document's ``public``, ``user`` and ``oar``."""

    PUBLIC = "public"
    USER = "user"
    OAR = "oar"


class Options(msgspec.Struct, frozen=True):
    """What every route takes in its query."""

    structure: Annotated[
        Literal["simple", "oar"],
        Meta(description="`oar`: hashes by id, as oarstat and oarnodes write them."),
    ] = "simple"
    debug: Annotated[
        str, Meta(description="`1`: the status is 200 whatever happens; the body says what did.")
    ] = ""


class PageQuery(Options, frozen=True):
    """Which page of a collection."""

    limit: (
        Annotated[
            int, Meta(ge=0, le=LARGEST, description="Items on a page; 0: all that there are.")
        ]
        | None
    ) = None
    offset: Annotated[
        int, Meta(ge=0, le=LARGEST, description="Items before the first one of the page.")
    ] = 0


@dataclass(frozen=True)
class Answer:
    """``value`` (dicts, lists, structs: what msgspec writes) in the asked format."""

    value: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OarCall(Call[Q, B]):
    """One request, understood.  ``caller`` raises where nobody is known; ``known`` is None then."""

    wanted: Wanted
    base: Base
    structure: Literal["simple", "oar"]
    now: int = field(default_factory=lambda: int(time.time()))
    """Seconds since 1970: the ``api_timestamp`` of all that is answered."""

    @property
    def id(self) -> int:
        """The number that the path names; of a job that it names by its uuid, the job's id.  Raises
        :class:`~hoplite.exceptions.JobDoesNotExistError` for a uuid of no job."""
        text = self.path["id"]
        return int(text) if text.isdigit() else self.service.manager.job(text).id

    def href(self, path: str) -> str:
        """The address of ``path`` ("/jobs/3", without mount): below the mount of this request, and
        with ``.html`` in pages, so that their links lead to pages."""
        return self.base.href(path, extension=self._extension)

    def link(self, rel: str, path: str, title: str | None = None) -> Link:
        return Link(rel=rel, href=self.href(path), title=title)

    @property
    def _extension(self) -> str:
        return ".html" if self.wanted.format is Format.HTML else ""


OarHandler = Callable[[OarCall[Any, Any]], "Answer | Response"]
PageOf = Callable[[OarCall[Any, Any], Any], Page]
FormOf = Callable[[OarCall[Any, Any]], Page]
NextOf = Callable[[OarCall[Any, Any]], Next]


@dataclass(frozen=True)
class OarOperation(Operation):
    """One method of one path, on both mounts."""

    right: Right = Right.PUBLIC
    about: str = "Request"
    by_extension: bool = True
    """Whether the path takes an extension; false for paths that are names of files."""
    page: PageOf | None = None
    form: FormOf | None = None
    then: NextOf | None = None
    number: int = 0
    """Of the path among the aliases of its handler."""

    @property
    def name(self) -> str:
        return f"oar_{self.handler.__name__}" + (f"_{self.number}" if self.number else "")

    @property
    def address(self) -> str:
        return OPEN + self.path

    @property
    def error_type(self) -> type[msgspec.Struct]:
        return OarError

    @property
    def answer_media(self) -> Sequence[str]:
        return ("application/json", "text/yaml", "text/html")

    @property
    def body_media(self) -> Sequence[str]:
        return (
            "application/json",
            "text/yaml",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        )


_ANYWHERE: Mapping[Right, Sequence[type[HopliteError]]] = {
    Right.PUBLIC: [NotAcceptableError],
    Right.USER: [NotAcceptableError],
    Right.OAR: [NotAcceptableError, NotAuthorizedError],
}
"""What the frame raises, beside 401."""


class OarRoutes:
    """The routes of one part of the dialect."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.operations: list[OarOperation] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        right: Right = Right.PUBLIC,
        aliases: Sequence[str] = (),
        query: type[Options] = Options,
        raises: Sequence[type[HopliteError]] = (),
        **declared: Any,
    ) -> Callable[[OarHandler], OarHandler]:
        """Declare the decorated function as the answer to ``method path``; the rest is as in
        :class:`OarOperation`."""

        def declare(handler: OarHandler) -> OarHandler:
            for number, each in enumerate([path, *aliases]):
                operation = OarOperation(
                    method=method,
                    path=each,
                    tag=self.tag,
                    handler=handler,  # type: ignore[arg-type] # called by the mount, with an OarCall
                    query=query,
                    raises=[*_ANYWHERE[right], *([NotFoundError] if "<" in each else []), *raises],
                    right=right,
                    public=right is Right.PUBLIC,
                    number=number,
                    **declared,
                )
                self.operations.append(operation)
            return handler

        return declare

    def get(self, path: str, **declared: Any) -> Callable[[OarHandler], OarHandler]:
        return self.add("GET", path, **declared)

    def post(self, path: str, **declared: Any) -> Callable[[OarHandler], OarHandler]:
        return self.add("POST", path, **declared)

    def put(self, path: str, **declared: Any) -> Callable[[OarHandler], OarHandler]:
        return self.add("PUT", path, **declared)

    def delete(self, path: str, **declared: Any) -> Callable[[OarHandler], OarHandler]:
        return self.add("DELETE", path, **declared)
