"""A person submits a job, watches it, acts on it, and reads what it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.server.process import ServerProcess, wait_until

if TYPE_CHECKING:
    from tests.browser.browser import Browser


def submit(browser: Browser, **fields: str) -> int:
    """Through the form; the number of the new job, whose page is shown afterwards."""
    browser.open("/oarapi/index.html").follow("Submit a job")
    for label, text in fields.items():
        browser.fill(label.replace("_", " "), text)
    browser.press("Submit")
    assert "/jobs/" in browser.path and "form" not in browser.path, browser.text
    return int(browser.path.rpartition("/")[2].removesuffix(".html"))


def until(browser: Browser, job_id: int, state: str) -> Browser:
    """The page of the job, once it is in the state."""

    def there() -> bool:
        browser.open(f"/oarapi/jobs/{job_id}.html")
        return browser.one("main .state").text == state

    wait_until(there, f"job {job_id} to be {state}")
    return browser


def test_a_job_is_submitted_through_the_form_and_its_output_read(browser: Browser) -> None:
    script = "#!/bin/sh\necho hello $OAR_JOB_NAME '<b>'\n"
    job_id = submit(browser, Name="first", Script=script)
    assert browser.heading == f"Job {job_id}: first"
    assert f"OAR_JOB_ID={job_id}" in browser.told()
    browser.driver.refresh()
    assert not browser.all("main [role=status]"), "told once"
    until(browser, job_id, "Terminated")
    assert "(succeeded)" in browser.text and "Exit code\n0" in browser.text
    browser.go(browser.one("main dd a[href*='stdout'][href*='show=']"))
    assert browser.one("main pre").text == "hello first <b>"
    assert browser.heading.endswith(f".{job_id}.stdout")


def test_a_job_is_held_and_resumed_and_deleted(browser: Browser, served: ServerProcess) -> None:
    command = "trap '' USR2; sleep 300"
    job_id = submit(browser, Program_to_run=command, Resources="/core=1,walltime=2:0:0")
    until(browser, job_id, "Running").press("Suspend")
    assert browser.path == f"/oarapi/jobs/{job_id}.html"
    assert "Hold request was sent" in browser.told()
    until(browser, job_id, "Suspended").press("Resume")
    until(browser, job_id, "Running").press("Checkpoint")
    assert "notified to checkpoint itself" in browser.told()
    browser.open(f"/oarapi/jobs/{job_id}.html").unfold("Delete …").press("Delete")
    assert f"Deleting the job = {job_id}" in browser.told()
    until(browser, job_id, "Error")
    assert "killed" in browser.text and not browser.has_button("Delete")
    browser.press("Submit again")
    again = int(browser.path.rpartition("/")[2].removesuffix(".html"))
    assert again > job_id and browser.links()[str(job_id)].endswith(f"/jobs/{job_id}.html")
    served.request("DELETE", f"/oarapi/jobs/{again}.json")


def test_a_waiting_job_is_held_and_resumed_and_says_why(
    browser: Browser, served: ServerProcess
) -> None:
    job_id = submit(browser, Program_to_run="true", On_hold=" ")
    until(browser, job_id, "Hold")
    assert "What it waits for" in browser.text
    browser.follow("All that is known of it")
    assert browser.heading == f"Why job {job_id} is Hold"
    browser.follow(f"Job {job_id}").press("Resume")
    assert "Resume request was sent" in browser.told()
    until(browser, job_id, "Terminated")


def test_what_is_wrong_is_said_at_the_field_and_the_rest_is_kept(browser: Browser) -> None:
    browser.open("/oarapi/jobs/form.html").fill("Resources", "/core=0.5").fill("Name", "<i>'\"")
    browser.fill("Script", "line 1\n\n  line 3").press("Submit")
    problem = browser.one("[role=alert]").text
    assert "Bad query" in problem and "resource" in problem
    assert browser.title.startswith("Error: Bad query")
    field = browser.field("Resources")
    assert field.get_attribute("aria-invalid") == "true"
    assert field.get_attribute("value") == "/core=0.5"
    assert browser.field("Name").get_attribute("value") == "<i>'\""
    assert browser.field("Script").get_attribute("value") == "line 1\n\n  line 3"
    assert browser.driver.switch_to.active_element == field
    browser.fill("Resources", "/core=1").press("Only say what would happen")
    assert "Nothing was made" in browser.text, browser.text
    assert browser.field("Script").get_attribute("value") == "line 1\n\n  line 3"
    assert any("400 (BAD REQUEST)" in each for each in browser.complaints())


def test_jobs_are_found_by_filters_and_pages(browser: Browser, served: ServerProcess) -> None:
    for _ in range(3):
        body = {"command": "true", "resource": "/core=1", "hold": "1", "name": "one of three"}
        served.request("POST", "/oarapi/jobs.json", json=body)
    browser.open("/oarapi/jobs.html").fill("State", "Hold").fill("On a page", "2").press("Show")
    rows = browser.all("main tbody tr")
    assert len(rows) == 2 and all("Hold" in each.text for each in rows)
    browser.follow("Next page")
    assert "offset=2" in browser.path and "one of three" in browser.text
    browser.follow("Previous page")
    assert len(browser.all("main tbody tr")) == 2
    browser.fill("User", "nobody-here").press("Show")
    assert "There are none" in browser.text
    browser.follow("In detail")
    assert browser.heading == "Jobs in detail"
