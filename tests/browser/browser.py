"""A headless Chromium, used by what a person sees: labels, and the words on links and buttons."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.selenium import Axe  # type: ignore[import-untyped]  # it has no types
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

WITHIN_S = 20.0
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


class Browser:
    """One window."""

    def __init__(self, url: str, profile: Path) -> None:
        self.url = url
        program, driver = shutil.which("chromium"), shutil.which("chromedriver")
        if program is None or driver is None:
            pytest.skip("no chromium and chromedriver on this machine (Debian: chromium-driver)")
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for each in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage",
                     "no-first-run", "disable-background-networking", "disable-sync",
                     "no-proxy-server", "window-size=1200,900", f"user-data-dir={profile}"):  # fmt: skip
            options.add_argument(f"--{each}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))
        self.driver.set_page_load_timeout(WITHIN_S)
        self.driver.set_script_timeout(WITHIN_S)

    def close(self) -> None:
        self.driver.quit()

    def open(self, path: str) -> Browser:
        self.driver.get(self.url + path)
        return self

    @property
    def path(self) -> str:
        return self.driver.current_url.removeprefix(self.url)

    @property
    def title(self) -> str:
        return self.driver.title

    @property
    def heading(self) -> str:
        (found,) = self.all("h1")
        return found.text

    @property
    def text(self) -> str:
        """What the page says, without its menu."""
        return self.one("main").text

    def told(self) -> str:
        """What the page says of the form before it."""
        return self.one("main [role=status]").text

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def links(self) -> dict[str, str]:
        """Address by words, of the links below the menu."""
        return {each.text: str(each.get_attribute("href")) for each in self.all("main a")}

    def follow(self, words: str) -> Browser:
        return self.go(self.driver.find_element(By.LINK_TEXT, words))

    def press(self, words: str) -> Browser:
        return self.go(self.driver.find_element(By.XPATH, _named("button", words)))

    def go(self, leading: WebElement) -> Browser:
        """Click what leads to another page, and be there."""
        before = self.one("html")
        leading.click()
        wait = WebDriverWait(self.driver, WITHIN_S, poll_frequency=0.02)
        wait.until(lambda _: self._is_gone(before), "the click leads nowhere")
        wait.until(lambda driver: driver.execute_script("return document.readyState") == "complete")
        return self

    @staticmethod
    def _is_gone(element: WebElement) -> bool:
        try:
            element.is_enabled()
        except WebDriverException:
            return True
        return False

    def has_button(self, words: str) -> bool:
        return bool(self.driver.find_elements(By.XPATH, _named("button", words)))

    def unfold(self, words: str) -> Browser:
        self.driver.find_element(By.XPATH, _named("summary", words)).click()
        return self

    def field(self, label: str) -> WebElement:
        """The field of a form that the label names."""
        found = self.driver.find_element(By.XPATH, _named("label", label))
        return self.driver.find_element(By.ID, str(found.get_attribute("for")))

    def fill(self, label: str, text: str) -> Browser:
        field = self.field(label)
        if field.tag_name == "select":
            Select(field).select_by_visible_text(text)
        else:
            if field.get_attribute("type") not in ("file", "checkbox"):
                field.clear()
            field.send_keys(text)
        return self

    def focused_by_tab(self) -> str:
        """Press the tabulator; the words of what has the focus then."""
        self.driver.switch_to.active_element.send_keys(Keys.TAB)
        focused = self.driver.switch_to.active_element
        outline = focused.value_of_css_property("outline-style")
        assert outline != "none", "nobody sees where the focus is"
        return focused.text

    def press_enter(self) -> None:
        self.driver.switch_to.active_element.send_keys(Keys.ENTER)

    def complaints(self) -> list[str]:
        """What the browser wrote to its console: styles refused, files not found."""
        logged: list[dict[str, Any]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [each["message"] for each in logged if "favicon" not in each["message"]]

    def violations(self) -> list[str]:
        """Against which rules of accessibility the page is, and where."""
        found = Axe().run(self.driver, options={"runOnly": RULES, "resultTypes": ["violations"]})
        return [
            f"{each['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def prefer(self, scheme: str) -> None:
        """``light`` or ``dark``."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def be_wide(self, pixels: int | None) -> None:
        """As a screen that many pixels wide; None: as the window is."""
        if pixels is None:
            self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
            return
        screen = {"width": pixels, "height": 700, "deviceScaleFactor": 1, "mobile": True}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)

    def overflow(self) -> int:
        """How many pixels the page is wider than the screen."""
        script = "var e = document.documentElement; return e.scrollWidth - e.clientWidth"
        return int(self.driver.execute_script(script))


def _named(tag: str, words: str) -> str:
    return f"//main//{tag}[normalize-space()={words!r}]"
