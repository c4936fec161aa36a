"""Links: into the Launchpad with the form, short enough to be shown inline, right in every code location."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import dagster as dg
import yaml

from registry_pipelines.approving.form import approval_form
from registry_pipelines.links import location_of, restore_link, review_link, whole_plan_link
from resources.configuration.settings import Site
from tests.registry_pipelines.planning import job_origin

FINGERPRINT = "5" * 64


def test_a_link_holds_the_form_as_it_was_written_with_its_comments() -> None:
    link = urlsplit(review_link("eviction", FINGERPRINT, Site(), location="registry_pipelines"))
    assert link.path == "/locations/registry_pipelines/jobs/approve_eviction_plan/playground/setup"
    asked = parse_qs(link.query)
    assert asked["config"] == [approval_form("eviction", FINGERPRINT)]
    assert (asked["tags[0][key]"], asked["tags[0][value]"]) == (["plan"], ["555555555555"])
    config = yaml.safe_load(asked["config"][0])["ops"]["decide"]["config"]
    assert config == {
        "plan": FINGERPRINT, "decision": "approve", "images": None, "approver": None, "reason": None,
    }  # fmt: skip


def test_a_link_may_stand_in_markdown() -> None:
    for link in (
        review_link("eviction", FINGERPRINT, Site(), location="registry_pipelines.definitions"),
        restore_link(FINGERPRINT, Site(), location="registry_pipelines"),
    ):
        assert not set(link) & set(' ()<>\n"`|')
        assert len(link) < 500


def test_the_form_asks_for_a_code_where_somebody_has_one() -> None:
    site = Site.model_validate({"approvals": {"approvers": [{"name": "a", "totp": {"env": "A"}}, {"name": "b"}]}})
    config = parse_qs(urlsplit(review_link("eviction", FINGERPRINT, site, location="x")).query)["config"][0]
    assert yaml.safe_load(config)["ops"]["decide"]["config"]["code"] == ""


def test_a_path_prefix_of_the_web_server_stands_before_the_link() -> None:
    site = Site.model_validate({"approvals": {"path_prefix": "/dagster"}})
    assert review_link("eviction", FINGERPRINT, site, location="x").startswith("/dagster/locations/x/")


def test_the_location_is_that_of_the_run_whatever_it_is_called(instance: dg.DagsterInstance) -> None:
    @dg.job
    def nothing() -> None: ...

    run = instance.create_run_for_job(nothing)
    assert location_of(run) == "registry_pipelines"
    for name in ("registry_pipelines", "registry_pipelines.definitions"):
        assert location_of(run.with_job_origin(job_origin(name))) == name


def test_the_whole_plan_is_linked_where_people_can_reach_it() -> None:
    assert whole_plan_link(FINGERPRINT, Site()) is None
    site = Site.model_validate({"web": {"address": "https://pipelines.example.com/"}})
    assert whole_plan_link(FINGERPRINT, site) == "https://pipelines.example.com/plans/555555555555"
