"""Submissions go through the rules; rules that misbehave harm nothing but their submission."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from hoplite.exceptions import (
    AdmissionRuleFailedError,
    HopliteError,
    InvalidFieldError,
    NotAuthorizedError,
    RuleDoesNotExistError,
    UnavailableError,
)
from hoplite.manager.limits import Limits
from hoplite.model.admission_rule import AdmissionRule
from hoplite.model.lifecycle import State
from hoplite.model.timeline import NO_JOB, OF_ADMINISTRATION, Happening
from tests.manager.batch_world import ADMIN, ME, BatchWorld
from tests.submission.around import submitted

LIMITS = Limits(max_running=2, admission_time_s=0.3, admission_memory_bytes=32 << 20)
LOOP = "for i in range(1 << 30):\n    pass\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BatchWorld]:
    world = BatchWorld(tmp_path, LIMITS)
    yield world
    world.manager.close()


def add(world: BatchWorld, text: str, **more: Any) -> int:
    return world.manager.rules.add(ADMIN, text, **more).id


def only(world: BatchWorld, text: str) -> int:
    """This rule and no other."""
    for rule in world.manager.rules.rules(ADMIN):
        world.manager.rules.remove(ADMIN, rule.id)
    return add(world, text)


def told(world: BatchWorld) -> list[dict[str, Any]]:
    """What the timeline tells of rules that were not shipped."""
    entries = world.manager.timeline.after(0, NO_JOB)[0]
    return [
        {"what": each.what, "who": each.who, **msgspec.json.decode(each.detail or b"{}")}
        for each in entries
        if each.what in OF_ADMINISTRATION and each.who != "server"
    ]


@pytest.mark.parametrize(
    ("asked", "kind", "field"),
    [
        ({"queue": "admin"}, NotAuthorizedError, "queue"),
        ({"resource": "/cpuset=1"}, NotAuthorizedError, "resource"),
        ({"type": "nosuch"}, InvalidFieldError, "type"),
        ({"type": "deploy", "resource": "/core=1"}, InvalidFieldError, "resource"),
        (
            {"type": "besteffort", "reservation": "2040-01-01 00:00"},
            InvalidFieldError,
            "reservation",
        ),
    ],
)
def test_what_the_shipped_rules_refuse_is_refused(
    world: BatchWorld, asked: dict[str, Any], kind: type[HopliteError], field: str
) -> None:
    jobs = submitted(plugin="p", **asked).jobs
    with pytest.raises(kind) as refused:
        world.manager.create_array(ME, jobs)
    assert refused.value.field == field
    with pytest.raises(kind):
        world.manager.dry_run(ME, jobs)


def test_besteffort_is_a_queue_and_a_type(world: BatchWorld) -> None:
    by = [
        world.manager.create_array(ME, submitted(plugin="p", **asked).jobs)[0][0]
        for asked in ({"type": "besteffort"}, {"queue": "besteffort"})
    ]
    batches = [msgspec.structs.replace(job.batch, initial_request="") for job in by if job.batch]
    assert batches[0] == batches[1]
    assert (batches[0].queue, batches[0].types) == ("besteffort", ("besteffort",))
    assert world.manager.said_of(by[0])[0] == (
        "[ADMISSION RULE] Automatically redirect in the besteffort queue"
    )


def test_administrators_have_a_queue_of_their_own(world: BatchWorld) -> None:
    (job,), _ = world.manager.create_array(ADMIN, submitted(plugin="p", queue="admin").jobs)
    assert job.batch is not None and job.batch.queue == "admin"


def test_what_a_rule_sets_is_what_the_job_asks_for(world: BatchWorld) -> None:
    only(
        world,
        'job["queue"] = "besteffort"\njob["walltime"] = 60\njob["project"] = "p"\n'
        'job["name"] = "n"\njob["types"].append("noop")\njob["hold"] = True\n'
        'job["properties"] = "core > 4"\n'
        'job["resources"][0]["groups"][0]["levels"][0]["count"] = 2\nwarn("two\\nlines")\n',
    )
    job_id = world.submit("/core=1")
    job = world.job(job_id)
    assert job.batch is not None and job.state is State.HOLD
    assert (job.batch.queue, job.batch.project, job.batch.name) == ("besteffort", "p", "n")
    assert (job.batch.types, job.batch.properties) == (("noop",), "core > 4")
    assert job.batch.filter is not None
    assert job.batch.requests == world.new("/core=2,walltime=0:1:0").batch.requests  # type: ignore[union-attr] # it has one
    assert world.manager.said_of(job) == ["two", "lines"]


def test_all_jobs_of_an_array_are_changed_and_it_is_judged_once(world: BatchWorld) -> None:
    only(world, 'job["name"] = "%d jobs" % job["array_size"]\nwarn("once")')
    jobs, _ = world.manager.create_array(ME, [world.new("/core=3")] * 3)
    assert [job.batch and job.batch.name for job in jobs] == ["3 jobs"] * 3
    assert [world.manager.said_of(job) for job in jobs] == [["once"], [], []]


def test_a_repeat_with_the_same_key_is_not_judged_again(world: BatchWorld) -> None:
    first, _ = world.manager.create(ME, world.new(), "key")
    add(world, 'fail("no more")')
    again, replayed = world.manager.create(ME, world.new(), "key")
    assert (again.id, replayed) == (first.id, True)
    with pytest.raises(InvalidFieldError, match="no more"):
        world.manager.create(ME, world.new(), "other key")


def test_without_rules_jobs_are_as_asked(world: BatchWorld) -> None:
    world.manager.rules.remove(ADMIN, only(world, "pass"))
    (job,), _ = world.manager.create_array(ME, submitted(plugin="p", resource="/core=1").jobs)
    assert job.batch is not None and job.batch.queue == "default"
    assert job.batch.requests[0].walltime_s is None and job.batch.properties == ""


def test_jobs_that_ask_for_no_resources_are_nothing_to_rules(world: BatchWorld) -> None:
    only(world, 'fail("never")')
    new = msgspec.structs.replace(world.new(), batch=None)
    assert world.manager.create(ME, new)[0].state is not State.HOLD


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (LOOP, "longer than 0.3 s (setting admission_time)"),
        ("x = 'a' * (1 << 30)", "more than 32 MiB of memory (setting admission_memory)"),
        ("x = ['a']\nfor i in range(99):\n    x = x + x\n", "more than 32 MiB of memory"),
        ("job['name'] = 'a' * (20 << 20)", "more than 32 MiB of memory"),
        ("def f(n):\n    return f(n + 1)\nf(1)", "line 2, column 12: Starlark call stack overflow"),
        ("x = []\nfor i in range(100000):\n    x = [x]\njob['name'] = x", "it crashes (SIGSEGV)"),
        ("1 // 0", "line 1, column 1: "),
        ("job['nosuch']", "nosuch"),
        ("job = 3", "job is no longer a dict"),
        ("job['user'] = 'root'", "job['user'], which rules may only read"),
        ("job['walltime'] = -5", "resource"),
        (
            "job['walltime'] = 'long'",
            "Expected `int | null`, got `str`, at job.resources[0].walltime",
        ),
        ("job['queue'] = 7", "Expected `str | null`, got `int`, at job.queue"),
        ("job['more'] = 7", "job['more'], which there is not"),
        ("job.pop('hold')", "it takes job['hold'] away"),
        ("job['properties'] = 'core >'", "property"),
        ("job['resources'] = []", "nothing of job['resources']"),
        ("job['resources'][0]['groups'][0]['levels'][0]['property'] = 'x y'", "resource"),
        ("x = []\nx.append(x)\njob['name'] = x", "Cycle"),
        ("job['name'] = job.get", "not supported on type"),
    ],
)
def test_a_rule_that_cannot_judge_refuses_by_name(world: BatchWorld, text: str, why: str) -> None:
    bad = add(world, text, priority=0)
    with pytest.raises(AdmissionRuleFailedError) as refused:
        world.submit()
    assert f"admission rule {bad} cannot judge this job" in str(refused.value)
    assert why in str(refused.value)
    assert refused.value.http_status == 403
    world.manager.rules.change(ADMIN, bad, enabled=False)
    assert world.state(world.submit()) is State.LAUNCHING


def _children() -> list[psutil.Process]:
    found = psutil.Process().children()
    return [each for each in found if any("admission" in word for word in each.cmdline())]


def test_a_child_has_nothing(world: BatchWorld) -> None:
    world.submit()
    (child,) = _children()
    assert child.environ() == {} and child.cwd() == "/" and os.getsid(child.pid) == child.pid
    process = Path("/proc", str(child.pid))
    assert {each.name for each in (process / "fd").iterdir()} == {"0", "1", "2"}
    if os.geteuid() == 0:
        assert set(child.uids()) == {65534} and set(child.gids()) == {65534}
    limits = (process / "limits").read_text()
    assert re.search(r"Max processes +0 +0 ", limits) and re.search(
        r"Max open files +3 +3 ", limits
    )
    memory = re.search(r"Max address space +(\d+) +(\d+) ", limits)
    assert memory is not None and 0 < int(memory[1]) == int(memory[2]) < 200 << 20


def test_a_lost_child_is_replaced_and_a_kept_one_is_used_again(world: BatchWorld) -> None:
    world.submit()
    (first,) = _children()
    world.submit()
    assert _children() == [first]
    bad = add(world, LOOP, priority=0)
    with pytest.raises(AdmissionRuleFailedError):
        world.submit()
    assert first not in _children()
    world.manager.rules.remove(ADMIN, bad)
    world.submit()
    assert len(_children()) == 1
    world.manager.close()
    assert _children() == []


def test_a_child_that_was_killed_meanwhile_is_not_missed(world: BatchWorld) -> None:
    world.submit()
    (child,) = _children()
    child.kill()
    deadline = time.monotonic() + 10
    while child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.01)
    assert world.submit()


def test_while_a_rule_loops_the_manager_answers(world: BatchWorld) -> None:
    job_id = world.submit()
    add(world, 'if job["name"] == "loop":\n    ' + LOOP.replace("\n", "\n    "), priority=0)
    errors: list[Exception] = []

    def loop() -> None:
        try:
            world.submit(name="loop")
        except HopliteError as error:
            errors.append(error)

    thread = threading.Thread(target=loop)
    thread.start()
    slowest, others = 0.0, 0
    while thread.is_alive():
        began = time.monotonic()
        world.job(job_id)
        slowest = max(slowest, time.monotonic() - began)
        if others < 3:
            world.submit(hold=True)
            others += 1
    thread.join()
    assert [type(error) for error in errors] == [AdmissionRuleFailedError]
    assert others == 3 and slowest < 0.25


def test_no_more_submissions_wait_than_leave_threads_for_others(world: BatchWorld) -> None:
    add(world, LOOP, priority=0)
    kinds: list[type[Exception]] = []

    def submit() -> None:
        try:
            world.submit()
        except HopliteError as error:
            kinds.append(type(error))

    threads = [threading.Thread(target=submit) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(kinds) == {AdmissionRuleFailedError, UnavailableError}
    assert kinds.count(AdmissionRuleFailedError) >= 6


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("x = (", "line 1, column 6: Parse error"),
        ("# fine\nif True:\n    import os\n", "line 3, column 5: Parse error"),
        ("x = 1\nif nosuch:\n    pass\n", "line 2, column 4: Variable `nosuch` not found"),
        ("load('a', 'b')", "line 1, column 1: `load` is not allowed"),
        ("while True:\n    pass\n", "line 1, column 1: Parse error"),
        ("x = " + "-" * 65000 + "1", "it crashes (SIGSEGV)"),
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("#" * 70000, "70000 bytes; at most 65536"),
    ],
)
def test_what_cannot_be_read_is_no_rule(world: BatchWorld, text: str, where: str) -> None:
    before = world.manager.rules.rules(ADMIN)
    for attempt in (
        lambda: add(world, text),
        lambda: world.manager.rules.change(ADMIN, 1, text=text),
    ):
        with pytest.raises(InvalidFieldError) as refused:
            attempt()
        assert where in str(refused.value) and refused.value.field == "rule"
    assert world.manager.rules.rules(ADMIN) == before


@pytest.mark.parametrize(
    "text",
    [
        "fail('always')",
        "1 // 0",
        "job['x'] = 1",
        "def f(n):\n    return f(n)\nf(1)",
        "if job['user']: pass",
    ],
)
def test_what_can_be_read_is_one_whatever_it_does(world: BatchWorld, text: str) -> None:
    assert add(world, text, enabled=False) == 16


def test_rules_outlive_the_server_as_they_are(world: BatchWorld) -> None:
    rules = world.manager.rules
    kept = rules.add(ADMIN, "# mine", priority=7, enabled=False)
    rules.change(ADMIN, 13, enabled=False)
    rules.remove(ADMIN, 1)
    gone = add(world, "# gone")
    rules.remove(ADMIN, gone)
    before = rules.rules(ADMIN)
    world.crash()
    after = world.manager.rules
    assert after.rules(ADMIN) == before and kept in before
    assert 13 not in {rule.id for rule in after.enabled}
    assert add(world, "# next") == gone + 1
    with pytest.raises(RuleDoesNotExistError):
        after.rule(ADMIN, gone)


def test_every_version_stays_readable_and_every_change_is_told(world: BatchWorld) -> None:
    rules = world.manager.rules
    number = add(world, "# one", priority=3)
    rules.change(ADMIN, number, text="# two")
    rules.change(ADMIN, number, text="# two")
    rules.change(ADMIN, number, enabled=False, priority=4)
    rules.remove(ADMIN, number)
    versions = rules.versions(ADMIN, number)

    def seen(rule: AdmissionRule) -> tuple[object, ...]:
        return rule.version, rule.rule, rule.priority, rule.enabled, rule.deleted, rule.who

    assert [seen(rule) for rule in versions] == [
        (1, "# one", 3, True, False, "admin"),
        (2, "# two", 3, True, False, "admin"),
        (3, "# two", 4, False, False, "admin"),
        (4, "# two", 4, False, True, "admin"),
    ]
    assert [(each["what"], each["who"], each["rule"], each["version"]) for each in told(world)] == [
        (Happening.RULE_ADDED, "admin", number, 1),
        (Happening.RULE_CHANGED, "admin", number, 2),
        (Happening.RULE_CHANGED, "admin", number, 3),
        (Happening.RULE_REMOVED, "admin", number, 4),
    ]
    with pytest.raises(RuleDoesNotExistError):
        rules.versions(ADMIN, 999)


def test_rules_run_by_priority_then_by_id(world: BatchWorld) -> None:
    for text, priority in (("c", 200), ("a", -1), ("b", 200)):
        add(world, f'warn("{text}")', priority=priority)
    job = world.job(world.submit())
    said = [line for line in world.manager.said_of(job) if len(line) == 1]
    assert said == ["a", "c", "b"]


def test_rules_are_for_administrators(world: BatchWorld) -> None:
    rules = world.manager.rules
    for attempt in (
        lambda: rules.rules(ME),
        lambda: rules.rule(ME, 1),
        lambda: rules.versions(ME, 1),
        lambda: rules.add(ME, "pass"),
        lambda: rules.change(ME, 1, enabled=False),
        lambda: rules.remove(ME, 1),
    ):
        with pytest.raises(NotAuthorizedError):
            attempt()


def test_what_it_costs(tmp_path: Path) -> None:
    """The shipped rules add little to a submission."""
    world = BatchWorld(tmp_path)
    world.submit()
    took = []
    for _ in range(50):
        began = time.perf_counter()
        world.manager.admission.admit(ME, [world.new()])
        took.append(time.perf_counter() - began)
    world.manager.close()
    print(f"median {sorted(took)[25] * 1000:.2f} ms")
    # Three milliseconds are the aim; a machine under load gets some slack.
    assert sorted(took)[10] < 0.006
