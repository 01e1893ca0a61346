"""Directives whose content is made from the code: settings, commands, errors, the lifecycle."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from html import escape

import click
from docutils import nodes
from docutils.statemachine import StringList
from lifecycle_diagram import svg
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from hoplite.cli.client import client
from hoplite.cli.oar import oar
from hoplite.exceptions import by_code
from hoplite.model.lifecycle import ENDED, FINAL_EVENT, TRANSITIONS, State
from hoplite.settings import describe
from hoplite.settings.changing import AT_ONCE


class Generated(SphinxDirective):
    """A directive without arguments whose content is reStructuredText from :meth:`lines`."""

    def lines(self) -> Iterator[str]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        container = nodes.container()
        container.document = self.state.document
        content = StringList(list(self.lines()), source=f"<{self.name}>")
        self.state.nested_parse(content, self.content_offset, container)
        return list(container.children)


def table(widths: str, header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """The lines of a ``list-table``."""
    yield from [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in [header, *rows]:
        for mark, cell in zip("* " + " " * 20, row, strict=False):
            yield f"   {mark} - {cell}"
    yield ""


class Settings(Generated):
    """Every setting of the server, as ``hoplite.settings`` has it."""

    def lines(self) -> Iterator[str]:
        for setting in describe():
            yield from [
                f".. _setting-{setting.name}:",
                "",
                f"``{setting.name}``",
                f"   {_escaped(setting.description)}",
                "",
                (
                    f"   {_escaped(setting.type[:1].upper() + setting.type[1:])}; by default "
                    f"{_escaped(setting.default)}. Option ``{setting.option}``, variable "
                    f"``{setting.env}``. {_change_of(setting.name)}"
                ),
                "",
            ]


def _change_of(name: str) -> str:
    when = "at once" if name in AT_ONCE else "after a restart"
    return f"Changed :ref:`over REST <oar-configuration>` it holds {when}."


class Errors(Generated):
    """Every error by its code, as ``hoplite.exceptions`` has it."""

    def lines(self) -> Iterator[str]:
        rows = [
            (f"``{code}``", str(cls.http_status), f"``{cls.__name__}``", _first_line(cls.__doc__))
            for code, cls in sorted(by_code().items(), key=lambda one: one[1].http_status)
        ]
        yield from table("25 8 27 40", ("Code", "HTTP", "Class", "Meaning"), rows)


class Transitions(Generated):
    """The transition table of ``hoplite.model.lifecycle``."""

    def lines(self) -> Iterator[str]:
        rows = [
            (f"``{state.value}``", event.value, f"``{after.value}``")
            for (state, event), after in TRANSITIONS.items()
        ]
        yield from table("33 33 33", ("State", "Event", "State after it"), rows)


class FinalStates(Generated):
    """Which state each outcome ends in."""

    def lines(self) -> Iterator[str]:
        ends = {event: state for (_, event), state in TRANSITIONS.items() if state in ENDED}
        rows = [(f"``{out.value}``", f"``{ends[ev].value}``") for out, ev in FINAL_EVENT.items()]
        yield from table("50 50", ("Outcome", "Final state"), rows)


class Diagram(SphinxDirective):
    """The transition table as a drawing; builders other than HTML have the table beside it."""

    def run(self) -> list[nodes.Node]:
        edges: dict[tuple[str, str], list[str]] = {}
        for (state, event), after in TRANSITIONS.items():
            edges.setdefault((state.value, after.value), []).append(event.value)
        drawing = svg([state.value for state in State], {state.value for state in ENDED}, edges)
        figure = f'<div role="img" aria-label="{escape("Lifecycle of a job")}">{drawing}</div>'
        return [nodes.raw("", figure, format="html")]


class ClientCommands(Generated):
    """Every command of ``hoplite-client`` with its options."""

    group = client

    def lines(self) -> Iterator[str]:
        group = self.group
        ctx = click.Context(group, info_name=group.name)
        yield from ["Before or after every command:", "", *_options(group, ctx)]
        for name, command in group.commands.items():
            inner = click.Context(command, ctx, info_name=name)
            usage = " ".join(command.collect_usage_pieces(inner)[1:])
            yield from [f".. rubric:: ``{f'{group.name} {name} {usage}'.rstrip()}``", ""]
            for paragraph in (command.help or "").split("\n\n"):
                yield from [_escaped(paragraph), ""]
            yield from _options(command, inner, {option.name for option in group.params})


class OarCommands(ClientCommands):
    """Every command of ``hoplite-oar`` with its options."""

    group = oar


def _options(
    command: click.Command, ctx: click.Context, left_out: Container[str | None] = ()
) -> Iterator[str]:
    for option in command.params:
        record = None if option.name in left_out else option.get_help_record(ctx)
        if record is not None:
            yield from [f"``{record[0]}``", f"   {_escaped(record[1])}", ""]


def _first_line(doc: str | None) -> str:
    return _escaped((doc or "").strip().partition("\n\n")[0].replace("\n", " "))


def _escaped(text: str) -> str:
    """Text as text, whatever it has that reStructuredText would take for markup."""
    if "``" in text:
        return " ".join(text.split())
    special = str.maketrans({char: f"\\{char}" for char in "\\*`|_"})
    return " ".join(text.split()).translate(special)


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_directive("hoplite-settings", Settings)
    app.add_directive("hoplite-client-commands", ClientCommands)
    app.add_directive("hoplite-oar-commands", OarCommands)
    app.add_directive("hoplite-errors", Errors)
    app.add_directive("hoplite-transitions", Transitions)
    app.add_directive("hoplite-final-states", FinalStates)
    app.add_directive("hoplite-lifecycle", Diagram)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
