"""An administrator writes an admission rule, and it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.server.process import ServerProcess

if TYPE_CHECKING:
    from tests.browser.browser import Browser


def test_a_rule_is_added_and_refuses_changed_and_deleted(
    browser: Browser, served: ServerProcess
) -> None:
    browser.open("/oarapi/admission_rules.html").follow("New rule")
    browser.fill("Rule", 'if job["name"] == "x"\n  fail("no x")').press("Add the rule")
    assert browser.field("Rule").get_attribute("aria-invalid") == "true"
    assert "line" in browser.one("[role=alert]").text
    assert any("400 (BAD REQUEST)" in each for each in browser.complaints())
    text = 'if job["name"] == "x":\n  fail("no <x> here")'
    browser.fill("Rule", text).fill("Priority", "7").press("Only say what it would have done")
    assert "Nothing was changed" in browser.told()
    assert browser.field("Rule").get_attribute("value") == text
    browser.press("Add the rule")
    number = int(browser.heading.removeprefix("Admission rule "))
    (kept,) = served.get(f"/oarapi/admission_rules/{number}.json")
    assert kept["rule"] == text and kept["priority"] == 7

    browser.open("/oarapi/jobs/form.html").fill("Name", "x").fill("Program to run", "true")
    browser.press("Submit")
    assert "no <x> here" in browser.one("[role=alert]").text
    assert browser.field("Program to run").get_attribute("value") == "true"
    refused = browser.complaints()
    assert any("400 (BAD REQUEST)" in each for each in refused), refused

    browser.open(f"/oarapi/admission_rules/{number}.html").fill("Enabled", "NO")
    browser.press("Change the rule")
    assert browser.told() == "The rule is changed"
    browser.follow("What it was before")
    assert len(browser.all("main tbody tr")) == 2
    browser.follow(str(number)).unfold("Delete this rule …").press("Delete this rule")
    assert browser.told() == f"Rule {number} is deleted"
    assert str(number) not in browser.links()
