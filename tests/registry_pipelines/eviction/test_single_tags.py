"""Single tags: removed only where that is known to leave the image."""

from __future__ import annotations

import pytest

from registry_core.errors import Refused
from registry_pipelines.eviction.restore import restore_evicted
from tests.image_builder import make_image
from tests.registry_pipelines.eviction.estate import APP, TOOLS, Estate
from tests.registry_pipelines.eviction.meddler import Deed, Meddler


@pytest.fixture
def estate(embedded_estate: Estate) -> Estate:
    """An unused image that stays for one of its two tags; the registry is said to remove single tags."""
    embedded_estate.settings = {"removes_single_tags": True}
    embedded_estate.configure()
    return embedded_estate


def test_a_tag_goes_and_its_image_stays(estate: Estate) -> None:
    plan = estate.plan()
    (untag,) = [entry for entry in plan.entries if entry.kind == "untag"]
    assert untag.tags == ("old-name",)
    estate.execute(plan)
    twice = estate.images["twice"].digest
    assert estate.journal(plan)[APP, twice] == "deleted"
    assert estate.stored(twice)
    assert "old-name" not in estate.tags()
    assert estate.tags()["stable"] == twice


def test_a_tag_that_moved_is_spared(estate: Estate) -> None:
    plan = estate.plan()
    newer = estate.push("newer", make_image([b"newer"]), tag="old-name")
    estate.execute(plan)
    assert estate.journal(plan)[APP, estate.images["twice"].digest].startswith("spared: the tag old-name has moved")
    assert estate.tags()["old-name"] == newer.digest


def test_a_tag_that_nobody_names_goes_from_an_image_that_came_into_use(estate: Estate) -> None:
    plan = estate.plan()
    estate.use(f"{APP}:v3", f"{TOOLS}:t3", f"{APP}:stable")
    estate.execute(plan)
    twice = estate.images["twice"].digest
    assert estate.journal(plan)[APP, twice] == "deleted"
    assert estate.tags()["stable"] == twice
    assert "old-name" not in estate.tags()


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        (f"{APP}:old-name", "the tag old-name is now in use by production shop/web"),
        (f"{APP}@{{digest}}", "now in use by production shop/web, which names none of its tags"),
    ],
)
def test_a_tag_that_a_workload_names_since_is_spared(estate: Estate, reference: str, why: str) -> None:
    plan = estate.plan()
    twice = estate.images["twice"].digest
    estate.use(f"{APP}:v3", f"{TOOLS}:t3", reference.format(digest=twice))
    estate.execute(plan)
    assert estate.journal(plan)[APP, twice] == f"spared: {why}"
    assert estate.tags()["old-name"] == twice


def test_of_an_image_in_use_the_plan_takes_the_tags_that_nobody_names(estate: Estate) -> None:
    estate.use(f"{APP}:v3", f"{TOOLS}:t3", f"{APP}:old-name")
    estate.configure(policies=[{"repositories": ["**"], "keep_last": 1, "untagged": {"keep": False}}])
    plan = estate.plan()
    (untag,) = [entry for entry in plan.entries if entry.kind == "untag"]
    assert untag.tags == ("stable",)
    estate.execute(plan)
    assert "stable" not in estate.tags()
    assert estate.tags()["old-name"] == estate.images["twice"].digest


def test_the_last_tag_of_an_image_is_spared(estate: Estate) -> None:
    plan = estate.plan()
    estate.push("newer", make_image([b"newer"]), tag="stable")
    estate.execute(plan)
    twice = estate.images["twice"].digest
    assert estate.journal(plan)[APP, twice] == "spared: no other tag is left on the image"
    assert estate.tags()["old-name"] == twice


def test_it_is_never_tried_where_it_is_not_known(estate: Estate) -> None:
    plan = estate.plan()
    estate.settings = {}
    with Meddler(estate.url) as meddler:
        estate.configure(url=meddler.url)
        estate.execute(plan)
        assert not [reference for reference in meddler.asked_to_delete() if ":" not in reference]
    outcome = estate.journal(plan)[APP, estate.images["twice"].digest]
    assert outcome == "spared: the registry is not known to remove single tags (`removes_single_tags`)"
    estate.configure()
    assert not [entry for entry in estate.plan().entries if entry.kind == "untag"]


def test_a_registry_that_takes_the_whole_image_is_found_out_at_the_first(estate: Estate) -> None:
    plan = estate.plan()
    twice = estate.images["twice"].digest

    def as_harbor_does(method: str, path: str, _count: int) -> Deed | None:
        if method == "DELETE" and path.endswith("/old-name"):
            estate.delete(twice)
            return Deed(202)
        return None

    with Meddler(estate.url, as_harbor_does) as meddler:
        estate.configure(url=meddler.url)
        with pytest.raises(Refused, match="removes_single_tags: false"):
            estate.execute(plan)
    assert estate.journal(plan)[APP, twice].startswith("failed: the registry took the whole image")
    assert not estate.stored(twice)
    estate.configure()
    with estate.connections() as connections:
        restore_evicted(connections, plan.fingerprint, [f"{APP}@{twice}"], run_id="back")
    assert estate.tags()["stable"] == twice
