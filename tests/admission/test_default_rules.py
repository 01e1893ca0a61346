"""Each of the rules that a server begins with, alone, over jobs that it is for and others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from hoplite.admission.child import Child
from hoplite.admission.defaults import default_rules
from hoplite.admission.facts import (
    ContainerFacts,
    JobFacts,
    SiteFacts,
    Submitter,
    changed,
    facts_of,
    request_words,
)
from hoplite.admission.pool import run_in
from hoplite.admission.verdicts import Verdict
from hoplite.model.admission_rule import AdmissionRule
from hoplite.model.batch import Batch
from hoplite.model.property_filter import parse_filter
from hoplite.model.resource_request import ResourceRequest, wanted_resources
from hoplite.model.resource_request_parser import parse_request
from tests.model.properties import PROPERTIES

RULES = {rule.id: rule for rule in default_rules("server")}
SITE = SiteFacts(
    queues=("admin", "default", "besteffort"),
    default_walltime=7200,
    system_properties=PROPERTIES.not_requestable,
    containers={
        "12": ContainerFacts("me", ("container",), None),
        "13": ContainerFacts("me", ("container",), 1e9),
    },
)


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    child = Child(5.0, 64 << 20)
    yield child
    child.close()


def job(
    *requests: str,
    user: str = "me",
    groups: tuple[str, ...] = (),
    is_admin: bool = False,
    **asked: Any,
) -> JobFacts:
    read = tuple(parse_request(text, PROPERTIES) for text in requests or ("/core=1",))
    batch = Batch(requests=read, **{"queue": "", **asked})
    return facts_of(Submitter(user, groups, is_admin), "p", batch, 1)


class Ruled:
    """What became of a job."""

    def __init__(self, verdict: Verdict) -> None:
        assert verdict.failed is None, verdict.failed
        self.verdict = verdict

    @property
    def job(self) -> JobFacts:
        assert self.verdict.job is not None, self.verdict
        return self.verdict.job

    @property
    def refused(self) -> tuple[int, str | None] | None:
        refusal = self.verdict.refused
        return None if refusal is None else (400 if refusal.may else 403, refusal.field)

    @property
    def requests(self) -> list[str]:
        return [request_words(each) for each in self.job.resources]


def ruled(child: Child, number: int, job: JobFacts) -> Ruled:
    rules: tuple[AdmissionRule, ...] = (RULES[number],)
    return Ruled(run_in(child, rules, job, SITE))


def test_a_job_without_a_queue_goes_into_default(child: Child) -> None:
    assert ruled(child, 1, job()).job.queue == "default"
    assert ruled(child, 1, job(queue="x")).job.queue == "x"


@pytest.mark.parametrize(
    ("user", "is_admin", "refused"),
    [
        ("root", False, (403, None)),
        ("oar", False, (403, None)),
        ("root", True, None),
        ("me", False, None),
    ],
)
def test_root_and_oar_do_not_compute(
    child: Child, user: str, is_admin: bool, refused: tuple[int, str | None] | None
) -> None:
    assert ruled(child, 2, job(user=user, is_admin=is_admin)).refused == refused


def test_the_admin_queue_is_for_administrators_and_their_group(child: Child) -> None:
    assert ruled(child, 3, job(queue="admin")).refused == (403, "queue")
    assert ruled(child, 3, job(queue="admin", groups=("admin", "me"))).refused is None
    assert ruled(child, 3, job(queue="admin", is_admin=True)).refused is None
    assert ruled(child, 3, job(queue="default")).refused is None


@pytest.mark.parametrize("name", ["state", "cpuset", "drain", "next_state"])
def test_system_properties_are_no_levels(child: Child, name: str) -> None:
    verdict = ruled(child, 4, job("/core=1", f"/nodes=1/{name}=1"))
    assert verdict.refused == (403, "resource")
    assert verdict.verdict.refused is not None
    assert f"'{name}' resource is not allowed" in verdict.verdict.refused.message


def test_other_properties_are(child: Child) -> None:
    assert ruled(child, 4, job("/nodes=1/cpu=1/core=1/resource_id=1")).refused is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"types": ("besteffort",)}, "redirect in the besteffort queue"),
        ({"queue": "besteffort"}, "add the besteffort type"),
    ],
)
def test_besteffort_is_a_type_a_queue_and_a_property(
    child: Child, asked: dict[str, Any], said: str
) -> None:
    ended = ruled(child, 5, job(properties="mem > 1", **asked))
    assert (ended.job.queue, ended.job.types) == ("besteffort", ("besteffort",))
    assert ended.job.properties == "(mem > 1) AND besteffort = 'YES'"
    assert said in ended.verdict.said[0]
    assert ended.verdict.said[1:] == (
        "[ADMISSION RULE] Automatically add the besteffort constraint on the resources",
    )


def test_other_jobs_stay_out_of_besteffort(child: Child) -> None:
    ended = ruled(child, 5, job(queue="default"))
    assert (ended.job.queue, ended.job.types, ended.job.properties) == ("default", (), "")
    assert ended.verdict.said == ()


def test_besteffort_jobs_are_no_reservations(child: Child) -> None:
    assert ruled(child, 6, job(types=("besteffort",), starts_at=1e9)).refused == (
        400,
        "reservation",
    )
    assert ruled(child, 6, job(types=("besteffort",))).refused is None
    assert ruled(child, 6, job(starts_at=1e9)).refused is None


def test_reservations_run_only_inside_reservations(child: Child) -> None:
    assert ruled(child, 7, job(types=("inner=12",), starts_at=1e9)).refused == (400, "reservation")
    assert ruled(child, 7, job(types=("inner=13",), starts_at=1e9)).refused is None
    assert ruled(child, 7, job(types=("inner=12",))).refused is None


@pytest.mark.parametrize("kind", ["deploy", "deploy=standby"])
def test_deploy_jobs_get_nodes_that_deploy(child: Child, kind: str) -> None:
    assert ruled(child, 8, job(types=(kind,))).job.properties == "deploy = 'YES'"
    assert ruled(child, 8, job(types=(kind,), properties="a = 1")).job.properties == (
        "(a = 1) AND deploy = 'YES'"
    )
    assert ruled(child, 8, job()).job.properties == ""


def test_deploy_jobs_take_whole_nodes(child: Child) -> None:
    assert ruled(child, 9, job("/nodes=1/core=1", types=("deploy",))).refused == (400, "resource")
    assert ruled(child, 9, job("/resource_id=1", types=("deploy",))).refused == (400, "resource")
    assert ruled(child, 9, job("/nodes=2", types=("deploy",))).refused is None
    assert ruled(child, 9, job("/nodes=1/core=1")).refused is None


def test_desktop_computers_are_for_desktop_computing(child: Child) -> None:
    plain = ruled(child, 10, job())
    assert (plain.job.properties, plain.verdict.said) == ("desktop_computing = 'NO'", ())
    desktop = ruled(child, 10, job(types=("desktop_computing",), properties="a = 1"))
    assert desktop.job.properties == "(a = 1) AND desktop_computing = 'YES'"
    assert desktop.verdict.said == (
        "[ADMISSION RULE] Added automatically desktop_computing resource constraints",
    )


def test_the_example_is_not_enabled_and_works(child: Child) -> None:
    assert [number for number, rule in RULES.items() if not rule.enabled] == [11]
    assert ruled(child, 11, job("/core=1,walltime=49")).refused == (403, "resource")
    assert ruled(child, 11, job("/core=1,walltime=49", is_admin=True)).refused is None
    assert ruled(child, 11, job("/core=1,walltime=48")).refused is None
    assert ruled(child, 11, job("/core=1")).refused is None


def test_interactive_jobs_last_twelve_hours(child: Child) -> None:
    asked = job("/core=1,walltime=24", "/core=2,walltime=1")
    interactive = msgspec.structs.replace(asked, interactive=True)
    assert ruled(child, 12, interactive).requests == [
        "/core=1,walltime=12:0:0",
        "/core=2,walltime=1:0:0",
    ]
    assert ruled(child, 12, asked).job == asked


def test_who_names_no_walltime_gets_the_sites(child: Child) -> None:
    ended = ruled(child, 13, job("/core=1", "/core=2,walltime=1"))
    assert ended.requests == ["/core=1,walltime=2:0:0", "/core=2,walltime=1:0:0"]
    assert ended.job.walltime == 7200
    assert ended.verdict.said == ("[ADMISSION RULE] Set default walltime to 7200.",)
    assert ruled(child, 13, job("/core=1,walltime=1")).verdict.said == ()


@pytest.mark.parametrize("kind", ["nosuchtype", "best", "", "=x", "x=besteffort"])
def test_types_that_do_not_exist_are_refused(child: Child, kind: str) -> None:
    assert ruled(child, 14, job(types=("noop", kind))).refused == (400, "type")


def test_types_that_exist_are_not(child: Child) -> None:
    known = ("besteffort", "inner=3", "timesharing=*,user", "state=permissive", "token:x=1")
    assert ruled(child, 14, job(types=known)).refused is None


def test_who_says_nothing_of_the_type_of_resources_gets_default_ones(child: Child) -> None:
    ended = ruled(child, 15, job("/core=1+{type = 'gpu'}/resource_id=1", "{mem > 1}/core=1"))
    assert ended.requests == [
        "{type = 'default'}/core=1+{type = 'gpu'}/resource_id=1",
        "{(mem > 1) AND type = 'default'}/core=1",
    ]
    assert ended.verdict.said == (
        "[ADMISSION RULE] Modify resource description with type constraints",
    )


def test_an_or_in_a_filter_stays_inside_its_parentheses(child: Child) -> None:
    ended = ruled(child, 15, job("{mem > 1000 OR host = 'a'}/core=1"))
    assert ended.requests == ["{(mem > 1000 OR host = 'a') AND type = 'default'}/core=1"]


def as_ruled(child: Child, *texts: str) -> tuple[ResourceRequest, ...]:
    """Requests after the rules about walltimes and types of resources."""
    before = job(*texts)
    verdict = run_in(child, (RULES[13], RULES[15]), before, SITE)
    assert verdict.job is not None, verdict
    batch = Batch(requests=tuple(parse_request(text, PROPERTIES) for text in texts))
    made: tuple[ResourceRequest, ...] = changed(batch, before, verdict.job, PROPERTIES)["requests"]
    return made


def wanted(child: Child, *texts: str) -> str:
    return wanted_resources(as_ruled(child, *texts))


@pytest.mark.parametrize(
    ("given_text", "recorded"),
    [
        ("/core=8,walltime=0:10:00", "-l \"{type = 'default'}/core=8,walltime=0:10:0\" "),
        ("/core=1", "-l \"{type = 'default'}/core=1,walltime=2:0:0\" "),
        (
            "/nodes=1/core=1,walltime=0:20:00",
            "-l \"{type = 'default'}/network_address=1/core=1,walltime=0:20:0\" ",
        ),
        (
            "/nodes=ALL/core=ALL,walltime=0:01:00",
            "-l \"{type = 'default'}/network_address=ALL/core=ALL,walltime=0:1:0\" ",
        ),
        ("/core=BEST,walltime=0:01:00", "-l \"{type = 'default'}/core=BEST,walltime=0:1:0\" "),
        ("/core=1,walltime=0:00:20", "-l \"{type = 'default'}/core=1,walltime=0:0:20\" "),
        (
            "/nodes=1/cpu=1,walltime=00:30:00",
            "-l \"{type = 'default'}/network_address=1/cpu=1,walltime=0:30:0\" ",
        ),
        ("", "-l \"{type = 'default'}/resource_id=1,walltime=2:0:0\" "),
    ],
)
def test_wanted_resources_are_as_recorded(child: Child, given_text: str, recorded: str) -> None:
    assert wanted(child, given_text) == recorded


def test_a_moldable_job_wants_one_request_after_the_other(child: Child) -> None:
    assert wanted(child, "/core=2,walltime=0:10:00", "/core=1,walltime=0:20:00") == (
        "-l \"{type = 'default'}/core=2,walltime=0:10:0\" "
        "-l \"{type = 'default'}/core=1,walltime=0:20:0\" "
    )


def test_the_default_type_is_added_to_a_filter_that_says_none(child: Child) -> None:
    assert wanted(child, "{mem > 1000}/core=1+{mem < 4000}/core=2,walltime=0:05:00") == (
        "-l \"{(mem > 1000) AND type = 'default'}/core=1"
        "+{(mem < 4000) AND type = 'default'}/core=2,walltime=0:5:0\" "
    )
    assert (
        wanted(child, "{type = 'licence'}")
        == "-l \"{type = 'licence'}/resource_id=1,walltime=2:0:0\" "
    )


def test_a_filter_added_is_the_tree_of_both(child: Child) -> None:
    (request,) = as_ruled(child, "{mem > 1000 OR host = 'a'}/core=1")
    both = parse_filter("(mem > 1000 OR host = 'a') AND type = 'default'", PROPERTIES)
    assert request.groups[0].filter == both
