"""Where the last lines of a file begin."""

from __future__ import annotations

from collections.abc import Callable

_BLOCK = 64 << 10
_LONGEST = 64 << 20
"""So far back lines are looked for: a file with holes can be larger than any disk."""


def start_of_tail(read: Callable[[int, int], bytes], end: int, lines: int) -> int:
    """The offset of the last ``lines`` lines of a file of ``end`` bytes, of those in the last 64 MiB.

    ``read(offset, size)`` gives its bytes.
    """
    floor = max(0, end - _LONGEST)
    if lines == 0:
        return end
    position, missing = end, lines + (read(end - 1, 1) == b"\n" if end else 0)
    while position > floor:
        start = max(floor, position - _BLOCK)
        block = read(start, position - start)
        found = block.count(b"\n")
        if found >= missing:
            return start + _nth_newline_from_end(block, missing) + 1
        missing -= found
        position = start
    return floor


def _nth_newline_from_end(block: bytes, nth: int) -> int:
    at = len(block)
    for _ in range(nth):
        at = block.rindex(b"\n", 0, at)
    return at
