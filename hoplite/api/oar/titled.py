"""Errors as OAR says them: a code, a title, a message."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from hoplite.exceptions import (
    HopliteError,
    InternalServerError,
    InvalidFieldError,
    InvalidRequestError,
    JobDoesNotExistError,
    JobPluginDoesNotExistError,
    NotAuthenticatedError,
    NotAuthorizedError,
    NotFoundError,
)

_TITLES: dict[type[HopliteError], str] = {
    InvalidRequestError: "Bad query",
    InvalidFieldError: "Invalid Field",
    NotAuthenticatedError: "Permission denied",
    NotAuthorizedError: "Forbidden",
    JobDoesNotExistError: "Job not found",
    JobPluginDoesNotExistError: "Not found",
    NotFoundError: "Not found",
    InternalServerError: "Oar server error",
}


class Titled(Exception):
    """``error``, under a ``title`` that OAR has for just this, like "Missing Required Field".

    Errors raised bare get the title of their class, by :func:`title_of`.
    """

    def __init__(self, title: str, error: HopliteError) -> None:
        super().__init__(title, error)
        self.title = title
        self.error = error


class OarError(msgspec.Struct, frozen=True):
    """An error.  ``code`` is the HTTP status; 200 with ``debug=1``, where ``title`` has it."""

    code: int
    title: str
    message: str


def title_of(error: HopliteError) -> str:
    """The title of the nearest class that has one, else the name of the HTTP status."""
    titles = (_TITLES[kind] for kind in type(error).__mro__ if kind in _TITLES)
    return next(titles, None) or HTTPStatus(error.http_status).phrase
