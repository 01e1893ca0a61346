"""Bodies in JSON, YAML and forms, also those that are none."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.oar.asking import body_of, error, login


@pytest.mark.parametrize(
    ("media", "text"),
    [
        ("application/json", '{"name": "x", "count": 3}'),
        ("application/json; charset=utf-8", '{"name": "x", "count": 3}'),
        ("text/yaml", "name: x\ncount: 3\n"),
        ("application/yaml", "--- {name: x, count: 3}"),
        ("application/x-www-form-urlencoded", "name=x&count=3"),
        ("multipart/form-data; boundary=B",
         ('--B\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n'
         '--B\r\nContent-Disposition: form-data; name="count"\r\n\r\n3\r\n--B--\r\n')),
    ],
)  # fmt: skip
def test_bodies_are_json_yaml_or_forms(client: FlaskClient, media: str, text: str) -> None:
    headers = login("oar")
    answer = client.post("/oarapi/rows.json", data=text, content_type=media, headers=headers)
    assert (answer.status_code, body_of(answer)) == (201, {"id": 6, "name": "x", "count": 3})
    assert answer.headers["Location"] == "/oarapi/rows/6" and "Allow" not in answer.headers


def test_plain_yaml_scalars_stay_as_they_are_written(client: FlaskClient) -> None:
    text = "\n".join(f"k{n}: {each}" for n, each in enumerate(PLAIN))
    answer = client.post(
        "/oarapi/said.json", data=text, content_type="text/yaml", headers=login("oar")
    )
    assert list(body_of(answer)["said"].values()) == list(PLAIN.values())


PLAIN: dict[str, Any] = {
    "no": "no", "YES": "YES", "1:30:00": "1:30:00", "2030-01-01 12:00:00": "2030-01-01 12:00:00",
    "010": "010", "0x1f": "0x1f", "1_000": "1_000", "1e3": "1e3", ".inf": ".inf", "<<": "<<",
    "/core=1,walltime=0:1:0": "/core=1,walltime=0:1:0", "9" * 30: "9" * 30,
    "12": 12, "-3": -3, "0.5": 0.5, "true": True, "~": None, "null": None, "": None, '"1"': "1",
}  # fmt: skip


def test_a_form_key_that_comes_twice_is_a_list(client: FlaskClient) -> None:
    form = "type=a&type=b&empty=&name=x"
    answer = client.post(
        "/oarapi/said.json",
        data=form,
        content_type="application/x-www-form-urlencoded",
        headers=login("oar"),
    )
    assert body_of(answer)["said"] == {"type": ["a", "b"], "empty": "", "name": "x"}


@pytest.mark.parametrize(
    ("media", "text", "status", "title"),
    [
        ("application/json", '{"name": ', 400, "JSON data not understood"),
        ("application/json", b'{"name": "\xff"}', 400, "JSON data not understood"),
        ("application/json", "[" * 50_000, 400, "JSON data not understood"),
        ("application/json", "[]", 400, "Bad type"),
        ("application/json", '"x"', 400, "Bad type"),
        ("application/json", "null", 400, "Missing Required Field"),
        ("application/json", "", 400, "Missing Required Field"),
        ("application/json", '{"name": 3}', 400, "Invalid Field"),
        ("application/x-www-form-urlencoded", "name=x&count=many", 400, "Invalid Field"),
        ("text/yaml", "name: [1, 2\n  bad: : :", 400, "YAML data not understood"),
        ("text/yaml", "just text", 400, "Bad type"),
        ("text/yaml", "a: &x 1\nname: *x", 400, "YAML data not understood"),
        ("text/yaml", "name: *x", 400, "YAML data not understood"),
        ("text/yaml", "name: !!python/object/apply:os.system [id]", 400, "YAML data not understood"),
        ("text/yaml", "name: !!binary aGk=", 400, "YAML data not understood"),
        ("text/yaml", "{" * 1000, 400, "YAML data not understood"),
        ("text/yaml", "[" * 99_000, 400, "YAML data not understood"),
        ("text/yaml", "? [a]\n: b", 400, "YAML data not understood"),
        ("text/yaml", "1: b", 400, "Bad type"),
        ("text/yaml", b"\xff\xfe\x00", 400, "YAML data not understood"),
        ("text/yaml", "name: a\n---\nname: b", 400, "YAML data not understood"),
        ("text/plain", '{"name": "x"}', 406, "Row description must be in YAML or JSON"),
        (None, '{"name": "x"}', 406, "Row description must be in YAML or JSON"),
        ("application/json", '{"name": "%s"}' % ("x" * 200_000), 413, None),
        ("application/x-www-form-urlencoded", "name=" + "x" * 200_000, 413, None),
    ],
)  # fmt: skip
def test_bodies_that_cannot_be_read_are_refused(
    client: FlaskClient, media: str | None, text: str | bytes, status: int, title: str | None
) -> None:
    answer = client.post("/oarapi/rows.json", data=text, content_type=media, headers=login("oar"))
    assert error(answer)[0] == status, answer.text
    assert title in (None, body_of(answer)["title"])


def test_a_yaml_document_has_a_bounded_number_of_values() -> None:
    from hoplite.api.oar.yaml_input import parse_yaml
    from hoplite.exceptions import TooLargeError

    with pytest.raises(TooLargeError, match="100000"):
        parse_yaml(b"[" + b"1," * 200_000 + b"1]")
