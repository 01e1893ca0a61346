"""Callers within the server's own process."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from hoplite.api.auth.unix_users import own_name
from hoplite.api.serving.environ import IN_PROCESS, Environ, is_in_process
from hoplite.model.caller import Caller, Role


class InProcessClient(FlaskClient):
    """Flask's test client, whose requests say that they come over no connection.

    The application must not guess it from what is missing in the environ: some servers tell less
    than others.  No header can set this key.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        base: dict[str, Any] = self.environ_base
        base[IN_PROCESS] = True


class InProcessAuthenticator:
    """Code in the server's own process is the server's own user."""

    def __init__(self) -> None:
        self._caller = Caller(own_name(), Role.ADMIN, "process")

    def identify(self, environ: Environ) -> Caller | None:
        return self._caller if is_in_process(environ) else None

    def challenges(self) -> list[str]:
        return []
