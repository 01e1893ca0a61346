"""Requests a second of the two routes that are asked most, against a bare Flask route."""

from __future__ import annotations

import json
import statistics
from typing import Any

from tests.benchmarks.bare_flask import bare_flask
from tests.benchmarks.load import Connection, Load, measure, request
from tests.benchmarks.server import a_server
from tests.server.process import ServerProcess, wait_until


def run(quick: bool) -> None:
    count, rounds = (300, 1) if quick else (2000, 7)
    with a_server() as server:
        uuid = server.create("benchmark.noop", run=True)["uuid"]
        server.ended(uuid)
        held = server.run("benchmark.hold")["uuid"]
        key = wait_until(lambda: server.job(held)["status"].get("key"), "the job's key")
        body = json.dumps({"status": {"done": 12, "of": 100, "file": "a.txt"}, "api_key": key})
        put = request("PUT", f"/jobs/{held}", body)
        with bare_flask(_answer(server, f"/jobs/{uuid}")) as bare:
            for name, text, aim in (
                ("GET /jobs/<uuid>", request("GET", f"/jobs/{uuid}"), 0.7),
                ("PUT status, durable", put, 0.5),
            ):
                for connections in (1, 8):
                    _compare(name, text, aim, (server.url, bare), connections, count, rounds)
        server.put(f"/jobs/{held}/kill")


def _answer(server: ServerProcess, path: str) -> bytes:
    connection = Connection(server.url)
    body = connection.ask(request("GET", path).encode())[1]
    connection.close()
    return body


def _compare(
    name: str,
    text: str,
    aim: float,
    urls: tuple[str, str],
    connections: int,
    count: int,
    rounds: int,
) -> None:
    """``urls``: ours and the bare one's."""
    loads: list[Any] = [
        Load(url=url, request=text, count=count, connections=connections) for url in urls
    ]
    ours, bare = [], []
    for _ in range(rounds):
        ours.append(_rate(loads[0]))
        bare.append(_rate(loads[1]))
    shares = [mine / floor for mine, floor in zip(ours, bare, strict=True)]
    print(
        f"{name:20} {connections} connections {statistics.median(ours):6.0f} /s,"
        f" bare Flask {statistics.median(bare):6.0f} /s,"
        f" share {statistics.median(shares):.2f} (aim {aim};"
        f" rounds {' '.join(f'{share:.2f}' for share in shares)})"
    )


def _rate(load: Load) -> float:
    measured = measure(load)
    assert measured.statuses == {200: load.count}, measured.statuses
    return measured.rate
