"""A headless Chromium, for what a person sees and clicks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

Found = TypeVar("Found")

_EDITOR = "document.querySelector('.CodeMirror').CodeMirror"


class Browser:
    """One window. Everything waits: pages of the Dagster UI are made as they are looked at."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        self.driver.get(address)

    def text(self) -> str:
        return str(self.driver.find_element(By.TAG_NAME, "body").text)

    def until(self, look: Callable[[], Found], what: str, *, seconds: float = 60, reload: bool = False) -> Found:
        """What `look` gives as soon as that is true; `reload` where the page does not renew itself."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if found := look():
                    return found
            except WebDriverException:
                pass  # the page is being made
            if reload:
                self.driver.refresh()
                time.sleep(4)
            time.sleep(0.3)
        raise AssertionError(f"{what} did not appear within {seconds:g} s at {self.driver.current_url}:\n{self.text()}")

    def click_link(self, words: str) -> None:
        def there() -> bool:
            links = self.driver.find_elements(By.PARTIAL_LINK_TEXT, words)
            if links:
                links[0].click()
            return bool(links)

        self.until(there, f"the link {words!r}")

    def editor(self) -> str:
        """The YAML in the Launchpad."""
        return str(self.driver.execute_script(f"return {_EDITOR}.getValue()"))

    def write(self, yaml: str) -> None:
        self.driver.execute_script(f"{_EDITOR}.setValue(arguments[0])", yaml)

    def can_launch(self) -> bool:
        return any("Launch Run" in one.text and one.is_enabled() for one in self._buttons())

    def launch(self) -> None:
        self.until(self.can_launch, "a button that launches")
        next(one for one in self._buttons() if "Launch Run" in one.text).click()
        self.until(lambda: "/runs/" in self.driver.current_url, "the run")

    def _buttons(self) -> list[webdriver.remote.webelement.WebElement]:
        return self.driver.find_elements(By.TAG_NAME, "button")

    def picture(self, path: Path) -> None:
        self.driver.save_screenshot(str(path))


@contextmanager
def a_browser(width: int = 1400, height: int = 1000) -> Iterator[Browser]:
    """Skips where Chromium or its driver is not installed."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("install chromium and chromium-driver (Debian) to run this")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={width},{height}"):
        options.add_argument(argument)
    window = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield Browser(window)
    finally:
        window.quit()
