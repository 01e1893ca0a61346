"""``/nodes=node{2}.x/cpu={2}/core={2}``: many resources in one line, as ``oaradmin`` takes it.

::

    expression := ["/"] level ("/" level)*
    level      := name "=" value            name: a property; nodes, node and hostname are aliases
    value      := text with at most one "{" count "}" or "[" number list "]" in it

``{2}`` makes two, numbered on through the whole expression: the cpus of the second node go on
where those of the first ended.  ``[1-3,7]`` makes four that have these numbers below every parent;
``[01-12]`` keeps the zeros.  A value with neither is the one value of all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from math import prod
from typing import NamedTuple, NoReturn

from hoplite.exceptions import RequestSyntaxError
from hoplite.model.resource_property import ALIASES

MAX_GENERATED = 100_000
"""Resources that one expression makes."""
MAX_LEVELS = 20
MAX_EXPRESSION = 10_000

_EXCERPT = 40
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TEXT = re.compile(r"[^\s\x00-\x1f\x7f/={}\[\]]*")
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
_COUNT = re.compile(r"\d+", re.ASCII)
_ALIASES = {**ALIASES, "node": "network_address"}


class _Level(NamedTuple):
    name: str
    before: str
    after: str
    numbers: tuple[str, ...] | None
    """What stands between ``before`` and ``after`` for each child; None: numbers that count on."""
    size: int

    @property
    def is_number(self) -> bool:
        return self.numbers is None and not self.before and not self.after

    def children(self, numbered: Iterator[int]) -> Iterator[str]:
        for nth in range(self.size):
            middle = str(next(numbered)) if self.numbers is None else self.numbers[nth]
            yield f"{self.before}{middle}{self.after}"


def generated(
    expression: str, first: Callable[[str], int] = lambda _name: 1
) -> list[dict[str, str | int]]:
    """The resources that ``expression`` stands for: the value of each level as text, and
    ``cpuset``, the number of the resource on its node from 0.

    ``first`` gives the number that a level whose values are numbers begins with.  Raises
    :class:`RequestSyntaxError`.
    """
    levels = _Reader(expression).levels()
    numbered = [_from(first(level.name) if level.is_number else 1) for level in levels]
    made: list[dict[str, str | int]] = [{}]
    for level, numbers in zip(levels, numbered, strict=True):
        made = [
            {**parent, level.name: child} for parent in made for child in level.children(numbers)
        ]
    on_node: Counter[str | int] = Counter()
    for each in made:
        node = each["network_address"]
        each.setdefault("cpuset", on_node[node])
        on_node[node] += 1
    return made


def _from(number: int) -> Iterator[int]:
    while True:
        yield number
        number += 1


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        if len(text) > MAX_EXPRESSION:
            self._refuse(f"longer than {MAX_EXPRESSION} characters", MAX_EXPRESSION)

    def levels(self) -> list[_Level]:
        found: list[_Level] = []
        self._accept("/")
        while True:
            start = self.at
            level = self._level()
            if level.name in (one.name for one in found):
                self._refuse(f"{level.name} is a level already", start)
            found.append(level)
            if len(found) > MAX_LEVELS:
                self._refuse(f"more than {MAX_LEVELS} levels", start)
            if prod(one.size for one in found) > MAX_GENERATED:
                self._refuse(f"more than {MAX_GENERATED} resources", start)
            if self.at == len(self.text):
                break
            self._expect("/", "/ and the next level, or the end")
        if "network_address" not in (one.name for one in found):
            self._refuse("no level names the nodes: begin with /nodes=node{2}", 0)
        return found

    def _level(self) -> _Level:
        name = self._take(_NAME, "the name of a property").lower()
        self._expect("=", f"= after {name}")
        start = self.at
        before = self._take(_TEXT)
        numbers: tuple[str, ...] | None = ("",)
        size = 1
        if self._accept("{"):
            numbers, size = None, self._count()
        elif self._accept("["):
            numbers = tuple(self._listed())
            size = len(numbers)
        after = self._take(_TEXT)
        if self.at == start:
            self._refuse(f"expected a value of {name}, like x, {{2}} or [1-2]", start)
        return _Level(_ALIASES.get(name, name), before, after, numbers, size)

    def _count(self) -> int:
        start = self.at
        digits = self._take(_COUNT, "a number: how many")
        if len(digits) > 9 or not 1 <= int(digits) <= MAX_GENERATED:
            self._refuse(f"expected a number from 1 to {MAX_GENERATED}", start)
        self._expect("}", "}")
        return int(digits)

    def _listed(self) -> Iterator[str]:
        seen: set[str] = set()
        while True:
            start = self.at
            match = _RANGE.match(self.text, self.at)
            if match is None:
                self._refuse("expected a number or a range like 1-3", start)
            self.at = match.end()
            low, high = match[1], match[2] or match[1]
            if not 0 <= int(high) - int(low) < MAX_GENERATED:
                self._refuse("expected a range that ascends, not beyond all measure", start)
            new = [str(n).zfill(len(low)) for n in range(int(low), int(high) + 1)]
            if not seen.isdisjoint(new):
                self._refuse("a number is listed twice", start)
            seen.update(new)
            yield from new
            if self._accept("]"):
                return
            self._expect(",", ", or ]")

    def _take(self, pattern: re.Pattern[str], what: str = "") -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            self._refuse(f"expected {what}", self.at)
        self.at = match.end()
        return match[0]

    def _accept(self, symbol: str) -> bool:
        found = self.text.startswith(symbol, self.at)
        self.at += found
        return found

    def _expect(self, symbol: str, what: str) -> None:
        if not self._accept(symbol):
            self._refuse(f"expected {what}", self.at)

    def _refuse(self, message: str, position: int) -> NoReturn:
        start, end = max(0, position - _EXCERPT), position + _EXCERPT
        shown = ("…" if start else "") + self.text[start:end]
        shown += "…" if end < len(self.text) else ""
        raise RequestSyntaxError(
            f"resources: {message}, at character {position + 1} of {shown!r}",
            field="resources",
            position=position,
        )
