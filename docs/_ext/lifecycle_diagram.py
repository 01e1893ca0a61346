"""Draw states and transitions as SVG: states in one column, transitions as arcs beside it.

To the right go the ways forward, to the left the ways back; the longer a way, the wider its arc.
Nothing is placed by hand, so a new state or transition needs no new drawing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

ROW, WIDTH, HEIGHT = 72, 120, 34
MIDDLE, REACH = 250, 46

STYLE = """
.hoplite-lifecycle { color: currentColor; font: 13px sans-serif; max-width: 100%; height: auto }
.hoplite-lifecycle rect { fill: none; stroke: currentColor; stroke-width: 1.5 }
.hoplite-lifecycle .ended { stroke-width: 3 }
.hoplite-lifecycle text { fill: currentColor; text-anchor: middle; dominant-baseline: central }
.hoplite-lifecycle path { fill: none; stroke: currentColor; opacity: .65 }
.hoplite-lifecycle .label { font-size: 11px; font-style: italic }
.hoplite-lifecycle marker path { fill: currentColor; opacity: 1; stroke: none }
"""
ARROW = (
    '<marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path d="M0 0L10 5L0 10z"/></marker>'
)


def svg(
    states: Sequence[str], ended: set[str], edges: Mapping[tuple[str, str], Sequence[str]]
) -> str:
    """``edges`` maps (from, to) to the names of the events that lead there."""
    rows = {state: index for index, state in enumerate(states)}
    longest = max(abs(rows[a] - rows[b]) for a, b in edges)
    width = MIDDLE + WIDTH // 2 + REACH * (longest + 2)
    height = ROW * len(states)
    parts = [
        (
            f'<svg class="hoplite-lifecycle" xmlns="http://www.w3.org/2000/svg" '
            f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        ),
        f"<style>{STYLE}</style><defs>{ARROW}</defs>",
        *(_box(state, rows[state], state in ended) for state in states),
    ]
    for (before, after), events in edges.items():
        parts.extend(_arc(rows[before], rows[after], ", ".join(events)))
    return "".join([*parts, "</svg>"])


def _box(state: str, row: int, ended: bool) -> str:
    left, top = MIDDLE - WIDTH // 2, row * ROW + (ROW - HEIGHT) // 2
    kind = ' class="ended"' if ended else ""
    return (
        f'<rect{kind} x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<text x="{MIDDLE}" y="{top + HEIGHT // 2}">{escape(state)}</text>'
    )


def _arc(before: int, after: int, label: str) -> Iterator[str]:
    start, end = before * ROW + ROW // 2, after * ROW + ROW // 2
    if after == before + 1:
        yield _line(f"M{MIDDLE} {start + HEIGHT // 2}V{end - HEIGHT // 2}")
        yield _label(MIDDLE, (start + end) // 2, label, "start")
        return
    side = 1 if after > before else -1
    edge = MIDDLE + side * WIDTH // 2
    out = edge + side * REACH * (abs(after - before) + 1)
    shift = side * HEIGHT // 4
    yield _line(
        f"M{edge} {start + shift}C{out} {start + shift} {out} {end - shift} {edge} {end - shift}"
    )
    yield _label((edge + 3 * out) // 4, (start + end) // 2, label, "middle")


def _line(path: str) -> str:
    return f'<path d="{path}" marker-end="url(#arrow)"/>'


def _label(x: int, y: int, text: str, anchor: str) -> str:
    shift = 6 if anchor == "start" else 0
    return (
        f'<text class="label" style="text-anchor: {anchor}" x="{x + shift}" y="{y}">'
        f"{escape(text)}</text>"
    )
