"""An answer that comes in pieces, and may break off."""

from __future__ import annotations

from collections.abc import Iterator

import requests


class Pieces:
    """Iterates over what comes; ``broke_off`` says afterwards whether it was cut short."""

    def __init__(self, answer: requests.Response) -> None:
        self._answer = answer
        self.broke_off = False

    def __iter__(self) -> Iterator[bytes]:
        # Without chunks the library would wait until it has as much as it is asked for.
        chunked = "chunked" in self._answer.headers.get("Transfer-Encoding", "")
        try:
            yield from self._answer.iter_content(None if chunked else 1)
        except requests.RequestException:
            self.broke_off = True
