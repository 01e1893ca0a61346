"""Sessions of the HTTP library, for use from any thread and after a fork.

A session is lent to one request at a time, so threads never share one.  A forked child gets new
ones: a connection that it shares with its parent would mix up their answers.
"""

from __future__ import annotations

import os
from collections import deque
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter

from hoplite.client.credentials import Credentials

_IDLE_KEPT = 8


class Sessions:
    """The idle sessions to one server."""

    def __init__(self, credentials: Credentials, environment_proxies: bool) -> None:
        self._credentials = credentials
        self._environment_proxies = environment_proxies
        # Its append and pop are atomic: no lock that a fork could find taken.
        self._idle: deque[requests.Session] = deque()
        self._pid = os.getpid()

    def take(self) -> requests.Session:
        """A session that nobody else uses; :meth:`give_back` it or close it."""
        if self._pid != os.getpid():
            self._forget_parents()
        try:
            return self._idle.pop()
        except IndexError:
            return self._new()

    def give_back(self, session: requests.Session, taken_by: int) -> None:
        """``taken_by`` is the process that took it."""
        if taken_by == self._pid == os.getpid() and len(self._idle) < _IDLE_KEPT:
            self._idle.append(session)
        else:
            session.close()

    def close(self) -> None:
        """Close the idle ones; new ones are made when they are asked for."""
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def _forget_parents(self) -> None:
        parents, self._idle = self._idle, deque()
        self._pid = os.getpid()
        # The child's ends only.  Idle ones: no thread of the parent held a lock in them.
        for session in parents:
            session.close()

    def _new(self) -> requests.Session:
        session = requests.Session()
        # Set even if there are none: else the library would look in netrc for itself.
        session.auth = self._credentials
        session.trust_env = self._environment_proxies
        session.headers["User-Agent"] = "hoplite-client"
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))
        return session
