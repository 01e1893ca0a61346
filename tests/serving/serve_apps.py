"""``python -m tests.serving.serve_apps key=value…``: a server process for the tests.

Prints a line for what happens: ``listening URL``, ``stop``, ``returned``, ``refused MESSAGE``.
"""

from __future__ import annotations

import sys

import msgspec
from flask import Flask

from hoplite.api.serving import serve
from hoplite.exceptions import SettingError
from hoplite.settings import load
from tests.serving.apps import STOPPING, make_app


def say(line: str) -> None:
    print(line, flush=True)


def on_listening(url: str) -> None:
    say(f"listening {url}")


def on_stop() -> None:
    say("stop")
    STOPPING.set()


def load_app() -> Flask:
    say("load")
    return make_app()


def refuse_to_load() -> Flask:
    raise SettingError("the data directory is in use", field="data_dir")


def main(arguments: list[str]) -> None:
    given = dict(argument.split("=", 1) for argument in arguments)
    app = refuse_to_load if given.pop("refuse", "") else load_app
    values = {name: msgspec.json.decode(value) for name, value in given.items()}
    settings = load(values, environ={"HOME": "/nonexistent"})
    try:
        serve(app, settings, on_listening=on_listening, on_stop=on_stop)
    except SettingError as error:
        say(f"refused {error}")
        raise SystemExit(3) from error
    say("returned")


if __name__ == "__main__":
    main(sys.argv[1:])
