"""Each page in a real browser, wide and on a phone, light and dark: nothing sticks out, nothing is too faint to read,
nothing is blocked, and nothing is fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from registry_pipelines.web.pages import LINKS
from tests.registry_pipelines.browser import Browser, a_browser
from tests.registry_pipelines.web.looks import (
    LOOKS,
    Look,
    company_served,
    complaints,
    faint_texts,
    is_dark,
    sticking_out,
    take_look,
)
from tests.registry_pipelines.web.service import HOST, Service, Site, at_once, failing, pod, served

PLANS = ("/plans/{eviction:.12}", "/plans/{collection:.12}", "/plans/{migration:.12}")
PAGES = ("/", "/versions", "/plans", *PLANS, "/single-copies")
PHONE = LOOKS[-1]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, dict[str, str]]]:
    with company_served(tmp_path_factory.mktemp("looked-at")) as running:
        yield running


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name.replace(" ", "-"))
@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_read(company: tuple[Service, dict[str, str]], browser: Browser, path: str, look: Look) -> None:
    service, plans = company
    take_look(browser, service.url + path.format(**plans), look)
    assert browser.text().strip()
    assert is_dark(browser) == (look.scheme == "dark")
    assert sticking_out(browser) == []
    assert faint_texts(browser) == []
    assert complaints(browser) == []
    fetched = "return performance.getEntriesByType('resource').map((one) => one.name)"
    assert browser.driver.execute_script(fetched) == []


def test_no_page_that_the_front_leads_to_is_left_out(company: tuple[Service, dict[str, str]]) -> None:
    answers = {link.path: company[0].get(link.path) for link in LINKS}
    pages = {path for path, answer in answers.items() if answer.headers["Content-Type"].startswith("text/html")}
    assert pages <= set(PAGES)
    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code != 200} == {}


def test_what_is_missing_is_told_on_a_page_that_can_be_read(
    company: tuple[Service, dict[str, str]], browser: Browser
) -> None:
    for look in LOOKS:
        take_look(browser, company[0].url + "/plans/ffffffffffff", look)
        assert "there is no plan" in browser.text()
        assert sticking_out(browser) == faint_texts(browser) == []
    complaints(browser)  # a 404 is told there too


def test_the_versions_are_searched_and_sorted_with_a_thumb(
    company: tuple[Service, dict[str, str]], browser: Browser
) -> None:
    take_look(browser, company[0].url + "/versions", PHONE)
    browser.driver.find_element(By.ID, "search").send_keys("frontend")
    assert browser.driver.find_element(By.ID, "count").text.startswith("1 of ")
    assert "shop/frontend" in browser.text()
    assert "health/web" not in browser.text()
    assert sticking_out(browser) == []


def test_the_entries_of_a_plan_are_searched(company: tuple[Service, dict[str, str]], browser: Browser) -> None:
    service, plans = company
    take_look(browser, service.url + PLANS[0].format(**plans), PHONE)
    box = browser.driver.find_element(By.CSS_SELECTOR, "input[type=search]")
    box.send_keys("legacy/importer")
    box.submit()
    browser.until(lambda: "8 entries" in browser.text(), "what was found")
    assert "q=legacy" in browser.driver.current_url
    assert complaints(browser) == []


def test_names_of_any_length_stay_inside_the_page(site: Site, browser: Browser) -> None:
    long = "/".join(["a-name-without-any-end" * 4] * 2)
    site.told.everything(pod(f"{HOST}/{long}:v1"), failing(f"{HOST}/{long}:{'9' * 128}"))
    with served(at_once(site.reader.look)) as service:
        for look in LOOKS:
            take_look(browser, service.url, look)
            assert long in browser.text().replace("\n", "")
            assert sticking_out(browser) == []


def test_the_judge_can_say_no(company: tuple[Service, dict[str, str]], browser: Browser) -> None:
    take_look(browser, company[0].url, PHONE)
    browser.driver.execute_script(
        "const bad = document.createElement('p'); bad.textContent = 'faint'; document.querySelector('section')"
        ".append(bad); bad.style.color = 'rgb(60, 65, 75)'; bad.style.width = '50rem';"
    )
    assert any("faint" in told for told in faint_texts(browser))
    assert any("faint" in told for told in sticking_out(browser))
    browser.driver.execute_script("fetch('https://elsewhere.example.com/').catch(() => 0)")
    browser.until(lambda: any("Content Security Policy" in one for one in complaints(browser)), "the complaint")


def test_a_saved_page_of_versions_needs_nothing_else(
    company: tuple[Service, dict[str, str]], browser: Browser, tmp_path: Path
) -> None:
    saved = tmp_path / "versions.html"
    saved.write_bytes(company[0].get("/versions").content)
    take_look(browser, saved.as_uri(), PHONE)
    browser.driver.find_element(By.ID, "search").send_keys("runner")
    assert browser.driver.find_element(By.ID, "count").text.startswith("1 of ")
    assert sticking_out(browser) == faint_texts(browser) == []
