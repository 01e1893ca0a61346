"""The only writer of resources: over a real journal, with readers that take no lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from hoplite.exceptions import (
    HopliteError,
    InvalidFieldError,
    NotAuthorizedError,
    ResourceDoesNotExistError,
    ResourceInUseError,
    StorageUnavailableError,
)
from hoplite.journal.store import SqliteJournal
from hoplite.manager.resources import Resources, ResourcesChanged
from hoplite.model.caller import Caller, Role
from hoplite.model.resource import Resource, ResourceState
from hoplite.model.resource_property import PropertyType

ADMIN = Caller("root", Role.ADMIN, "kernel")
ALICE = Caller("alice", Role.USER, "basic")

Reopen = Callable[[], Resources]


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Reopen]:
    """The resources as a server that starts now would find them."""
    journals: list[SqliteJournal] = []

    def again() -> Resources:
        for journal in journals:
            journal.close()
        journals.append(SqliteJournal(tmp_path / "journal.db"))
        return Resources(journals[-1])

    yield again
    for journal in journals:
        journal.close()


@pytest.fixture
def resources(reopen: Reopen) -> Resources:
    """None yet."""
    return reopen()


def told(resources: Resources) -> list[tuple[str, str, Any]]:
    entries = resources._journal.entries(after=0, job_id=None, limit=999)
    return [
        (each.what.value, each.who, msgspec.json.decode(each.detail or b"{}")) for each in entries
    ]


def test_at_the_first_start_the_machine_is_the_resources(reopen: Reopen) -> None:
    resources = reopen()
    resources.open()
    cores = psutil.Process().cpu_affinity() or []
    assert [each.cpuset for each in resources.table] == cores
    assert [each.properties["core"] for each in resources.table] == list(range(1, len(cores) + 1))
    (host,) = {each.network_address for each in resources.table}
    assert {each.properties["host"] for each in resources.table} == {host}
    assert told(resources) == [
        ("resource_added", "server", {"resources": list(resources.table.ids)})
    ]
    again = reopen()
    again.open()
    assert list(again.table) == list(resources.table)
    assert again.properties == resources.properties
    assert len(told(again)) == 1


def test_what_was_removed_does_not_come_back_at_the_next_start(reopen: Reopen) -> None:
    resources = reopen()
    resources.open()
    resources.set_state(ADMIN, resources.table.ids, ResourceState.DEAD)
    resources.remove(ADMIN, resources.table.ids)
    resources = reopen()
    resources.open()
    assert len(resources.table) == 0


def test_new_resources_survive_a_restart_and_ids_are_never_given_again(reopen: Reopen) -> None:
    resources = reopen()
    resources.add_property(ADMIN, "CPU", PropertyType.INTEGER)
    made = resources.add(
        ADMIN, [{"hostname": "a", "cpu": "3"}, {"network_address": "b", "cpuset": 1}]
    )
    assert made == [
        Resource(id=1, network_address="a", properties={"cpu": 3}),
        Resource(id=2, network_address="b", cpuset=1),
    ]
    resources.set_state(ADMIN, [2], ResourceState.DEAD)
    resources.remove(ADMIN, [2])
    resources = reopen()
    assert list(resources.table) == made[:1]
    assert resources.add(ADMIN, [{"hostname": "c"}])[0].id == 3
    assert told(resources) == [
        ("property_added", "root", {"name": "cpu", "type": "int"}),
        ("resource_added", "root", {"resources": [1, 2]}),
        ("resource_changed", "root", {"resources": [2], "values": {"state": "Dead"}}),
        ("resource_removed", "root", {"resources": [2], "network_addresses": ["b"]}),
        ("resource_added", "root", {"resources": [3]}),
    ]


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        ({}, InvalidFieldError, "hostname"),
        ({"hostname": ""}, InvalidFieldError, "network_address"),
        ({"hostname": "a/b"}, InvalidFieldError, "node's name"),
        ({"hostname": ".."}, InvalidFieldError, "node's name"),
        ({"hostname": "a", "network_address": "b"}, InvalidFieldError, "given twice"),
        ({"hostname": "a", "colour": 1}, InvalidFieldError, "no property 'colour'"),
        ({"hostname": "a", "cpuset": "x"}, InvalidFieldError, "whole number"),
        ({"hostname": "a", "deploy": "perhaps"}, InvalidFieldError, "YES or NO"),
        ({"hostname": "a", "state": "Alive"}, NotAuthorizedError, '"state" is a system one'),
        ({"hostname": "a", "resource_id": 9}, NotAuthorizedError, "system one"),
    ],
)
def test_one_bad_resource_of_many_keeps_all_out(
    resources: Resources, bad: dict[str, object], error: type[HopliteError], words: str
) -> None:
    with pytest.raises(error, match=f"^resource 2: .*{words}"):
        resources.add(ADMIN, [{"hostname": "good"}, bad])
    with pytest.raises(error, match=words):
        resources.add(ADMIN, [bad])
    assert len(resources.table) == 0
    assert told(resources) == []
    assert resources.add(ADMIN, [{"hostname": "good"}])[0].id == 1


def test_only_administrators_change_resources(resources: Resources) -> None:
    resources.add(ADMIN, [{"hostname": "a"}])
    before = resources.view
    commands: list[Callable[[], object]] = [
        lambda: resources.add(ALICE, [{"hostname": "a"}]),
        lambda: resources.set_state(ALICE, [1], ResourceState.DEAD),
        lambda: resources.set_values(ALICE, [1], {"deploy": "YES"}),
        lambda: resources.remove(ALICE, [1]),
        lambda: resources.add_property(ALICE, "cpu", PropertyType.INTEGER),
        lambda: resources.remove_property(ALICE, "cpu"),
    ]
    for command in commands:
        with pytest.raises(NotAuthorizedError, match="alice"):
            command()
    assert resources.view is before


def test_a_change_of_state_is_heard_with_the_resources_that_are_lost(resources: Resources) -> None:
    heard: list[ResourcesChanged] = []
    resources.on_change = heard.append
    resources.add(ADMIN, [{"hostname": "a"}] * 4)
    resources.set_state(ADMIN, [2, 3], ResourceState.ABSENT)
    resources.set_state(ADMIN, [3, 4], ResourceState.DEAD)
    resources.set_state(ADMIN, [3, 4], ResourceState.DEAD)
    resources.set_state(ADMIN, [2], ResourceState.ALIVE)
    resources.remove(ADMIN, [4])
    assert [change.lost for change in heard] == [(), (2, 3), (4,), (), ()]
    assert heard[-1].new is resources.table
    assert resources.table.ids_of(resources.table.alive) == (1, 2)
    for earlier, later in pairwise(heard):
        assert later.old is earlier.new


def test_a_listener_that_fails_takes_nothing_back(resources: Resources) -> None:
    def fail(_change: ResourcesChanged) -> None:
        raise RuntimeError("no")

    resources.on_change = fail
    assert resources.add(ADMIN, [{"hostname": "a"}])[0] in list(resources.table)


def test_only_dead_resources_can_be_removed_all_or_none(resources: Resources) -> None:
    resources.add(ADMIN, [{"hostname": "a"}] * 3)
    resources.set_state(ADMIN, [1], ResourceState.DEAD)
    resources.set_state(ADMIN, [2], ResourceState.ABSENT)
    with pytest.raises(ResourceInUseError, match="The resource 2 must be in the Dead status"):
        resources.remove(ADMIN, [1, 2])
    assert list(resources.table.ids) == [1, 2, 3]
    with pytest.raises(ResourceDoesNotExistError):
        resources.remove(ADMIN, [1, 4])
    resources.remove(ADMIN, [1, 1])
    assert list(resources.table.ids) == [2, 3]


def test_the_server_alone_suspects(resources: Resources) -> None:
    resources.add(ADMIN, [{"hostname": "a"}])
    with pytest.raises(InvalidFieldError, match="Alive, Absent or Dead"):
        resources.set_state(ADMIN, [1], ResourceState.SUSPECTED)
    with pytest.raises(ResourceDoesNotExistError, match="no resource 2"):
        resources.set_state(ADMIN, [1, 2], ResourceState.DEAD)
    assert resources.resource(1).state is ResourceState.ALIVE


def test_properties_come_and_go_with_their_values(reopen: Reopen) -> None:
    resources = reopen()
    resources.add(ADMIN, [{"hostname": "a"}, {"hostname": "b"}])
    resources.add_property(ADMIN, "mem", PropertyType.INTEGER)
    resources.set_values(ADMIN, [1, 2], {"mem": "1024", "besteffort": "NO"})
    resources = reopen()
    assert resources.table.by_value("mem") == {1024: 0b11}
    assert resources.table.by_value("besteffort") == {"NO": 0b11}
    with pytest.raises(InvalidFieldError, match="already"):
        resources.add_property(ADMIN, "Mem", PropertyType.STRING)
    with pytest.raises(NotAuthorizedError, match="standard"):
        resources.remove_property(ADMIN, "cpuset")
    with pytest.raises(ResourceDoesNotExistError, match="did you mean mem"):
        resources.remove_property(ADMIN, "meme")
    resources.remove_property(ADMIN, "mem")
    resources.add_property(ADMIN, "mem", PropertyType.STRING)
    assert resources.table.by_value("mem") == {None: 0b11}
    assert reopen().table.by_value("mem") == {None: 0b11}


def test_what_the_disk_does_not_take_is_not_shown(resources: Resources) -> None:
    resources.add(ADMIN, [{"hostname": "a"}])
    before = resources.view
    resources._journal.close()
    with pytest.raises(StorageUnavailableError):
        resources.set_state(ADMIN, [1], ResourceState.DEAD)
    with pytest.raises(StorageUnavailableError):
        resources.add(ADMIN, [{"hostname": "b"}])
    assert resources.view is before


def test_readers_see_whole_changes_while_many_write(resources: Resources) -> None:
    """Each command adds three resources of one node: no reader ever sees one or two of them."""
    torn: list[object] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            table = resources.table
            sizes = {bits.bit_count() for bits in table.by_value("network_address").values()}
            if sizes - {3}:
                torn.append(table.ids)

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(lambda n: resources.add(ADMIN, [{"hostname": f"n{n}"}] * 3), range(40))
        )
    over.set()
    reader.join()
    assert not torn
    assert sorted(each.id for three in made for each in three) == list(range(1, 121))
    assert all(three[2].id - three[0].id == 2 for three in made)
    assert resources.jobs_on(resources.table.ids) == []
