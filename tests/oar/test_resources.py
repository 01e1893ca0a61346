"""The resources over the OAR dialect of a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.oar.cluster import Cluster
from tests.oar.golden import PASSWORD

JSON = "application/json"
MEDIA = {"json": JSON, "yaml": "text/yaml", "html": "text/html"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two nodes; tests leave them as they found them, further resources go by."""
    server = Cluster(tmp_path_factory.mktemp("cluster") / "data")
    server.start()
    assert server.url, server.log_text()
    server.make_nodes()
    yield server
    assert server.alive
    assert "defect" not in server.log_text()
    server.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    """One of the test's own, with this machine's resources."""
    server = Cluster(tmp_path / "data")
    server.start()
    assert server.url, server.log_text()
    yield server
    server.close()
    assert "defect" not in server.log_text()


class Links(HTMLParser):
    """The addresses in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name == "href" and value]


def ids(cluster: Cluster) -> list[int]:
    return [each["id"] for each in cluster.told("GET", "/resources.json", by=None)["items"]]


def node(cluster: Cluster, name: str, **values: Any) -> int:
    """A new resource of the test's own; its id."""
    made: int = cluster.told("POST", "/resources.json", json={"hostname": name, **values})["id"]
    return made


def removed(cluster: Cluster, resource_id: int) -> None:
    cluster.told("POST", f"/resources/{resource_id}/state.json", json={"state": "Dead"})
    cluster.told("DELETE", f"/resources/{resource_id}.json")


def test_a_new_server_offers_its_own_machine(own: Cluster) -> None:
    items = own.told("GET", "/resources/details.json", by=None)["items"]
    assert items
    assert len({each["network_address"] for each in items}) == 1
    assert [each["core"] for each in items] == list(range(1, len(items) + 1))
    assert all(each["host"] == each["network_address"] and each["cpu"] for each in items)
    assert {each["state"] for each in items} == {"Alive"}


def test_a_list_has_both_ways_to_say_where_things_are(cluster: Cluster) -> None:
    answer = cluster.told("GET", "/resources.json", by=None)
    assert (answer["total"], answer["offset"], len(answer["items"])) == (8, 0, 8)
    first = answer["items"][0]
    own = f"/oarapi/resources/{first['id']}"
    assert first == {
        "id": first["id"], "resource_id": first["id"], "state": "Alive",
        "available_upto": 2147483647, "network_address": "node1",
        "uri": own, "jobs_uri": f"{own}/jobs", "node_uri": "/oarapi/resources/nodes/node1",
        "links": [
            {"rel": "member", "href": "/oarapi/resources/nodes/node1", "title": "node"},
            {"rel": "self", "href": own},
            {"rel": "collection", "href": f"{own}/jobs", "title": "jobs"},
        ],
        "api_timestamp": answer["api_timestamp"],
    }  # fmt: skip


@pytest.mark.parametrize("extension", MEDIA)
@pytest.mark.parametrize(
    "path",
    [
        "/resources", "/resources/details", "/resources/full", "/resources/{id}",
        "/resources/{id}/jobs", "/resources/nodes/node1", "/resources/nodes/node1/jobs",
        "/resources/cpu/jobs", "/resources/properties",
    ],
)  # fmt: skip
def test_every_question_is_answered_to_anybody_in_every_format(
    cluster: Cluster, path: str, extension: str
) -> None:
    path = path.format(id=ids(cluster)[0])
    answer = cluster.ask("GET", f"{path}.{extension}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].partition(";")[0] == MEDIA[extension]
    as_json = cluster.told("GET", f"{path}.json", by=None)
    if extension == "yaml":
        assert shape(yaml.safe_load(answer.text)) == shape(as_json)
    if extension == "html":
        links = [link for link in Links(answer.text).found if "/resources" in link]
        assert links
        assert all(cluster.request("GET", link).status_code == 200 for link in links[:9])


def shape(value: Any) -> Any:
    """Keys and types."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value).__name__


def test_details_have_every_column_and_null_for_what_was_never_set(cluster: Cluster) -> None:
    shown = cluster.told("GET", "/resources/details.json", by=None)["items"][2]
    assert shown.items() >= {
        "network_address": "node1", "host": "node1", "cpu": 2, "core": 3, "cpuset": 2, "mem": 2048,
        "state": "Alive", "state_num": 1, "type": "default", "besteffort": "YES", "deploy": "NO",
        "drain": "NO", "next_state": "UnChanged", "last_job_date": 0, "expiry_date": 0,
    }.items()  # fmt: skip
    new = node(cluster, "bare", cpu="7")
    bare = cluster.told("GET", f"/resources/{new}.json", by=None)
    assert (bare["cpu"], bare["core"], bare["mem"], bare["host"]) == (7, None, None, None)
    assert bare.keys() == shown.keys()
    removed(cluster, new)


@pytest.mark.parametrize(
    ("query", "positions", "links"),
    [
        ("limit=3", [0, 1, 2], {"self": 0, "next": 3}),
        ("limit=3&offset=3", [3, 4, 5], {"self": 3, "next": 6, "previous": 0}),
        ("limit=3&offset=6", [6, 7], {"self": 6, "previous": 3}),
        ("limit=3&offset=1", [1, 2, 3], {"self": 1, "next": 4}),
        ("limit=3&offset=99", [], {"self": 99, "previous": 96}),
        ("limit=0", list(range(8)), {"self": None}),
    ],
)
@pytest.mark.parametrize("path", ["/resources", "/resources/details"])
def test_lists_are_paged(
    cluster: Cluster, path: str, query: str, positions: list[int], links: dict[str, int | None]
) -> None:
    answer = cluster.told("GET", f"{path}.json?{query}", by=None)
    known = ids(cluster)
    assert [each["id"] for each in answer["items"]] == [known[n] for n in positions]
    assert answer["total"] == 8
    ends = {rel: None if at is None else f"&offset={at}" for rel, at in links.items()}
    assert {each["rel"] for each in answer["links"]} == set(ends)
    for link in answer["links"]:
        assert link["href"].startswith(f"/oarapi{path}.json?limit=")
        end = ends[link["rel"]]
        assert link["href"].endswith(end) if end else "offset" not in link["href"]


def test_structure_oar_is_a_hash_by_id(cluster: Cluster) -> None:
    known = [str(each) for each in ids(cluster)]
    answer = cluster.told("GET", "/resources.json?structure=oar", by=None)
    assert list(answer["items"]) == known
    one = cluster.told("GET", f"/resources/{known[0]}.json?structure=oar", by=None)
    assert one[known[0]]["network_address"] == "node1"


def test_a_node_has_its_resources_and_an_unknown_one_is_not_found(cluster: Cluster) -> None:
    answer = cluster.told("GET", "/resources/nodes/node2.json", by=None)
    assert [each["id"] for each in answer["items"]] == ids(cluster)[4:]
    assert answer["links"] == [{"rel": "self", "href": "/oarapi/resources/nodes/node2.json"}]
    assert cluster.ask("GET", "/resources/nodes/nosuch.json").status_code == 404


def test_no_job_is_on_any_resource_yet(cluster: Cluster) -> None:
    empty = {"items": [], "links": [], "offset": 0, "total": 0}
    for path in ("/resources/99999/jobs", "/resources/nodes/node1/jobs", "/resources/nodes/x/jobs"):
        assert cluster.told("GET", f"{path}.json?state=Running", by=None) == empty
    by_cpu = cluster.told("GET", "/resources/cpu/jobs.json", by=None)
    assert by_cpu["items"] == [{"cpu": n, "jobs": []} for n in (1, 2, 3, 4)]
    assert cluster.told("GET", "/resources/nosuch/jobs.json", by=None)["items"] == []


def test_what_is_generated_can_be_posted_as_it_is(cluster: Cluster) -> None:
    asked = {"resources": "/nodes=gen{2}.x/cpu={2}/core={2}", "properties": {"mem": "1050"}}
    answer = cluster.told("POST", "/resources/generate", json=asked)
    assert answer["total"] == 8
    assert answer["items"][5] == {
        "network_address": "gen2.x", "cpu": "3", "core": "6", "cpuset": 1, "mem": "1050",
    }  # fmt: skip
    assert answer["links"] == [{"rel": "self", "href": "/oarapi-priv/resources/generate"}]
    made = cluster.told("POST", "/resources", json=answer["items"])
    assert [each["status"] for each in made["items"]] == ["ok"] * 8
    assert "id" not in made
    shown = cluster.told("GET", f"/resources/{made['items'][5]['id']}.json")
    assert (shown["cpu"], shown["core"], shown["mem"], shown["cpuset"]) == (3, 6, 1050, 1)
    for each in made["items"]:
        removed(cluster, each["id"])


def test_generation_in_yaml_and_forms(cluster: Cluster) -> None:
    text = "---\nressources: /nodes=node{2}.test.generate/cpu={1}\nproperties:\n  mem: 1050\n"
    answer = cluster.ask(
        "POST", "/resources/generate.yaml", "oar", data=text, headers={"Content-Type": "text/yaml"}
    )
    assert yaml.safe_load(answer.text)["items"][1] == {
        "network_address": "node2.test.generate", "cpu": 2, "cpuset": 0, "mem": 1050,
    }  # fmt: skip
    form = {"resources": "nodes=a/core={1}", "properties": "mem=3, host=b", "auto_offset": "1"}
    made = cluster.told("POST", "/resources/generate.json", data=form)["items"]
    assert made == [{"network_address": "a", "core": "9", "cpuset": 0, "mem": "3", "host": "b"}]


def test_one_new_resource_is_answered_in_both_forms(cluster: Cluster) -> None:
    given = {"hostname": "test2", "properties": {"besteffort": "NO", "cpu": "10"}}
    answer = cluster.told("POST", "/resources.json", json=given)
    new = answer["id"]
    uri = f"/oarapi-priv/resources/{new}"
    one = {"id": new, "status": "ok", "uri": uri, "warnings": []}
    assert answer.items() >= {**one, "total": 1, "offset": 0}.items()
    assert answer["items"] == [{**one, "links": [{"rel": "self", "href": uri}]}]
    shown = cluster.told("GET", f"/resources/{new}.json")
    assert (shown["besteffort"], shown["cpu"], shown["state"]) == ("NO", 10, "Alive")
    removed(cluster, new)


def test_new_resources_in_yaml_and_forms(cluster: Cluster) -> None:
    text = "- network_address: y1\n  deploy: NO\n- network_address: y2\n  drain: YES\n"
    headers = {"Content-Type": "text/yaml"}
    answer = cluster.ask("POST", "/resources.yaml", "oar", data=text, headers=headers)
    first, second = (each["id"] for each in yaml.safe_load(answer.text)["items"])
    assert cluster.told("GET", f"/resources/{second}.json")["drain"] == "YES"
    page = cluster.ask("POST", "/resources.html", "oar", data={"hostname": "f1", "cpuset": "3"})
    assert page.status_code == 200
    third = second + 1
    assert f"/oarapi-priv/resources/{third}.html" in Links(page.text).found
    assert cluster.told("GET", f"/resources/{third}.json")["cpuset"] == 3
    for each in (first, second, third):
        removed(cluster, each)


def test_states_and_removal(cluster: Cluster) -> None:
    new = node(cluster, "short-lived", cpuset=4)
    said = cluster.told("POST", f"/resources/{new}/state.json", json={"state": "Absent"})
    assert said == {
        "id": str(new), "status": "Change state request registered",
        "uri": f"/oarapi-priv/resources/{new}", "api_timestamp": said["api_timestamp"],
    }  # fmt: skip
    assert cluster.told("GET", f"/resources/{new}.json")["state_num"] == 2
    refused = cluster.ask("DELETE", f"/resources/{new}.json", "oar")
    assert refused.status_code == 403
    assert f"The resource {new} must be in the Dead status" in refused.json()["message"]
    assert cluster.ask("DELETE", "/resources/short-lived/4.json", "oar").status_code == 403
    form = cluster.ask("POST", f"/resources/{new}/state.yaml", "oar", data={"state": "Dead"})
    assert yaml.safe_load(form.text)["id"] == new
    assert cluster.told("GET", f"/resources/{new}.json")["state"] == "Dead"
    gone = cluster.told("DELETE", "/resources/short-lived/4.json")
    assert gone == {"status": "deleted", "api_timestamp": gone["api_timestamp"]}
    assert cluster.ask("GET", f"/resources/{new}.json").status_code == 404
    assert cluster.ask("DELETE", f"/resources/{new}.json", "oar").status_code == 404
    assert cluster.ask("DELETE", "/resources/short-lived/4.json", "oar").status_code == 404


def test_properties_can_be_added_set_and_removed(cluster: Cluster) -> None:
    added = cluster.ask("POST", "/resources/properties.json", "oar", json={"name": "Rack"})
    assert added.status_code == 201
    assert (added.json()["name"], added.json()["type"]) == ("rack", "int")
    new = node(cluster, "racked")
    changed = cluster.told("POST", f"/resources/{new}.json", json={"rack": "5", "drain": True})
    assert (changed["rack"], changed["drain"]) == (5, "YES")
    assert cluster.told("POST", f"/resources/{new}.json", json={"rack": None})["rack"] is None
    assert cluster.ask("DELETE", "/resources/properties/RACK.json", "oar").status_code == 200
    assert "rack" not in cluster.told("GET", f"/resources/{new}.json")
    names = [e["name"] for e in cluster.told("GET", "/resources/properties.json")["items"]]
    assert "rack" not in names
    assert "cpuset" in names
    removed(cluster, new)


WRITES = [
    ("POST", "/resources", {"hostname": "never"}),
    ("POST", "/resources/generate", {"resources": "/nodes=a"}),
    ("POST", "/resources/{id}", {"drain": "YES"}),
    ("POST", "/resources/{id}/state", {"state": "Dead"}),
    ("DELETE", "/resources/{id}", None),
    ("DELETE", "/resources/node1/0", None),
    ("POST", "/resources/properties", {"name": "never"}),
    ("DELETE", "/resources/properties/cpu", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_only_administrators_write(
    cluster: Cluster, method: str, path: str, body: dict[str, str] | None
) -> None:
    before = cluster.told("GET", "/resources/details.json", by=None)["items"]
    path = path.format(id=before[0]["id"]) + ".json"
    stranger = cluster.ask(method, path, json=body)
    assert stranger.status_code == 401
    assert stranger.json()["code"] == 401
    user = cluster.ask(method, path, "kameleon", json=body)
    assert user.status_code in (401, 403)
    assert "Only the oar user" in user.json()["message"]
    after = cluster.told("GET", "/resources/details.json", by=None)["items"]
    for each in (*before, *after):
        each.pop("api_timestamp")
    assert after == before


BAD: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/resources/99999", None, 404, "no resource 99999"),
    ("GET", "/resources/x", None, 404, "No way to handle"),
    ("GET", "/resources/-1", None, 404, "No way to handle"),
    ("GET", "/resources?limit=abc", None, 400, "limit"),
    ("GET", "/resources?limit=-1", None, 400, "limit"),
    ("GET", "/resources/details?offset=-1", None, 400, "offset"),
    ("GET", "/resources?structure=perl", None, 406, "Unknown perl format"),
    ("GET", "/resources/nodes", None, 404, "No way to handle"),
    ("POST", "/resources", {"cpu": 10}, 400, "must have a hostname"),
    ("POST", "/resources", [], 400, "empty"),
    ("POST", "/resources", [{"hostname": "a"}, 7], 400, "[1]: expected `object`"),
    ("POST", "/resources", [{"hostname": "a"}, {"hostname": ""}], 400, "resource 2"),
    ("POST", "/resources", {"hostname": ["a"]}, 400, "network_address"),
    ("POST", "/resources", {"hostname": "a b"}, 400, "network_address"),
    ("POST", "/resources", {"hostname": "a", "colour": "red"}, 400, "no property 'colour'"),
    ("POST", "/resources", {"hostname": "a", "state": "Alive"}, 403, "system one"),
    ("POST", "/resources", {"hostname": "a", "cpu": 1.5}, 400, "cpu"),
    ("POST", "/resources", {"hostname": "a", "cpu": 1, "properties": {"cpu": 1}}, 400, "twice"),
    ("POST", "/resources", {"hostname": "a", "properties": "cpu=1"}, 400, "properties"),
    ("POST", "/resources/generate", {"properties": {}}, 400, "must have a resources field"),
    ("POST", "/resources/generate", {"resources": "/nodes=a{x}"}, 400, "at character 10"),
    ("POST", "/resources/generate", {"resources": "/cpu={2}"}, 400, "no level names the nodes"),
    ("POST", "/resources/generate", {"resources": "nodes=a{999999}"}, 400, "100000"),
    ("POST", "/resources/generate", {"resources": 5}, 400, "resources"),
    ("POST", "/resources/generate", {"resources": "nodes=a", "properties": "x"}, 400, "name=value"),
    ("POST", "/resources/{id}", {"resource_id": 4}, 403, "system one"),
    ("POST", "/resources/99999", {"drain": "NO"}, 404, "no resource 99999"),
    ("POST", "/resources/{id}/state", {"state": "Suspected"}, 400, "Alive, Absent or Dead"),
    ("POST", "/resources/{id}/state", {}, 400, "state"),
    ("POST", "/resources/99999/state", {"state": "Dead"}, 404, "no resource 99999"),
    ("DELETE", "/resources/99999", None, 404, "no resource 99999"),
    ("DELETE", "/resources/nosuch/0", None, 404, "could not be found"),
    ("DELETE", "/resources/node1/x", None, 404, "No way to handle"),
    ("POST", "/resources/properties", {"name": "no-good"}, 400, "property's name"),
    ("POST", "/resources/properties", {"name": "cpu"}, 400, "already"),
    ("POST", "/resources/properties", {"name": "x", "type": "float"}, 400, "type"),
    ("DELETE", "/resources/properties/nosuch", None, 404, "no property"),
    ("DELETE", "/resources/properties/cpuset", None, 403, "standard"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "words"), BAD)
def test_bad_requests_are_refused_with_what_is_wrong(
    cluster: Cluster, method: str, path: str, body: Any, status: int, words: str
) -> None:
    known = ids(cluster)
    path = path.format(id=known[0])
    answer = cluster.ask(method, path, "oar", json=body, headers={"Accept": JSON})
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert said.keys() == {"code", "title", "message"}
    assert said["code"] == status
    assert words in f"{said['title']}: {said['message']}"
    assert ids(cluster) == known


@pytest.mark.parametrize("path", ["/resources", "/resources/generate", "/resources/{id}/state"])
@pytest.mark.parametrize(
    ("media", "body", "status"),
    [
        (JSON, '{"hostname":', 400),
        (JSON, '"x"', 400),
        (JSON, "[" * 100_000, 400),
        ("text/yaml", "a: [", 400),
        ("text/yaml", "!!python/object:os.system x", 400),
        ("text/plain", "hostname=a", 406),
    ],
)
def test_bodies_that_cannot_be_read_are_refused(
    cluster: Cluster, path: str, media: str, body: str, status: int
) -> None:
    path = path.format(id=ids(cluster)[0])
    answer = cluster.ask("POST", f"{path}.json", "oar", data=body, headers={"Content-Type": media})
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == status


def test_debug_answers_200_with_the_status_in_the_title(cluster: Cluster) -> None:
    said = cluster.told("GET", "/resources/9999.json?debug=1", by=None)
    assert (said["code"], said["title"]) == (200, "ERROR 404 - Resource not found")


def test_what_was_told_survives_kill_9(own: Cluster) -> None:
    made = own.make_nodes()
    new = node(own, "late", cpu=77)
    own.told("POST", f"/resources/{made[0]}/state.json", json={"state": "Absent"})
    own.told("POST", f"/resources/{made[1]}.json", json={"drain": "YES", "mem": 1})
    removed(own, new)
    before = own.told("GET", "/resources/details.json", by=None)["items"]
    own.kill_9()
    own.start()
    after = own.told("GET", "/resources/details.json", by=None)["items"]
    for each in (*before, *after):
        each.pop("api_timestamp")
    assert after == before
    assert node(own, "next") == new + 1
    names = {each["name"] for each in own.told("GET", "/resources/properties.json")["items"]}
    assert {"cpu", "core", "host", "mem"} < names


@pytest.mark.parametrize(("crash_at", "kept"), [("before", 0), ("after", 3)])
def test_a_crash_within_a_command_keeps_all_of_it_or_nothing(
    own: Cluster, crash_at: str, kept: int
) -> None:
    before = ids(own)
    own.kill_9()
    own.start(crash_at=f"journal.{crash_at}_commit")
    with pytest.raises(requests.ConnectionError):
        own.ask("POST", "/resources.json", "oar", json=[{"hostname": "a"}] * 3)
    own.exit_code()
    own.start()
    assert len(ids(own)) == len(before) + kept
    assert node(own, "next") == before[-1] + kept + 1


def test_the_timeline_tells_everybody_who_changed_resources(own: Cluster) -> None:
    new = node(own, "told")
    removed(own, new)
    stream = own.request("GET", "/events?after=0&follow=0", auth=("alice", PASSWORD), stream=True)
    told = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith(b"data: ")]
    assert [(each["event"], each["who"]) for each in told] == [
        ("resource_added", "server"),
        ("resource_added", "oar"),
        ("resource_changed", "oar"),
        ("resource_removed", "oar"),
    ]
    assert {(each["job"], each["id"], each["version"]) for each in told} == {(None, None, 0)}
    assert told[2]["detail"] == {"resources": [new], "values": {"state": "Dead"}}
