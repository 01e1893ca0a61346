"""What every journal does with resources, their properties and what is told of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from hoplite.journal.changes import ConflictingChange
from hoplite.journal.protocol import (
    Change,
    Happened,
    Journal,
    PropertyAdded,
    PropertyRemoved,
    ResourceForgotten,
    ResourceSaved,
)
from hoplite.model.resource import Resource, ResourceState
from hoplite.model.resource_property import Property, PropertyType
from hoplite.model.timeline import NO_JOB, OF_RESOURCES, Entry, Happening
from tests.journal.jobs import START, a_job, an_entry, created

FULL = Resource(
    id=3,
    network_address="node-Ä.example",
    state=ResourceState.ABSENT,
    type="licence",
    cpuset=7,
    available_upto=0,
    last_available_upto=12,
    next_state="Dead",
    finaud_decision="YES",
    next_finaud_decision="YES",
    suspended_jobs="YES",
    scheduler_priority=-4,
    besteffort="NO",
    deploy="YES",
    desktop_computing="YES",
    drain="YES",
    expiry_date=10**12,
    last_job_date=9,
    properties={"cpu": 10**17, "host": 'it\'s "quoted" Ü', "mem": None},
)
CPU = Property(name="cpu", type=PropertyType.INTEGER)
HOST = Property(name="host", type=PropertyType.STRING)


def resource(resource_id: int, **fields: Any) -> Resource:
    return Resource(id=resource_id, **{"network_address": "node1", **fields})


def told(what: Happening = Happening.RESOURCE_ADDED, at: float = START) -> Happened:
    detail = msgspec.Raw(b'{"resources":[1]}')
    return Happened(
        Entry(
            job_id=NO_JOB, uuid="", owner="", at=at, what=what, who="root", version=0, detail=detail
        )
    )


def test_a_new_journal_never_had_a_resource(journal: Journal) -> None:
    assert journal.resources() == []
    assert journal.properties() == []
    assert journal.last_resource_id() == 0


@pytest.mark.parametrize("state", list(ResourceState))
def test_resources_come_back_as_they_were_in_the_order_of_ids(
    open_journal: Callable[[], Journal], state: ResourceState
) -> None:
    kept = msgspec.structs.replace(FULL, state=state)
    journal = open_journal()
    journal.commit(ResourceSaved(resource(1)), ResourceSaved(kept), ResourceSaved(resource(9)))
    assert journal.resources() == [resource(1), kept, resource(9)]
    journal.close()
    journal = open_journal()
    assert journal.resources() == [resource(1), kept, resource(9)]
    assert journal.last_resource_id() == 9
    journal.close()


def test_a_saved_resource_takes_the_place_of_its_older_value(journal: Journal) -> None:
    journal.commit(ResourceSaved(resource(3)), ResourceSaved(resource(4)))
    journal.commit(ResourceSaved(FULL))
    assert journal.resources() == [FULL, resource(4)]


def test_the_id_of_a_forgotten_resource_is_never_given_again(
    open_journal: Callable[[], Journal],
) -> None:
    journal = open_journal()
    journal.commit(ResourceSaved(resource(1)), ResourceSaved(resource(2)))
    journal.commit(ResourceForgotten(2))
    journal.close()
    journal = open_journal()
    assert journal.resources() == [resource(1)]
    assert journal.last_resource_id() == 2
    with pytest.raises(ConflictingChange):
        journal.commit(ResourceSaved(resource(2)))
    assert journal.resources() == [resource(1)]
    journal.close()


@pytest.mark.parametrize(
    "impossible",
    [ResourceForgotten(7), PropertyRemoved("nothing"), PropertyAdded(CPU)],
    ids=["forgets none", "removes none", "adds twice"],
)
def test_what_cannot_follow_is_refused_with_all_that_came_along(
    journal: Journal, impossible: Change
) -> None:
    journal.commit(PropertyAdded(CPU))
    with pytest.raises(ConflictingChange):
        journal.commit(ResourceSaved(resource(1)), told(), impossible)
    assert journal.resources() == []
    assert journal.last_resource_id() == 0
    assert journal.entries(after=0, job_id=None, limit=9) == []


def test_a_removed_property_takes_its_values_along(journal: Journal) -> None:
    journal.commit(PropertyAdded(HOST), PropertyAdded(CPU))
    assert journal.properties() == [CPU, HOST]
    journal.commit(
        ResourceSaved(resource(1, properties={"cpu": 1, "host": "a"})),
        ResourceSaved(resource(2, properties={"host": "b"})),
    )
    journal.commit(PropertyRemoved("cpu"))
    journal.commit(PropertyAdded(CPU))
    assert [each.properties for each in journal.resources()] == [{"host": "a"}, {"host": "b"}]


@pytest.mark.parametrize("what", sorted(OF_RESOURCES))
def test_the_timeline_tells_of_resources_among_jobs(journal: Journal, what: Happening) -> None:
    job = a_job(1)
    heard: list[Entry] = []
    journal.on_entries(heard.extend)
    journal.commit(*created(job))
    journal.commit(told(what))
    assert [entry.what for entry in heard] == [Happening.CREATED, what]
    entries = journal.entries(after=0, job_id=None, limit=9)
    assert entries == heard
    assert entries[1] == msgspec.structs.replace(told(what).entry, seq=2)
    assert journal.entries(after=0, job_id=1, limit=9) == entries[:1]


def test_old_entries_about_resources_can_be_dropped_and_no_others(journal: Journal) -> None:
    job = a_job(1, created_at=START - 9)
    journal.commit(*created(job), told(at=START - 1), told(at=START))
    journal.forget_resource_entries(START)
    left = journal.entries(after=0, job_id=None, limit=9)
    assert [entry.at for entry in left] == [an_entry(job).at, START]
    assert journal.last_ids()[1] == 3
