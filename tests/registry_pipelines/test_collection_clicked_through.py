"""A collection as a person clicks it, in a running web server and daemon: plan, form, outcome, backfill."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from registry_pipelines.collection_jobs import PLAN_COLLECTION
from resources.processes import Processes, free_port
from tests.registries import DockerRegistry
from tests.registry_pipelines.browser import Browser, a_browser
from tests.registry_pipelines.eviction.collecting import READ_ONLY, a_pod, configure, plan_collection
from tests.registry_pipelines.eviction.estate import REGISTRY, Estate, build

ROOT = Path(__file__).parents[2]


@contextmanager
def dagster(estate: Estate) -> Iterator[str]:
    """The address of a Dagster UI over the site, with its daemon; nothing of it is left afterwards."""
    home = estate.root / "dagster"
    home.mkdir()
    shutil.copy(ROOT / "deploy" / "dagster.yaml", home / "dagster.yaml")
    address = f"http://127.0.0.1:{free_port(0)}"
    environment = {"DAGSTER_HOME": str(home), "REGISTRY_PIPELINES_CONFIG": str(estate.site_file)}
    command = [sys.executable, "-m", "dagster", "dev", "--workspace", str(ROOT / "workspace.yaml")]
    with Processes(estate.root / "logs") as processes:
        processes.start("dagster", [*command, "--host", "127.0.0.1", "--port", address[17:]], environment=environment)
        processes.wait_for(f"{address}/server_info", seconds=180)
        yield address


def launch_planning(browser: Browser, address: str) -> None:
    """Launch the job that makes the plan, with the one partition there is."""
    tags = f"tags[0][key]=dagster/partition&tags[0][value]={REGISTRY}"
    browser.open(f"{address}/locations/registry_pipelines/jobs/{PLAN_COLLECTION}/playground/setup?config=%7B%7D&{tags}")
    browser.launch()


def test_a_person_has_a_registry_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_TOKEN", "secret")
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build(tmp_path / "site", registry.url)
        estate.execute(estate.plan())
    with (
        a_pod() as pod,
        DockerRegistry(tmp_path / "registry", settings={"storage": READ_ONLY}) as registry,
        a_browser() as browser,
    ):
        configure(estate, registry, pod)
        site = json.loads(estate.site_file.read_text())
        estate.site_file.write_text(json.dumps({**site, "schedules": {"switched_on": True}}))
        images = plan_collection(estate).images
        with dagster(estate) as address:
            launch_planning(browser, address)
            browser.open(f"{address}/assets/collection_plan?view=partitions&partition={REGISTRY}")
            browser.until(lambda: "Review and approve" in browser.text(), "the link", seconds=120, reload=True)
            assert f"of {images} deleted images from 1 eviction" in browser.text()
            assert "these images cannot be put back" in browser.text()
            browser.click_link("Review and approve this plan")
            browser.until(lambda: "approver:" in browser.editor(), "the form")
            form = browser.editor()
            assert "# Type the number of images that are collected:" in form
            assert not browser.can_launch()
            form = form.replace("images:\n", f"images: {images}\n").replace("approver:\n", "approver: Ada\n")
            browser.write(form.replace("reason:\n", "reason: the disk is full\n"))
            browser.launch()
            browser.open(f"{address}/assets/collection_outcome?view=partitions&partition={REGISTRY}")
            browser.until(lambda: "main freed" in browser.text(), "the outcome", seconds=180, reload=True)
            browser.open(f"{address}/runs?view=backfills")
            browser.until(lambda: "collect" in browser.text(), "the backfill", seconds=120, reload=True)
