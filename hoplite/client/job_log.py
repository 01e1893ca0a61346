"""What a job prints, as it prints it, through restarts of the server."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

from hoplite.client.patience import Patience
from hoplite.client.pieces import Pieces
from hoplite.client.server_connection import ServerConnection, may_pass
from hoplite.exceptions import HopliteError, JobDoesNotExistError, LogRemovedError, NoAnswerError


def followed_log(
    connection: ServerConnection, path: str, stream: str, has_ended: Callable[[], bool]
) -> Iterator[str]:
    """The text of one stream in pieces, from its beginning until the job has ended.

    ``has_ended`` asks the server; it is called when the server has nothing more to send.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    away = Patience(connection.retry_s)
    offset, over = 0, False
    while not over:
        query = {"stream": stream, "follow": "1", "offset": str(offset)}
        with connection.stream(path, query, {}) as answer:
            problem: HopliteError
            if isinstance(answer, HopliteError):
                problem = answer
            else:
                problem = NoAnswerError(connection.address.url, "the log broke off")
                away.renew(connection.reconnect_s)
                pieces = Pieces(answer)
                for chunk in pieces:
                    offset += len(chunk)
                    away.renew()
                    if text := decoder.decode(chunk):
                        yield text
                if not pieces.broke_off:
                    over, problem = _asked(has_ended, problem)
        if not over and (not may_pass(problem) or not away.pause()):
            raise problem
    # Between a break and its end it may have written more.
    rest = _rest(connection, path, {"stream": stream, "offset": str(offset)})
    if text := decoder.decode(rest, final=True):
        yield text


def _rest(connection: ServerConnection, path: str, query: dict[str, str]) -> bytes:
    try:
        return connection.ask("GET", path, params=query).content
    except (JobDoesNotExistError, LogRemovedError):
        return b""


def _asked(has_ended: Callable[[], bool], problem: HopliteError) -> tuple[bool, HopliteError]:
    """Whether it has ended, and else why the log may not go on: the server may have stopped."""
    try:
        return has_ended(), problem
    except HopliteError as error:
        return False, error
