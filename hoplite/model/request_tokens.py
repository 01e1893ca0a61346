"""The words of resource requests and property filters, read one by one, with their positions."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from hoplite.exceptions import RequestSyntaxError

MAX_TEXT = 10_000
"""Characters of a request or a filter."""
MAX_DIGITS = 18
_EXCERPT = 40


class Kind(StrEnum):
    WORD = "word"
    QUOTED_NAME = "quoted name"
    NUMBER = "number"
    TEXT = "text"
    SYMBOL = "symbol"
    END = "end"


class Token(msgspec.Struct, frozen=True, gc=False):
    kind: Kind
    value: str
    """Without its quotes."""
    start: int
    end: int

    @property
    def word(self) -> str:
        """A bare word in upper case, as keywords are; empty for anything else."""
        return self.value.upper() if self.kind is Kind.WORD else ""


_BLANKS = re.compile(r"[ \t\r\n\f\v]*")
_TOKEN = re.compile(
    r"""(?P<WORD>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<NUMBER>[0-9]+)
    |'(?P<TEXT>(?:[^']|'')*)'
    |"(?P<QUOTED_NAME>(?:[^"]|"")+)"
    |(?P<SYMBOL><=|>=|<>|!=|[=<>(),/+:{}-])""",
    re.VERBOSE,
)


class Tokens:
    """A cursor over a text.

    ``field`` is the part of the client's request that the errors name.  Raises
    :class:`RequestSyntaxError` as soon as the cursor meets what is no word of either language.
    """

    def __init__(self, text: str, field: str) -> None:
        self.text = text
        self.field = field
        if len(text) > MAX_TEXT:
            raise self.error(MAX_TEXT, f"longer than {MAX_TEXT} characters")
        self.current = self._read(0)

    def take(self) -> Token:
        """The current token; the cursor moves on."""
        token = self.current
        self.current = self._read(token.end)
        return token

    def at_end(self) -> bool:
        return self.current.kind is Kind.END

    def at(self, symbol: str) -> bool:
        return self.current.kind is Kind.SYMBOL and self.current.value == symbol

    def accept(self, symbol: str) -> bool:
        """Move over ``symbol`` if it is next; whether it was."""
        found = self.at(symbol)
        if found:
            self.take()
        return found

    def accept_word(self, word: str) -> bool:
        """Move over a keyword (in upper case) if it is next; whether it was."""
        found = self.current.word == word
        if found:
            self.take()
        return found

    def expect(self, symbol: str, what: str) -> None:
        if not self.accept(symbol):
            raise self.expected(what)

    def expected(self, what: str) -> RequestSyntaxError:
        """The error for a current token that is not ``what``."""
        found = "the end"
        if not self.at_end():
            found = _clipped(self.text[self.current.start : self.current.end])
        return self.error(self.current.start, f"expected {what}, found {found}")

    def error(self, position: int, message: str) -> RequestSyntaxError:
        start, end = max(0, position - _EXCERPT), position + _EXCERPT
        excerpt = (
            ("…" if start else "") + self.text[start:end] + ("…" if end < len(self.text) else "")
        )
        return RequestSyntaxError(
            f"{self.field}: {message}, at character {position + 1} of {excerpt!r}",
            field=self.field,
            position=position,
        )

    def _read(self, position: int) -> Token:
        blanks = _BLANKS.match(self.text, position)
        start = blanks.end() if blanks else position
        if start == len(self.text):
            return Token(Kind.END, "", start, start)
        match = _TOKEN.match(self.text, start)
        if match is None or match.lastgroup is None:
            raise self._unreadable(start)
        value, kind = match[match.lastgroup], Kind[match.lastgroup]
        if kind is Kind.NUMBER and len(value) > MAX_DIGITS:
            raise self.error(start, f"a number has at most {MAX_DIGITS} digits")
        if kind is Kind.TEXT:
            value = value.replace("''", "'")
        return Token(kind, value, start, match.end())

    def _unreadable(self, start: int) -> RequestSyntaxError:
        character = self.text[start]
        if character in "'\"":
            return self.error(start, f"the {character} that opens here is never closed")
        return self.error(start, f"{character!r} is not understood")


def _clipped(text: str) -> str:
    return repr(text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…")
