"""Several ways to know who asks, together."""

from __future__ import annotations

from collections.abc import Sequence

from hoplite.api.auth.addresses import Networks
from hoplite.api.auth.in_process import InProcessAuthenticator
from hoplite.api.auth.kernel import KernelAuthenticator
from hoplite.api.auth.protocol import Accounts, Authenticator, AuthSettings
from hoplite.api.auth.proxy import ProxyAuthenticator
from hoplite.api.auth.unix_users import own_uid
from hoplite.api.auth.users import UsersAuthenticator
from hoplite.api.serving.environ import Environ
from hoplite.exceptions import SettingError
from hoplite.model.caller import Caller


class Authenticators:
    """The first that knows the caller wins; wrong credentials end the search."""

    def __init__(self, chain: Sequence[Authenticator]) -> None:
        self._chain = tuple(chain)

    def identify(self, environ: Environ) -> Caller | None:
        for authenticator in self._chain:
            caller = authenticator.identify(environ)
            if caller is not None:
                return caller
        return None

    def challenges(self) -> list[str]:
        return [each for authenticator in self._chain for each in authenticator.challenges()]


def authenticators(settings: AuthSettings, accounts: Accounts | None) -> Authenticators:
    """What the setting ``auth`` asks for, whatever its order: credentials that the client shows
    go first, then what its proxy says, then what the kernel says; callers in the server's own
    process before them all, unless they show credentials.

    ``accounts`` may be None where ``auth`` has no ``users``.
    """
    proxies = Networks(settings.behind_proxy)
    chain: list[Authenticator] = []
    if "users" in settings.auth:
        if accounts is None:
            raise SettingError("auth users needs an account store", field="auth")
        chain.append(UsersAuthenticator(accounts))
    chain.append(InProcessAuthenticator())
    if "proxy" in settings.auth:
        chain.append(
            ProxyAuthenticator(
                proxies=proxies,
                user_header=settings.proxy_user_header,
                admins=settings.proxy_admins,
            )
        )
    if "kernel" in settings.auth:
        uid = own_uid()
        chain.append(
            KernelAuthenticator(
                admins=settings.admins,
                submitters=settings.submitters,
                is_root=uid == 0,
                own_uid=uid,
                proxies=proxies,
            )
        )
    return Authenticators(chain)
