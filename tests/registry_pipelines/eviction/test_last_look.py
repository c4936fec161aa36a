"""Between plan and deletion the world goes on: execution can only leave entries out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from registry_core.errors import IncompleteSnapshot, LimitExceeded, PlanStale
from tests.image_builder import cosign_tag, make_cosign_signature, make_image, make_index, make_referrer, push
from tests.registry_pipelines.eviction.estate import APP, POLICIES, TOOLS, Estate

Change = Callable[[Estate], object]


def move_the_tag(estate: Estate) -> None:
    push(estate.url, APP, make_image([b"new v2"]), "v2")


def add_a_tag(estate: Estate) -> None:
    push(estate.url, APP, estate.images["v2"], "release")


def use_it(estate: Estate) -> None:
    estate.use(f"{APP}:v3", f"{TOOLS}:t3", f"{APP}:v2")


def use_it_by_digest(estate: Estate) -> None:
    estate.use(f"{APP}:v3", f"{TOOLS}:t3", f"{APP}@{estate.images['v2'].digest}")


def sign_it(estate: Estate) -> None:
    second = estate.images["v2"]
    push(estate.url, APP, make_cosign_signature(second), cosign_tag(second))


def describe_it(estate: Estate) -> None:
    second = estate.images["v2"]
    estate.push_referrer("new sbom", make_referrer(second, content=b"new"), second, api=False)


def list_it(estate: Estate) -> None:
    push(estate.url, APP, make_index([estate.images["v2"]]), "both")


CHANGES = [
    (move_the_tag, "the tag v2 has moved to sha256:"),
    (add_a_tag, "it has the new tag release"),
    (use_it, "now in use by production shop/web"),
    (use_it_by_digest, "now in use by production shop/web"),
    (sign_it, "it belongs with sha256:"),
    (describe_it, "it belongs with sha256:"),
    (list_it, "it belongs with sha256:"),
]


@pytest.mark.parametrize(("change", "why"), CHANGES)
def test_an_image_that_somebody_wants_again_is_spared_with_what_belongs_to_it(
    embedded_estate: Estate, change: Change, why: str
) -> None:
    see_that_it_is_spared(embedded_estate, change, why)


@pytest.mark.parametrize(("change", "why"), [CHANGES[1], CHANGES[5]])
def test_so_it_is_in_a_registry_without_a_referrers_api(docker_estate: Estate, change: Change, why: str) -> None:
    see_that_it_is_spared(docker_estate, change, why)


def see_that_it_is_spared(estate: Estate, change: Change, why: str) -> None:
    plan = estate.plan()
    change(estate)
    done = estate.execute(plan)
    journal = estate.journal(plan)
    assert done.record.state == "done"
    assert journal[APP, estate.images["v2"].digest].startswith(f"spared: {why}")
    assert journal[APP, estate.images["v2 sbom"].digest].startswith("spared: it belongs with")
    assert journal[APP, estate.images["v1"].digest] == "deleted"
    assert estate.stored(estate.images["v2"].digest)
    assert estate.stored(estate.images["v2 sbom"].digest)


def test_a_child_that_is_used_spares_its_index(embedded_estate: Estate) -> None:
    estate = embedded_estate
    plan = estate.plan()
    child = estate.images["inner linux/amd64"]
    estate.use(f"{APP}:v3", f"{TOOLS}:t3", f"{APP}@{child.digest}")
    estate.execute(plan)
    journal = estate.journal(plan)
    for name in ("nested", "inner", "inner linux/amd64", "inner linux/arm64", "beside"):
        assert journal[APP, estate.images[name].digest].startswith("spared: "), name


def test_a_repository_that_is_protected_since_is_left_alone(embedded_estate: Estate) -> None:
    plan = embedded_estate.plan()
    embedded_estate.configure(policies=[{"repositories": [APP], "protect": True}, *POLICIES])
    embedded_estate.execute(plan)
    journal = embedded_estate.journal(plan)
    assert {text for (repository, _), text in journal.items() if repository == APP} == {
        "spared: protected since by policies[0]"
    }
    assert {text for (repository, _), text in journal.items() if repository == TOOLS} == {"deleted"}


def test_what_somebody_else_deleted_is_told_as_already_gone(estate: Estate) -> None:
    plan = estate.plan()
    for name in ("tool 1", "nested"):
        estate.delete(estate.images[name].digest, TOOLS if name == "tool 1" else APP)
    estate.execute(plan)
    journal = estate.journal(plan)
    assert journal[TOOLS, estate.images["tool 1"].digest] == "already gone"
    assert journal[APP, estate.images["nested"].digest] == "already gone"
    assert journal[APP, estate.images["inner"].digest] == "deleted"


def test_an_inventory_that_cannot_be_read_deletes_nothing(embedded_estate: Estate) -> None:
    plan = embedded_estate.plan()
    before = embedded_estate.contents()
    dump = embedded_estate.root / "cluster" / "workloads.json"
    dump.write_text(dump.read_text()[:-2])
    with pytest.raises(IncompleteSnapshot, match="nothing is deleted: the inventory of production is incomplete"):
        embedded_estate.execute(plan)
    assert embedded_estate.contents() == before
    embedded_estate.use(f"{APP}:v3", f"{TOOLS}:t3")
    assert embedded_estate.execute(plan, "run 2").record.state == "done"


def test_an_inventory_that_shows_too_little_in_use_deletes_nothing(embedded_estate: Estate) -> None:
    embedded_estate.configure(limits={"min_images_in_use": 2, "max_evicted_share": 1.0})
    plan = embedded_estate.plan()
    embedded_estate.use("elsewhere/app:1")
    with pytest.raises(LimitExceeded, match="0 stored images are in use now"):
        embedded_estate.execute(plan)
    assert embedded_estate.journal(plan) == {}


def test_an_old_dump_deletes_nothing(embedded_estate: Estate) -> None:
    plan = embedded_estate.plan()
    later = datetime.now(UTC) + timedelta(hours=3)
    with pytest.raises(PlanStale, match=r"limits\.max_inventory_age"):
        embedded_estate.execute(plan, clock=lambda: later)
    assert embedded_estate.journal(plan) == {}


def test_where_a_newer_inventory_was_stored_meanwhile_that_one_counts(embedded_estate: Estate) -> None:
    plan = embedded_estate.plan()
    dump = embedded_estate.root / "cluster" / "workloads.json"
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
    os.utime(dump, (an_hour_ago, an_hour_ago))
    assert embedded_estate.execute(plan).record.state == "done"


def test_a_cluster_that_is_configured_no_more_makes_the_plan_stale(embedded_estate: Estate) -> None:
    plan = embedded_estate.plan()
    site = json.loads(embedded_estate.site_file.read_text())
    site["clusters"] = {"other": site["clusters"]["production"]}
    embedded_estate.site_file.write_text(json.dumps(site))
    with pytest.raises(PlanStale, match="the inventory of production, which is not configured any more"):
        embedded_estate.execute(plan)
