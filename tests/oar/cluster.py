"""A server with the users and the resources of the recordings: two nodes of four cores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import requests

from tests.oar import with_accounts
from tests.oar.golden import PASSWORD, know_users
from tests.server.process import ServerProcess


class Cluster(ServerProcess):
    """A real server; requests are made by nobody unless they say by whom.

    Users have Unix accounts where the tests are root's, else all jobs run as the tests' own.
    """

    def __init__(self, data_dir: Path, *options: str) -> None:
        here = ("--local-nodes", "node1,node2", "--sendmail", "/bin/true")
        super().__init__(data_dir, "--auth", "users", *here, *options)
        know_users(data_dir)
        if os.geteuid() == 0:
            self.module = with_accounts.__name__
            self.environ[with_accounts.HOMES] = str(with_accounts.make_homes(data_dir.parent))

    def home(self, user: str) -> Path:
        """Where the user's jobs run unless they say where."""
        homes = self.environ.get(with_accounts.HOMES)
        return self.data_dir.parent if homes is None else Path(homes) / user

    def ask(self, method: str, path: str, by: str | None = None, **more: Any) -> requests.Response:
        """A request below a mount (of ``/oarapi-priv`` where somebody asks)."""
        mount = "/oarapi-priv" if by else "/oarapi"
        auth = (by, PASSWORD) if by else None
        return self.request(method, mount + path, auth=auth, **more)

    def told(self, method: str, path: str, by: str | None = "oar", **more: Any) -> Any:
        """The JSON of an answer that must be sound."""
        answer = self.ask(method, path, by, **more)
        assert answer.ok, f"{answer.status_code} {answer.text}"
        return answer.json()

    def make_nodes(self) -> list[int]:
        """In place of this machine, node1 and node2 with two cpus of two cores each; their ids."""
        for each in self.told("GET", "/resources.json")["items"]:
            self.told("POST", f"/resources/{each['id']}/state.json", json={"state": "Dead"})
            self.told("DELETE", f"/resources/{each['id']}.json")
        self.told("POST", "/resources/properties.json", json={"name": "mem", "type": "int"})
        made = self.told(
            "POST",
            "/resources/generate.json",
            json={"resources": "/nodes=node{2}/cpu={2}/core={2}", "properties": {"mem": 2048}},
        )["items"]
        new = [{**each, "host": each["network_address"]} for each in made]
        answer = self.told("POST", "/resources.json", json=new)
        return [each["id"] for each in answer["items"]]
