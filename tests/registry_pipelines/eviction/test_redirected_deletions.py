"""A registry, or a proxy before it, that sends our DELETE on to another place: nothing is deleted there."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_core.errors import PartialFailure
from resources.embedded_registry import EmbeddedRegistry
from tests.registry_pipelines.eviction.estate import APP, Estate, build
from tests.registry_pipelines.eviction.meddler import Deed, Meddler

STATUSES = [301, 302, 303, 307, 308]


def check_that_nothing_goes(estate: Estate, meddler: Meddler) -> None:
    plan = estate.plan()
    before = estate.contents()
    with pytest.raises(PartialFailure) as ended:
        estate.execute(plan)
    assert ended.value.exit_code == 4
    assert estate.contents() == before
    outcomes = estate.journal(plan)
    assert set(outcomes) == {entry.image for entry in plan.entries}
    asked = set(meddler.asked_to_delete())
    assert asked <= {entry.digest for entry in plan.entries}
    for (_, digest), outcome in outcomes.items():
        assert outcome.startswith("failed: "), outcome
        if digest in asked:
            assert "redirects a DELETE" in outcome
            assert "nothing was sent there" in outcome


@pytest.mark.parametrize("status", STATUSES)
def test_a_deletion_that_is_sent_to_another_registry_deletes_nothing_there(
    embedded_estate: Estate, tmp_path: Path, status: int
) -> None:
    with EmbeddedRegistry(tmp_path / "other", durable=False) as other:
        twin = build(tmp_path / "twin", other.url)
        there = twin.contents()

        def rule(method: str, path: str, _count: int) -> Deed | None:
            return Deed(status, headers={"Location": other.url + path}) if method == "DELETE" else None

        with Meddler(embedded_estate.url, rule) as meddler:
            embedded_estate.configure(url=meddler.url)
            check_that_nothing_goes(embedded_estate, meddler)
        assert twin.contents() == there
    embedded_estate.configure()


@pytest.mark.parametrize("status", STATUSES)
def test_a_deletion_that_is_sent_to_an_image_in_use_of_the_same_registry_deletes_nothing(
    embedded_estate: Estate, status: int
) -> None:
    used = embedded_estate.images["v3"].digest

    def rule(method: str, path: str, _count: int) -> Deed | None:
        if method == "DELETE" and not path.endswith(used):
            return Deed(status, headers={"Location": f"/v2/{APP}/manifests/{used}"})
        return None

    with Meddler(embedded_estate.url, rule) as meddler:
        embedded_estate.configure(url=meddler.url)
        check_that_nothing_goes(embedded_estate, meddler)
        assert used not in meddler.asked_to_delete()
    assert embedded_estate.stored(used)


def test_a_deletion_that_is_sent_to_a_slash_more_is_done(embedded_estate: Estate) -> None:
    estate = embedded_estate

    def rule(method: str, path: str, _count: int) -> Deed | None:
        if method == "DELETE" and not path.endswith("/"):
            return Deed(308, headers={"Location": path + "/"})
        return None

    with Meddler(estate.url, rule) as meddler:
        meddler.rewrite = lambda path: path.rstrip("/")
        estate.configure(url=meddler.url)
        plan = estate.plan()
        assert estate.execute(plan).record.state == "done"
    assert set(estate.journal(plan).values()) == {"deleted"}


def test_a_plan_whose_deletions_were_redirected_can_be_started_again(embedded_estate: Estate) -> None:
    estate = embedded_estate
    with Meddler(
        estate.url, lambda method, _path, _count: Deed(307, headers={"Location": "/x"}) if method == "DELETE" else None
    ) as meddler:
        estate.configure(url=meddler.url)
        plan = estate.plan()
        with pytest.raises(PartialFailure):
            estate.execute(plan)
    estate.configure()
    assert estate.execute(plan, "run 2").record.state == "done"
    assert set(estate.journal(plan).values()) == {"deleted"}
