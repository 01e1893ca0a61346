"""An administrator makes resources, changes their states, and removes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.server.process import ServerProcess

if TYPE_CHECKING:
    from tests.browser.browser import Browser


def test_resources_are_generated_looked_at_and_made(
    browser: Browser, served: ServerProcess
) -> None:
    browser.open("/oarapi/resources.html").follow("New resources")
    browser.fill("Expression", "/nodes=far{2}/cpu={1}/core={2}").press("Show them")
    assert "4 resources" in browser.text and "Nothing is made yet" in browser.text
    assert browser.field("Expression").get_attribute("value") == "/nodes=far{2}/cpu={1}/core={2}"
    browser.press("Make these resources")
    assert browser.told() == "The resources are made"
    assert browser.path == "/oarapi/resources.html"
    browser.follow("far1")
    assert browser.heading == "Node far1" and len(browser.all("main tbody tr")) == 2
    browser.go(browser.one("main tbody th a")).press("Make it Absent")
    assert browser.told() == "It is Absent now"
    browser.unfold("Change a property …").fill("drain", "YES").press("Set drain")
    assert browser.told() == "The property is set"
    browser.press("Make it Dead").unfold("Remove …").press("Remove")
    assert browser.path == "/oarapi/resources.html" and "is removed" in browser.told()
    nodes = [each["network_address"] for each in served.get("/oarapi/resources.json")["items"]]
    assert nodes.count("far1") == 1 and nodes.count("far2") == 2


def test_an_expression_that_means_nothing_is_shown_again_with_the_reason(browser: Browser) -> None:
    browser.open("/oarapi/resources/form.html").fill("Expression", "/nodes=a{").press("Show them")
    assert browser.field("Expression").get_attribute("value") == "/nodes=a{"
    assert browser.one("[role=alert]").text
    assert any("400 (BAD REQUEST)" in each for each in browser.complaints())


def test_a_variable_is_changed_and_a_wrong_value_is_refused(browser: Browser) -> None:
    browser.open("/oarapi/config.html").follow("API_DEFAULT_MAX_ITEMS_NUMBER")
    browser.fill("New value", "many").press("Change it")
    assert browser.field("New value").get_attribute("value") == "many"
    assert browser.field("New value").get_attribute("aria-invalid") == "true"
    assert any("400 (BAD REQUEST)" in each for each in browser.complaints())
    browser.fill("New value", "400").press("Change it")
    assert "Changed; it holds" in browser.told()
    assert browser.heading == "API_DEFAULT_MAX_ITEMS_NUMBER" and "400" in browser.text
