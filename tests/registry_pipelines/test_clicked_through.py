"""The whole story as a newcomer clicks it: the quickstart, its plan, the form, the outcome, the backfill.

With REGISTRY_PIPELINES_PICTURES set to a folder, the pictures of docs/approval.md are made on the way.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.company import REGISTRY
from tests.registry_pipelines.browser import Browser, a_browser
from tests.registry_pipelines.quickstart.test_quickstart import address_of, quickstart

PICTURES = "REGISTRY_PIPELINES_PICTURES"


def picture(browser: Browser, name: str) -> None:
    folder = os.environ.get(PICTURES)
    if folder:
        time.sleep(2)  # what moves comes to rest
        browser.picture(Path(folder) / f"{name}.png")


def test_a_newcomer_approves_a_plan_and_sees_what_became_of_it(tmp_path: Path) -> None:
    with a_browser() as browser, quickstart(tmp_path / "quickstart") as process:
        address = address_of(process)
        browser.open(f"{address}/assets/eviction_plan?view=partitions&partition={REGISTRY}")
        browser.until(lambda: "Review and approve this plan" in browser.text(), "the link")
        assert "92 images, 26 of them parts of others, with 74 tags can go" in browser.text()
        assert "[Show Markdown]" not in browser.text().partition("images that go")[0]
        picture(browser, "plan")

        browser.click_link("Review and approve this plan")
        browser.until(lambda: "approver:" in browser.editor(), "the form")
        form = browser.editor()
        assert "# Type the number of images that go:" in form
        browser.until(lambda: "must not be None" in browser.text(), "what is missing")
        assert not browser.can_launch(), "nothing can be launched before a person has added what is theirs"
        form = form.replace("images:\n", "images: 92\n").replace("approver:\n", "approver: Alice\n")
        browser.write(form.replace("reason:\n", "reason: old builds, as agreed on Monday\n"))
        browser.until(browser.can_launch, "a form that can be sent")
        picture(browser, "launchpad")
        browser.launch()

        browser.open(f"{address}/assets/eviction_approval?view=partitions&partition={REGISTRY}")
        browser.until(lambda: "old builds, as agreed" in browser.text(), "the approval", seconds=90, reload=True)
        browser.open(f"{address}/assets/eviction_outcome?view=partitions&partition={REGISTRY}")
        browser.until(lambda: "Put images back" in browser.text(), "the outcome", seconds=150, reload=True)
        assert "92 entries of 92 deleted" in browser.text()
        picture(browser, "outcome")

        browser.open(f"{address}/runs?view=backfills")
        browser.until(lambda: "eviction" in browser.text(), "the backfill", seconds=90, reload=True)
        browser.until(lambda: "Success" in browser.text(), "its end", seconds=180, reload=True)
        picture(browser, "backfill")

        browser.open(f"{address}/assets/eviction_plan?view=partitions&partition={REGISTRY}")
        browser.until(lambda: "Nothing to evict" in browser.text(), "the next plan", seconds=120, reload=True)
