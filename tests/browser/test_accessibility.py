"""Every page keeps the rules of accessibility, in light and dark, and fits a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.process import ServerProcess

if TYPE_CHECKING:
    from tests.browser.browser import Browser

PAGES = [
    "/", "/docs", "/oarapi/index.html", "/oarapi/jobs.html?state=", "/oarapi/jobs/details.html?state=",
    "/oarapi/jobs/table.html?state=", "/oarapi/jobs/{job}.html", "/oarapi/jobs/{job}/details.html",
    "/oarapi/jobs/{job}/why.html", "/oarapi/jobs/{job}/resources.html", "/oarapi/jobs/form.html",
    "/oarapi/resources.html", "/oarapi/resources/details.html", "/oarapi/resources/1.html",
    "/oarapi/resources/form.html", "/oarapi/resources/properties.html", "/oarapi/media/ls/~/",
    "/oarapi/media/~/read.txt?show=10", "/oarapi/config.html", "/oarapi/config/file.html",
    "/oarapi/config/API_DEFAULT_MAX_ITEMS_NUMBER.html", "/oarapi/whoami.html", "/oarapi/version.html",
    "/oarapi/stress_factor.html", "/oarapi/admission_rules.html", "/oarapi/admission_rules/form.html",
    "/oarapi/admission_rules/1.html", "/oarapi/accounting.html",
]  # fmt: skip
NOT_THERE = ["/oarapi/nosuch.html", "/oarapi/jobs/999999.html"]


@pytest.fixture(scope="module")
def job(served: ServerProcess) -> int:
    """One on hold, with much to show."""
    (served.data_dir.parent / "read.txt").write_text("a line\n" * 30)
    body = {"command": "x" * 300, "resource": "/core=1", "hold": "1", "name": "a name", "array": 2}
    answer = served.request("POST", "/oarapi/jobs.json", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_keeps_the_rules(browser: Browser, job: int, page: str, scheme: str) -> None:
    browser.prefer(scheme)
    browser.open(page.format(job=job))
    assert browser.violations() == []
    assert browser.heading and browser.title


def test_the_rules_are_really_looked_at(browser: Browser) -> None:
    browser.open("/oarapi/index.html")
    browser.driver.execute_script(
        "document.querySelector('main').innerHTML += '<input><p>pale</p>';"
        "document.querySelector('main p:last-child').style.color = '#ccc'"
    )
    assert {"label", "color-contrast"} <= {each.partition(":")[0] for each in browser.violations()}


@pytest.mark.parametrize("page", NOT_THERE)
def test_pages_of_errors_keep_them_too(browser: Browser, page: str) -> None:
    browser.open(page)
    assert browser.violations() == []
    assert browser.one("[role=alert]").text
    assert any("404 (NOT FOUND)" in each for each in browser.complaints())


@pytest.mark.parametrize("page", PAGES)
def test_every_page_fits_a_phone(browser: Browser, job: int, page: str) -> None:
    """What is wider, like a table, scrolls in a part of its own."""
    browser.be_wide(360)
    browser.open(page.format(job=job))
    assert browser.overflow() == 0


def test_the_keyboard_reaches_the_content_first_and_then_the_menu(browser: Browser) -> None:
    browser.open("/oarapi/jobs/form.html")
    assert browser.focused_by_tab() == "Skip to the content"
    assert browser.focused_by_tab() == "OAR"
    browser.open("/oarapi/jobs/form.html").focused_by_tab()
    browser.press_enter()
    assert browser.focused_by_tab() == "jobs", "the way up is the first of the content"
    browser.focused_by_tab()
    assert browser.driver.switch_to.active_element == browser.field("Resources")
